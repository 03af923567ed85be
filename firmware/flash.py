"""Programs a board through its debug probe with OpenOCD: `flash(elf, board)`.

OpenOCD ends with 1 whatever went wrong, so its words decide which error it is. Only its own "Verified OK" is success.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import openocd
from contract.errors import KNOWN_FAILURE, NO_DEVICE
from firmware.errors import FirmwareError

TIMEOUT: Final = 120
"""Seconds. 512 KiB through an ST-LINK/V2-1 take some 15."""

SUCCESS: Final = "** Verified OK **"

# What OpenOCD 0.12 says (src/jtag/drivers, src/target, src/flash), what that means, what to do, and the exit code.
FAILURES: Final = (
    (
        r"LIBUSB_ERROR_ACCESS",
        "may not open the debug probe",
        "Install OpenOCD's udev rules (60-openocd.rules), then plug the board in again.",
        NO_DEVICE,
    ),
    (
        r"Error: open failed|unable to find a matching CMSIS-DAP device|No J-Link device found|no device found",
        "found no debug probe",
        "Connect the board's USB port of the probe, and check that the cable carries data.",
        NO_DEVICE,
    ),
    (
        r"init mode failed|unable to connect to the target|target voltage may be too low|Target not examined yet",
        "found the probe, but the chip behind it does not answer",
        "Check the board's power and jumpers, hold reset while it connects, and try again.",
        NO_DEVICE,
    ),
    (
        r"Can't find ",
        "lacks a configuration file that the board names",
        "Install OpenOCD 0.12 or newer.",
        KNOWN_FAILURE,
    ),
)


def require_openocd() -> None:
    """Raises FirmwareError unless OpenOCD is on PATH."""
    if shutil.which("openocd") is None:
        raise FirmwareError(
            "OpenOCD, which programs the board, is not on PATH.",
            "Install it: apt-get install openocd, brew install open-ocd, or https://openocd.org.",
        )


def flash(elf: Path, board: Board) -> str:
    """Program, verify and reset; returns OpenOCD's output. Raises FirmwareError; exit code 3 if no board answers."""
    command = openocd.render(board, elf.resolve())
    require_openocd()
    assert board.probe is not None  # render raised otherwise
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(
            f"OpenOCD did not finish within {TIMEOUT} s while flashing {board.name}.",
            "Unplug the board, plug it in again, and run the command once more.",
            NO_DEVICE,
        ) from None
    if result.returncode == 0 and SUCCESS in result.stdout:
        return result.stdout
    for pattern, meaning, next_step, exit_code in FAILURES:
        if re.search(pattern, result.stdout):
            raise FirmwareError(
                f"OpenOCD {meaning} of {board.name} (USB {board.probe.usb}): {_complaint(result.stdout)}.",
                next_step,
                exit_code,
            )
    raise FirmwareError(
        f"OpenOCD did not flash {board.name} (exit code {result.returncode}): {_complaint(result.stdout)}.",
        f"Run it by hand to see all it says: {' '.join(command[:3])} -c '{command[-1]}'.",
    )


def _complaint(output: str) -> str:
    """OpenOCD's first error line, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    errors = (line.removeprefix("Error:").strip() for line in lines if line.startswith("Error:"))
    return next(errors, lines[-1]).rstrip(".")
