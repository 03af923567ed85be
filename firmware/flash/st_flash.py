"""st-flash of stlink-tools, through an ST-LINK. It reads back what it wrote and says "verified". It flashes any chip
that it knows: which one is there is asked of st-info first, which comes with it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from boards import Board
from contract.errors import NO_DEVICE
from firmware.flash import identity, tool, usb

INSTALL: Final = "Install st-flash: apt-get install stlink-tools, or brew install stlink."

# What stlink 1.7 and 1.8 say: src/stlink-lib, src/st-flash/flash.c.
FAILURES: Final = (
    tool.no_permission(r"access error|\(LIBUSB_ERROR_ACCESS\)|Error -3 "),
    tool.Failure(
        "unable to claim", "cannot have the probe of {board}, which another program uses",
        "Close the other debugger, or the program that reads the ST-LINK.", NO_DEVICE,
    ),
    tool.no_probe("Couldn't find any ST-Link|Failed to open USB device"),
    tool.no_answer("Can not connect to target|Could not find chip id|too low for flash writes"),
    tool.no_answer("Failed to read core_id|Failed to halt the core"),
    tool.wrong_chip("exceeds the size of the flash|addr too high"),
    tool.Failure(
        "unknown chip id|unrecognized flash type", "does not know the chip of {board}",
        "Install OpenOCD 0.12 or newer, or stlink 1.8 or newer: 1.7 has neither the STM32U575 nor the STM32G0B1.", reached=False,
    ),
    tool.no_answer("Failed to connect to target"),
    tool.verify_failed("Verification of flash failed"),
)  # fmt: skip


def allows(board: Board) -> bool:
    return board.probe is not None and any(map(usb.is_st_link, board.probe.usb))


def lacks(board: Board, probe: str | None) -> str | None:
    return None if shutil.which("st-flash") else INSTALL


def program(elf: Path, board: Board, probe: str | None) -> None:
    serial = usb.choose(board, probe)
    found = chip_id(serial) if board.chip.identity else None
    if found is not None:
        identity.check("st-info", board, found)
    select = () if serial is None else ("--serial", serial)
    image, origin = elf.with_suffix(".bin").resolve(), board.memory.flash.origin
    command = ("st-flash", *select, "--reset", "write", str(image), f"{origin:#x}")
    tool.run(
        "st-flash", command, board, "[Ff]lash written and verified", FAILURES, complaint=r".*\b(?:ERROR|WARN) [\w.]+: "
    )


def chip_id(serial: str | None) -> int | None:
    """The id that `st-info --probe` has of the chip behind the ST-LINK with that serial number, or the only one; None
    if it does not say, for which st-flash has the reason then: no probe, no permission, no answer."""
    try:
        result = subprocess.run(
            ("st-info", "--probe"), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=tool.TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    # One paragraph for each ST-LINK (src/st-info/info.c), in which these two lines are in this order.
    found = re.findall(
        r"^ *serial: *(\w+)$(?:\n(?! *serial:).*)*?\n *chip-?id: *(0x[0-9a-fA-F]+)", result.stdout, re.MULTILINE
    )
    known = [int(chip, 16) for number, chip in found if serial in (None, number)]
    return known[0] if len(known) == 1 and known[0] else None
