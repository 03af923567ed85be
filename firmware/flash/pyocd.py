"""pyOCD, a Python package, through the debug probe. It does not read back what it wrote: HELLO has to do."""

import shutil
from pathlib import Path
from typing import Final

from boards import Board
from contract.errors import NO_DEVICE
from firmware.flash import tool, usb

INSTALL: Final = "Install pyOCD: pipx install pyocd."

# What pyOCD 0.46 says: pyocd/core/helpers.py, pyocd/board/board.py, pyocd/subcommands, pyocd/probe.
FAILURES: Final = (
    tool.no_permission(r"[Aa]ccess denied|insufficient permissions|Unable to open device"),
    tool.old_firmware("older firmware version|firmware does not support JTAG/SWD"),
    tool.no_probe("No connected debug probe|No available debug probes"),
    tool.Failure(
        "Enter the number of the debug probe|More than one debug probe", "found several probes for {board}",
        "Name the serial number of one with PROBE, as `pyocd list` shows it.", NO_DEVICE,
    ),
    tool.locked("APPROTECT enabled"),
    tool.no_answer("No ACK|communication failure|Unable to connect|no valid DP|Error reading IDR"),
    tool.Failure("[Ff]lash (program|erase) .*(fail|timed out|timeout)", "could not write the flash of {board}", tool.TRY_AGAIN),
)  # fmt: skip


def allows(board: Board) -> bool:
    return board.probe is not None and board.probe.pyocd is not None


def lacks(board: Board, probe: str | None) -> str | None:
    return None if shutil.which("pyocd") else INSTALL


def program(elf: Path, board: Board, probe: str | None) -> None:
    assert board.probe is not None and board.probe.pyocd is not None  # allows()
    target = board.probe.pyocd
    unknown = tool.Failure(
        "Target type .* not recognized",
        "does not know the chip of {board}",
        f"Have it download what it needs to know: pyocd pack install {target}.",
    )
    serial = usb.choose(board, probe)
    select = () if serial is None else ("--uid", serial)
    command = (
        "pyocd",
        "load",
        "--no-wait",
        "-O",
        "auto_unlock=false",  # else it erases a locked chip without being asked
        "--target",
        board.probe.pyocd,
        *select,
        "--format",
        "elf",
        str(elf.resolve()),
    )
    tool.run("pyOCD", command, board, "", (*FAILURES, unknown), complaint=r"\d+ [CE] |No ")
