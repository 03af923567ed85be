"""Images of the bench models: built once a session and board, by PlatformIO with no network to reach."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boards import Board, load
from contract.run_folder import RunFolder
from firmware.build import build
from firmware.size import Sizes

HERE = Path(__file__).parent
Image = Callable[[str], tuple[Board, Path, Sizes]]


@pytest.fixture(autouse=True)
def unhurried(patient: None) -> None:
    """No emulated board loses anything, and frames are counted."""


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder that holds the bench model and nothing else."""
    return _copy("bench", tmp_path_factory)


@pytest.fixture(scope="session")
def bench_stream(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder that holds the recurrent bench model and nothing else."""
    return _copy("bench_stream", tmp_path_factory)


@pytest.fixture(scope="session")
def image(bench: RunFolder) -> Image:
    """Builds the bench image for a board, once; skips where there is no compiler."""
    return _images(bench)


@pytest.fixture(scope="session")
def stream_image(bench_stream: RunFolder) -> Image:
    """Likewise the image of the recurrent bench model."""
    return _images(bench_stream)


def _copy(name: str, factory: pytest.TempPathFactory) -> RunFolder:
    folder = factory.mktemp(name) / name
    shutil.copytree(HERE / name, folder)
    return RunFolder(folder)


def _images(folder: RunFolder) -> Image:
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
                patch.setenv("PLATFORMIO_CORE_DIR", str(folder.path.parent / "core"))
                sizes = build(folder, board)
            built[name] = (board, folder.firmware(board.name) / "firmware.elf", sizes)
        return built[name]

    return get
