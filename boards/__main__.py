"""The table of boards.

    python -m boards            board, core, clock, flash, RAM, UART, emulators, alias
    python -m boards --json     the same facts for a machine, nothing left out
    python -m boards --udev     udev rules for their debug probes: boards/udev/99-demur.rules

A board that is wrong is not listed: the command says what is wrong with it and exits 2.
"""

import argparse
import dataclasses
import json
import sys

from boards.board import Board
from boards.cores import NO_FPU
from boards.load import load_all
from boards.render import udev
from contract.errors import DONE, run

HEADER = ("board", "core", "clock", "flash", "RAM", "UART", "flashed by", "emulators", "alias")


def row(board: Board) -> tuple[str, ...]:
    """One line of the table."""
    core = board.chip.core + ("" if board.chip.fpu == NO_FPU else "f")
    return (
        board.name,
        core,
        f"{board.clock.hz / 1e6:g} MHz",
        f"{board.memory.flash.length // 1024} KiB",
        f"{board.memory.ram.length // 1024} KiB",
        f"{board.uart.baud} baud",
        "OpenOCD" if board.probe else "-",
        ", ".join(_emulators(board)) or "-",
        ", ".join(board.aliases) or "-",
    )


def _emulators(board: Board) -> list[str]:
    qemu, renode = board.emulator.qemu, board.emulator.renode
    return ([f"QEMU {qemu.machine}"] if qemu else []) + (["Renode"] if renode else [])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m boards", description="Print the table of boards.")
    parser.add_argument("--json", action="store_true", help="print every fact of every board as JSON")
    parser.add_argument("--udev", action="store_true", help="print the udev rules for their debug probes")
    arguments = parser.parse_args()
    boards = load_all()
    if arguments.udev:
        print(udev.render(boards), end="")
        return DONE
    if arguments.json:
        print(json.dumps([dataclasses.asdict(board) for board in boards], indent=2))
        return DONE
    rows = [HEADER, *(row(board) for board in boards)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADER))]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return DONE


if __name__ == "__main__":
    sys.exit(run(main))
