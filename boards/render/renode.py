"""A board as a Renode platform: `repl(board)`, `resc(board)`, and `write(board, folder)` for both files.

Everything the firmware touches is in the platform and nothing is taken from Renode's own, whose files for these chips
fetch a register description from the network and have more memory than the parts. Clock, power and GPIO registers are
plain memory: they keep what is written and never report ready, so the firmware stays on the internal oscillator, as in
QEMU, and that is what SysTick, the DWT and the instruction rate are set to: one instruction a clock period.

The platform follows the sources of release 1.16.1; as a whole it has not been loaded yet.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards.board import Board
from boards.errors import BoardError
from boards.ticks.nrf51_timer import Nrf51Timer


@dataclass(frozen=True)
class Model:
    """Renode's model of a peripheral. `size` is that of its registers where the model does not know it; `counts_clock`:
    it is told the frequency of its clock."""

    name: str
    size: int | None = None
    counts_clock: bool = False


UARTS: Final = {
    "nrf51_uart": Model("UART.NRF52840_UART"),  # without easyDMA it is the UART of the nRF51
    "stm32_usart": Model("UART.STM32_UART", size=0x100),
    "stm32_usart_v2": Model("UART.STM32F7_USART", counts_clock=True),
}
"""By the driver of boards/uarts."""

TICKS: Final = {"nrf51_timer": "Timers.NRF52840_Timer"}
"""Renode's model of a time base outside the core, by the driver of boards/ticks."""

TIMER_EVENTS: Final = 4  # compare registers of a TIMER0

REGISTERS: Final[dict[str, dict[str, int]]] = {
    "stm32f4": {"pwr": 0x4000_7000, "rcc": 0x4002_3800, "flash_interface": 0x4002_3C00},  # RM0390 2.2.2, RM0385 2.2.2
    # nRF52840 product specification 4.2.4: CLOCK; the registers of both ports begin at 0x500
    "nrf51": {"clock": 0x4000_0000, "port_0": 0x5000_0400, "port_1": 0x5000_0800},
    "stm32g0": {"pwr": 0x4000_7000, "rcc": 0x4002_1000, "flash_interface": 0x4002_2000},  # RM0444 2.2.2
    "stm32h7": {"flash_interface": 0x5200_2000, "rcc": 0x5802_4400, "pwr": 0x5802_4800},  # RM0433 2.3.2
    "stm32l4": {"pwr": 0x4000_7000, "rcc": 0x4002_1000, "flash_interface": 0x4002_2000},  # RM0351 2.2.2, RM0432 2.2.2
    "stm32u5": {
        "flash_interface": 0x4002_2000,
        "icache": 0x4003_0400,
        "pwr": 0x4602_0800,
        "rcc": 0x4602_0C00,
    },  # RM0456 2.3
}
"""What the clock drivers write to, and the pins of a UART that names none: blocks of BLOCK bytes."""

BLOCK: Final = 0x400

CORES: Final = {"cortex-m0plus": "cortex-m0+"}
"""Renode's names of cores, where they are not GCC's."""

PRIORITY_BITS: Final = {"cortex-m0": 2, "cortex-m0plus": 2}  # Armv6-M architecture reference manual, B3.4.7
STM32_PRIORITY_BITS: Final = 4  # PM0214 4.3.7 (Cortex-M4), PM0253 4.2.7 (Cortex-M7), PM0264 4.3.7 (Cortex-M33)

WITHOUT_DWT: Final = frozenset({"cortex-m0", "cortex-m0plus"})
"""Cores whose DWT has no cycle counter; SysTick counts in its place."""


def repl(board: Board) -> str:
    """The platform. Raises BoardError for a board without one."""
    model = _model(board)
    memory, hz, core = board.memory, board.clock.fallback_hz, board.chip.core
    blocks = dict(REGISTERS[board.clock.DRIVER])
    if board.chip.debug_open:
        blocks["debug_port"] = board.chip.debug_open.register // BLOCK * BLOCK
    blocks |= {f"gpio_{pin.gpio:x}": pin.gpio for pin in getattr(board.uart, "pins", ())}
    stubs = "\n".join(
        f"{name}: Memory.ArrayMemory @ sysbus {address:#010x}\n    size: {BLOCK:#x}\n"
        for name, address in sorted(blocks.items(), key=lambda block: block[1])
    )
    low_power = "    lowPowerMode: true\n" if getattr(board.uart, "low_power", False) else ""
    where = f"{board.uart.base:#010x}" if model.size is None else f"<{board.uart.base:#010x}, +{model.size:#x}>"
    frequency = f"    frequency: {hz}\n" if model.counts_clock else ""
    dwt = "" if core in WITHOUT_DWT else f"dwt: Miscellaneous.DWT @ sysbus 0xE0001000\n    frequency: {hz}\n\n"
    return f"""\
// Renode platform of {board.name}, rendered from boards/{board.name}.toml.

cpu: CPU.CortexM @ sysbus
    cpuType: "{CORES.get(core, core)}"
    nvic: nvic

nvic: IRQControllers.NVIC @ sysbus 0xE000E000
    priorityMask: {0x100 - (1 << 8 - PRIORITY_BITS.get(core, STM32_PRIORITY_BITS)):#x}
    systickFrequency: {hz}
    IRQ -> cpu@0

{dwt}flash: Memory.MappedMemory @ sysbus {memory.flash.origin:#010x}
    size: {memory.flash.length:#x}

sram: Memory.MappedMemory @ sysbus {memory.ram.origin:#010x}
    size: {memory.ram.length:#x}

{uart(board).removeprefix("sysbus.")}: {model.name} @ sysbus {where}
{frequency}{low_power}    IRQ -> nvic@{board.uart.interrupt}

{_timer(board)}// Registers that keep what is written and never report ready
{stubs}"""


def _timer(board: Board) -> str:
    """The time base, where SysTick is not it."""
    if not isinstance(board.ticks, Nrf51Timer):
        return ""
    return f"""\
timer0: {TICKS[board.ticks.DRIVER]} @ sysbus {board.ticks.base:#010x}
    numberOfEvents: {TIMER_EVENTS}
    IRQ -> nvic@{board.ticks.interrupt}

"""


def resc(board: Board) -> str:
    """The script. `$bin` is the ELF; the platform file lies beside the script. Raises BoardError like `repl`."""
    _model(board)
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


def _model(board: Board) -> Model:
    """Renode's model of the UART. Raises BoardError if a driver of the board has none here."""
    uart(board)
    for driver, known in ((board.uart.DRIVER, UARTS.keys()), (board.clock.DRIVER, REGISTERS.keys())):
        if driver not in known:
            raise BoardError(
                f"{board.name}: no Renode model is known for its driver {driver!r} ({', '.join(known)} are).",
                "Add it to boards/render/renode.py, or remove the [emulator.renode] table.",
            )
    return UARTS[board.uart.DRIVER]
