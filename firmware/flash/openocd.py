"""OpenOCD, through whatever debug probe the board has. Its own "Verified OK" is success. It flashes any chip of a
family: which one is there is asked for first."""

import re
import shutil
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import openocd
from firmware.errors import FirmwareError
from firmware.flash import identity, tool, usb

INSTALL: Final = "Install OpenOCD: apt-get install openocd, brew install open-ocd, or https://openocd.org."

# What OpenOCD 0.12 says: src/jtag/drivers, src/target, src/flash.
FAILURES: Final = (
    tool.no_permission("LIBUSB_ERROR_ACCESS|could not open device .*[Aa]ccess denied"),
    tool.no_probe("No device matches the serial string|ST-LINK open failed"),
    tool.no_probe(
        "Error: open failed|unable to find a matching CMSIS-DAP device|No J-Link device found|no device found"
    ),
    tool.old_firmware("only supports deprecated HLA"),
    tool.locked("AP lock engaged"),
    tool.no_answer(
        "init mode failed|unable to connect to the target|target voltage may be too low|Target not examined yet"
    ),
    tool.no_answer("Error connecting DP: cannot read IDR"),
    tool.wrong_chip("Cannot identify target as|UNEXPECTED idcode|auto_probe failed"),
    tool.verify_failed(r"\*\* Verify Failed \*\*"),
    tool.Failure("Can't find ", "lacks a configuration file that {board} needs", "Install OpenOCD 0.12 or newer."),
)


def allows(board: Board) -> bool:
    return board.probe is not None


def lacks(board: Board, probe: str | None) -> str | None:
    return None if shutil.which("openocd") else INSTALL


def require() -> None:
    """Raises FirmwareError unless OpenOCD is on PATH."""
    if shutil.which("openocd") is None:
        raise FirmwareError("OpenOCD, which programs the board, is not on PATH.", INSTALL)


def program(elf: Path, board: Board, probe: str | None) -> None:
    serial = usb.choose(board, probe)
    if known := board.chip.identity:
        word = rf"^{known.register:#x}: ([0-9a-f]{{8}})\b"
        said = tool.run("OpenOCD", openocd.identify(board, serial), board, f"(?m){word}", FAILURES)
        identity.check("OpenOCD", board, int(re.findall(word, said, re.MULTILINE)[0], 16))
    tool.run("OpenOCD", openocd.render(board, elf.resolve(), serial), board, r"\*\* Verified OK \*\*", FAILURES)
