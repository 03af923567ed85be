"""A board as a Renode platform: `repl(board)`, `resc(board)`, and `write(board, folder)` for both files.

Everything the firmware touches is in the platform and nothing is taken from Renode's own, whose files for these chips fetch
a register description from the network and have more memory than the parts. Clock, power and GPIO registers are plain
memory: they keep what is written and never report ready, so the firmware stays on the internal oscillator, as in QEMU,
and that is what SysTick, the DWT and the instruction rate are set to: one instruction a clock period.

The platform follows release 1.16.1, whose files and monitor commands were tried one by one; as a whole it has not been
loaded yet.
"""

from pathlib import Path
from typing import Final

from boards.board import Board
from boards.errors import BoardError
from boards.uarts.stm32_usart import Stm32Usart

UARTS: Final = {"stm32_usart": "UART.STM32_UART"}
"""Renode's model of each UART driver's peripheral."""

REGISTERS: Final = {
    "stm32f4": {"pwr": 0x4000_7000, "rcc": 0x4002_3800, "flash_interface": 0x4002_3C00},  # RM0390 2.2.2
}
"""What the clock drivers write to: blocks of BLOCK bytes."""

BLOCK: Final = 0x400
PRIORITY_MASK: Final = 0xF0  # PM0214 4.3.7: the STM32F4 implements the upper four bits of a priority


def repl(board: Board) -> str:
    """The platform. Raises BoardError for a board without one."""
    model = _models(board)
    memory, hz = board.memory, board.clock.fallback_hz
    blocks = dict(REGISTERS[board.clock.DRIVER])
    if isinstance(board.uart, Stm32Usart):
        blocks |= {f"gpio_{pin.gpio:x}": pin.gpio for pin in board.uart.pins}
    stubs = "\n".join(
        f"{name}: Memory.ArrayMemory @ sysbus {address:#010x}\n    size: {BLOCK:#x}\n"
        for name, address in sorted(blocks.items(), key=lambda block: block[1])
    )
    return f"""\
// Renode platform of {board.name}, rendered from boards/{board.name}.toml.

cpu: CPU.CortexM @ sysbus
    cpuType: "{board.chip.core}"
    nvic: nvic

nvic: IRQControllers.NVIC @ sysbus 0xE000E000
    priorityMask: {PRIORITY_MASK:#x}
    systickFrequency: {hz}
    IRQ -> cpu@0

dwt: Miscellaneous.DWT @ sysbus 0xE0001000
    frequency: {hz}

flash: Memory.MappedMemory @ sysbus {memory.flash.origin:#010x}
    size: {memory.flash.length:#x}

sram: Memory.MappedMemory @ sysbus {memory.ram.origin:#010x}
    size: {memory.ram.length:#x}

{uart(board).removeprefix("sysbus.")}: {model} @ sysbus <{board.uart.base:#010x}, +0x100>
    -> nvic@{board.uart.interrupt}

// Registers that keep what is written and never report ready
{stubs}"""


def resc(board: Board) -> str:
    """The script. `$bin` is the ELF; the platform file lies beside the script. Raises BoardError like `repl`."""
    _models(board)
    hz = board.clock.fallback_hz
    return f"""\
# Renode script of {board.name}, rendered from boards/{board.name}.toml
using sysbus
$name?="{board.name}"
$bin?=@firmware.elf
mach create $name
machine LoadPlatformDescription $ORIGIN/{board.name}.repl
cpu PerformanceInMips {hz // 1_000_000}
macro reset
\"\"\"
    sysbus LoadELF $bin
    cpu VectorTableOffset {board.memory.flash.origin:#010x}
\"\"\"
runMacro $reset
"""


def write(board: Board, folder: Path) -> Path:
    """Both files into `folder`, which must exist; returns the script."""
    (folder / f"{board.name}.repl").write_text(repl(board), encoding="utf-8")
    script = folder / f"{board.name}.resc"
    script.write_text(resc(board), encoding="utf-8")
    return script


def uart(board: Board) -> str:
    """The link's UART as the monitor names it. Raises BoardError for a board without a platform."""
    if board.emulator.renode is None:
        raise BoardError(
            f"{board.name}: its board file names no Renode platform.",
            "Use `--port emulator`, which is QEMU, or a board with an [emulator.renode] table.",
        )
    return f"sysbus.{board.emulator.renode.uart}"


def _models(board: Board) -> str:
    """Renode's model of the UART. Raises BoardError if a driver of the board has none here."""
    uart(board)
    for driver, known in ((board.uart.DRIVER, UARTS.keys()), (board.clock.DRIVER, REGISTERS.keys())):
        if driver not in known:
            raise BoardError(
                f"{board.name}: no Renode model is known for its driver {driver!r} ({', '.join(known)} are).",
                "Add it to boards/render/renode.py, or remove the [emulator.renode] table.",
            )
    return UARTS[board.uart.DRIVER]
