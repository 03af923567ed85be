"""Drives PlatformIO: `build(RunFolder(Path("runs/digits")), load("nucleo"))` returns the sizes of a finished image.

Objects and PlatformIO's other leavings go to `<run>/firmware/.pio/<application>/<engine>`, so that two runs never share
any; the image, its map and size.json go to `<run>/firmware/<board>/`, whichever application and engine were built last.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from boards import Board, load_all
from boards.fit import Part, advice, table
from boards.load import with_baud
from contract.run_folder import RunFolder
from firmware import parts, tflm
from firmware import source as sources
from firmware.errors import INSTALL, FirmwareError
from firmware.generate import CONSENT_VARIABLE, DEFAULT_CONSENT, consent_of
from firmware.model_files import (
    APP_VARIABLE,
    BAUD_VARIABLE,
    DEFAULT_APP,
    DEFAULT_ENGINE,
    ENGINE_VARIABLE,
    RUN_VARIABLE,
    require,
)
from firmware.size import Sizes, measure, state_bytes

PROJECT: Final = Path(__file__).parent

COMPILER: Final = "arm-none-eabi-gcc"

OVERFLOW: Final = r"region `(\w+)' overflowed by (\d+) bytes"
"""What GNU ld says of an image that is too large."""

QUIET: Final = {
    # PlatformIO reports usage and looks for newer versions of itself unless told otherwise. A build does neither.
    "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
    "PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL": "36500",  # days
    "PLATFORMIO_SETTING_CHECK_PRUNE_SYSTEM_THRESHOLD": "0",  # megabytes; 0 switches it off
}


def build(
    run: RunFolder,
    board: Board,
    engine: str = DEFAULT_ENGINE,
    verbose: bool = False,
    consent: str = DEFAULT_CONSENT,
    source: str = sources.DEFAULT,
    app: str = DEFAULT_APP,
    baud: int | None = None,
) -> Sizes:
    """Build the image of a run for a board and measure it. `consent` is the least that a host can ask for, `source`
    what the board takes samples from itself (firmware.source); `baud` is the rate of an application that the host does
    not talk to, None for its own.

    Raises FirmwareError with the compiler's words on stderr, and BoardError for a rate that the board cannot have.
    """
    require(run.path, engine, app)
    consent_of(consent)
    sources.find(source, run.path)
    if baud is not None:
        if app == DEFAULT_APP:
            raise FirmwareError(
                f"The host talks to {board.name} at the {board.uart.baud} baud of its board file, so the image cannot have {baud}.",
                f"Change boards/{board.name}.toml, or leave --baud out.",
            )
        with_baud(board, baud)
    # An environment *_tflm has PlatformIO fetch the library, which nobody wants who has a tree of his own.
    fetched = engine == "tflm" and tflm.tree(os.environ) is None
    name = f"{board.short_name}_tflm" if fetched else board.short_name
    if importlib.util.find_spec("platformio") is None:
        raise FirmwareError("PlatformIO is not installed in this Python.", INSTALL)
    if shutil.which(COMPILER) is None:
        print(f"{COMPILER} is not on PATH: PlatformIO will download its own.", file=sys.stderr)
    workspace = run.path.resolve() / "firmware" / ".pio" / app / engine
    command = [sys.executable, "-m", "platformio", "run", "-e", name]
    environment = os.environ | QUIET | {
        RUN_VARIABLE: str(run.path.resolve()),
        ENGINE_VARIABLE: engine,
        CONSENT_VARIABLE: consent,
        sources.VARIABLE: sources.absolute(source),
        APP_VARIABLE: app,
        BAUD_VARIABLE: str(baud or ""),
        "PLATFORMIO_WORKSPACE_DIR": str(workspace),
    }  # fmt: skip
    code, said = _run([*command, "--verbose"] if verbose else command, environment, verbose)
    if code != 0:
        _refuse_too_large(said, run, board, workspace / "build" / name / "firmware.map")
        sys.stderr.write("" if verbose else said)
        raise FirmwareError(
            f"PlatformIO could not build {run.path} for {board.name} with the engine {engine} (exit code {code}); what it said is above.",
            _advice(said, fetched),
        )
    return _collect(workspace / "build" / name, run, board)


def _run(command: list[str], environment: dict[str, str], show: bool) -> tuple[int, str]:
    """Exit code of PlatformIO and all that it said, which is on stderr too as it comes if `show`."""
    lines = []
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                sys.stderr.write(line)
    return process.returncode, "".join(lines)


def _refuse_too_large(output: str, run: RunFolder, board: Board, link_map: Path) -> None:
    """Raises FirmwareError if the linker said that the image does not fit: by how much, and which boards have the
    memory. What takes the space is then on stderr."""
    over = {region: int(excess) for region, excess in re.findall(OVERFLOW, output)}
    if not over:
        return
    made_of = parts.read(link_map, board, state_bytes(run))
    print(table(made_of, board), file=sys.stderr)
    sequence = sum(part.ram for part in made_of if part.name == parts.SEQUENCE)
    others = advice(made_of, load_all())
    fewer = "Give the board fewer samples of its own (--source vectors:N), train" if _takes_flash(made_of) else "Train"
    if "RAM" in over:
        raise FirmwareError(
            f"{run.path}: the image takes {over['RAM']:,} bytes more than the {board.memory.ram.length:,} bytes of RAM of "
            f"{board.name}" + (f"; the buffer for a whole sequence is {sequence:,} bytes of it." if sequence else "."),
            "Train on sequences of fewer or of smaller frames (`frames` and `bands` under [data.features], if they are of "
            f"sound), train a smaller model, or name a board with more RAM. {others}"
            if sequence
            else f"Train a smaller model, or name a board with more RAM. {others}",
        )
    raise FirmwareError(
        f"{run.path}: the image takes {over['FLASH']:,} bytes more than the {board.memory.flash.length:,} bytes of flash "
        f"of {board.name}.",
        f"{fewer} a smaller model, or name a board with more flash. {others}",
    )


def _takes_flash(made_of: Iterable[Part]) -> bool:
    """Whether samples of the board's own are among the parts."""
    return any(part.name == parts.SOURCE and part.flash for part in made_of)


def _advice(output: str, fetched: bool) -> str:
    if fetched and re.search("Library Manager: Installing(?!.*has been installed)", output, re.DOTALL):
        return (
            f"TensorFlow Lite Micro is not there: set {tflm.TREE_VARIABLE} to a tree made by its {tflm.GENERATOR}, or "
            "connect the network, from which PlatformIO takes the library."
        )
    install = "Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
    if shutil.which(COMPILER) is None:
        return f"Install {COMPILER} ({install}), or connect the network, from which PlatformIO takes its own."
    if "nano.specs" in output or "fatal error: string.h" in output:
        return f"The C library newlib is missing beside {COMPILER}: install it ({install})."
    return "Correct the first error it names; --verbose shows every command."


def _collect(built: Path, run: RunFolder, board: Board) -> Sizes:
    """Copy what was built to the run folder and write size.json beside it."""
    folder = run.firmware(board.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("firmware.elf", "firmware.bin", "firmware.map"):
        shutil.copyfile(built / name, folder / name)
    sizes = measure(folder / "firmware.elf", board, state_bytes(run))
    (folder / "size.json").write_text(sizes.json(), encoding="utf-8")
    return sizes
