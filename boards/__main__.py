"""The table of boards.

    python -m boards                board, core, clock, flash, RAM, UART, flash tool, emulators, alias, and which models under runs/ fit
    python -m boards --runs DIR     the models of another folder
    python -m boards --json         the same facts for a machine, nothing left out
    python -m boards --udev         udev rules for their debug probes: boards/udev/99-demur.rules
    python -m boards --platformio   their environments for PlatformIO: firmware/boards.ini

What a model needs is measured where an image of it was built for the board, and else computed (boards.models). A board
that is wrong is not listed: the command says what is wrong with it and exits 2.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from boards.board import Board
from boards.cores import NO_FPU
from boards.load import load_all
from boards.models import Fit, fits
from boards.render import platformio, udev
from contract.errors import DONE, run
from firmware.flash import BACK_ENDS

HEADER = ("board", "core", "clock", "flash", "RAM", "UART", "flashed by", "emulators", "alias", "models")


LEGEND = "Models: those under {runs} that fit; ~ computed, no image was built for that board; - does not fit."
NO_MODELS = "No model under {runs} has an image yet: `make demo` makes one, and then this table says what fits."


def row(board: Board, models: list[Fit]) -> tuple[str, ...]:
    """One line of the table; `models` are those of which something is known."""
    core = board.chip.core + ("" if board.chip.fpu == NO_FPU else "f")
    return (
        board.name,
        core,
        f"{board.clock.hz / 1e6:g} MHz",
        f"{board.memory.flash.length // 1024} KiB",
        f"{board.memory.ram.length // 1024} KiB",
        f"{board.uart.baud} baud",
        ", ".join(_flash_tools(board)) or "-",
        ", ".join(_emulators(board)) or "-",
        ", ".join(board.aliases) or "-",
        ", ".join(f"{'' if each.fits else '-'}{'' if each.measured else '~'}{each.model}" for each in models),
    )


def _flash_tools(board: Board) -> list[str]:
    return [back_end.name for back_end in BACK_ENDS if back_end.allows(board)]


def _emulators(board: Board) -> list[str]:
    emulator = board.emulator
    return (
        ([f"QEMU {emulator.qemu.machine}"] if emulator.qemu else [])
        + (["Renode"] if emulator.renode else [])
        + (["rp2040js"] if emulator.rp2040js else [])
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m boards", description="Print the table of boards.")
    parser.add_argument("--json", action="store_true", help="print every fact of every board as JSON")
    parser.add_argument("--udev", action="store_true", help="print the udev rules for their debug probes")
    parser.add_argument("--platformio", action="store_true", help="print the environments of firmware/boards.ini")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where the models are (default: runs)"
    )
    arguments = parser.parse_args()
    boards = load_all()
    if arguments.platformio:
        print(platformio.environments(boards), end="")
        return DONE
    if arguments.udev:
        print(udev.render(boards), end="")
        return DONE
    models = fits(arguments.runs, boards)
    of = {board.name: [each for each in models if each.board == board.name] for board in boards}
    if arguments.json:
        facts = [
            dataclasses.asdict(board)
            | {"short_name": board.short_name, "flash_tools": _flash_tools(board)}
            | {"models": [dataclasses.asdict(each) for each in of[board.name]]}
            for board in boards
        ]
        print(json.dumps(facts, indent=2))
        return DONE
    rows = [HEADER, *(row(board, of[board.name]) for board in boards)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADER))]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"\n{(LEGEND if models else NO_MODELS).format(runs=arguments.runs)}", file=sys.stderr)
    return DONE


if __name__ == "__main__":
    sys.exit(run(main))
