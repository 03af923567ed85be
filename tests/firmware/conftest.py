"""Images of the bench model (bench/): built once a session and board, by PlatformIO with no network to reach."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boards import Board, load
from contract.run_folder import RunFolder
from firmware.build import build
from firmware.size import Sizes

BENCH = Path(__file__).parent / "bench"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder that holds the bench model and nothing else."""
    folder = tmp_path_factory.mktemp("bench") / "bench"
    shutil.copytree(BENCH, folder)
    return RunFolder(folder)


@pytest.fixture(scope="session")
def image(bench: RunFolder) -> Callable[[str], tuple[Board, Path, Sizes]]:
    """Builds the bench image for a board, once; skips where there is no compiler."""
    built: dict[str, tuple[Board, Path, Sizes]] = {}

    def get(name: str) -> tuple[Board, Path, Sizes]:
        if shutil.which("arm-none-eabi-gcc") is None:
            pytest.skip("arm-none-eabi-gcc is not installed")
        if name not in built:
            board = load(name)
            with pytest.MonkeyPatch.context() as patch:
                # A proxy that refuses every connection: whatever a build fetched would fail it.
                for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
                    patch.setenv(variable, "http://127.0.0.1:9")
                patch.setenv("PLATFORMIO_CORE_DIR", str(bench.path.parent / "core"))
                sizes = build(bench, board)
            built[name] = (board, bench.firmware(board.name) / "firmware.elf", sizes)
        return built[name]

    return get
