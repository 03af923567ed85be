"""Boards as data: one TOML each, loaded, checked and rendered. Standard library only.

    from boards import load, names

    board = load("nucleo")            # a name (nucleo_f446re) or an alias
    board.clock.hz, board.uart.baud   # 180000000, 460800

    python -m boards                  # the table of boards

A board of a known chip family is one new TOML file in this folder. A new kind of clock, time base or UART is one
file in `boards/clocks`, `boards/ticks` or `boards/uarts`, one line in the table there, and its twin in `firmware/hal`.
`boards/render` turns a board into the linker script, board.h, the PlatformIO board and the OpenOCD command.
"""

from boards.board import Board, Emulator, Identity, Memory, Probe, Qemu, Region, Renode, Uf2
from boards.errors import BoardError
from boards.load import by_probe, load, load_all, names

__all__ = [
    "Board",
    "BoardError",
    "Emulator",
    "Identity",
    "Memory",
    "Probe",
    "Qemu",
    "Region",
    "Renode",
    "Uf2",
    "by_probe",
    "load",
    "load_all",
    "names",
]
