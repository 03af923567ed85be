"""The constants of a board for the HAL: `render(board)` returns board.h."""

from pathlib import Path
from string import Template
from typing import Final

from boards.board import Board, Write
from boards.cores import CACHED

TEMPLATE: Final = Path(__file__).parents[1] / "templates" / "board.h.in"

FIRST_INTERRUPT: Final = 16  # exception number of interrupt 0, DDI0403 B1.5.2


def render(board: Board) -> str:
    clock, ticks, uart = board.clock, board.ticks, board.uart
    debug_open = board.chip.debug_open or Write(register=0, word=0)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        board=board.name,
        vendor=board.vendor,
        title=board.title,
        caches=int(board.chip.core in CACHED),
        debug_register=f"{debug_open.register:#010x}",
        debug_word=f"{debug_open.word:#010x}",
        clock_hz=clock.hz,
        fallback_hz=clock.fallback_hz,
        clock_words=_definitions("BOARD_CLOCK_", {name: f"{word:#010x}u" for name, word in clock.words().items()}),
        ticks_exception=ticks.exception,
        ticks_words=_definitions("BOARD_TICKS_", ticks.words()),
        vectors=1 + max(ticks.exception, FIRST_INTERRUPT + uart.interrupt),
        uart_base=f"{uart.base:#010x}",
        uart_interrupt=uart.interrupt,
        uart_baud=uart.baud,
        uart_divisor=uart.divisor(clock.bus_hz(uart.bus)),
        uart_fallback_divisor=uart.divisor(clock.fallback_hz),
        uart_words=_definitions("BOARD_UART_", uart.words()),
    )


def _definitions(prefix: str, words: dict[str, str]) -> str:
    return "".join(f"#define {prefix}{name} {value}\n" for name, value in words.items())
