"""Board files from disk, checked: `load("nucleo")`, `names()`, `load_all()`.

What is checked beyond keys and types: the clock tree and the UART (boards.clocks, boards.uarts), a baud rate within 2 %
of what is asked both on the configured clock and on the fallback, memory regions that are positive, aligned and apart,
a stack that leaves room in the RAM budget, a known core with a floating-point unit that exists for it, ids of the chip
that its register can hold, and names that belong to one board only.
"""

import dataclasses
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from boards.board import Board, Memory, Region
from boards.cores import CORES
from boards.errors import BoardError, Implausible
from boards.parse import nearest, table

FOLDER: Final = Path(__file__).parent

BAUD_TOLERANCE: Final = 0.02
"""Of what a receiver that samples 16 times a bit tolerates (RM0390 25.4.5: 3.75 % at 10 bits), half is left to the
other side and to the oscillators (the HSI: 1 % at room temperature)."""

BOOTS: Final = ("rp2040",)
"""Stages of firmware/hal/boot_*.c that a boot ROM runs before the vectors."""

REGION_ALIGNMENT: Final = 1024  # vendors state memory in KiB, and a vector table of up to 256 entries may lie there
STACK_ALIGNMENT: Final = 8  # procedure call standard for the Arm architecture, 6.2.1.2


@cache
def load_all(folder: Path = FOLDER) -> tuple[Board, ...]:
    """All boards, by name. Raises BoardError for the first file that is wrong."""
    boards = tuple(read(path) for path in sorted(folder.glob("*.toml")))
    owner: dict[str, Board] = {}
    for board in boards:
        for name in (board.name, *board.aliases):
            if name in owner:
                raise BoardError(
                    f"{folder / board.name}.toml: the name {name!r} already belongs to {owner[name].name}.",
                    "Give each board names and aliases of its own.",
                )
            owner[name] = board
    return boards


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of all boards, without aliases."""
    return tuple(board.name for board in load_all(folder))


def by_probe(folder: Path = FOLDER) -> dict[str, tuple[str, ...]]:
    """What people call the boards that have the debug probe, by its USB id: boards share models of probes."""
    found: dict[str, tuple[str, ...]] = {}
    for board in load_all(folder):
        for usb in board.probe.usb if board.probe else ():
            found[usb] = (*found.get(usb, ()), board.short_name)
    return found


def load(name_or_alias: str, folder: Path = FOLDER) -> Board:
    """The board of that name or alias. Raises BoardError if there is none, or if a board file is wrong."""
    known = {name: board for board in load_all(folder) for name in (board.name, *board.aliases)}
    if name_or_alias not in known:
        listed = ", ".join(
            f"{board.name} ({', '.join(board.aliases)})" if board.aliases else board.name for board in load_all(folder)
        )
        raise BoardError(
            f"Unknown board {name_or_alias!r}. Known boards: {listed}.",
            f"Nearest: {nearest(name_or_alias, known)}.",
        )
    return known[name_or_alias]


def read(path: Path) -> Board:
    """One board file. Raises BoardError naming the file, the key, the value and what was expected."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        board = _parse(path.stem, document)
        _check(board)
    except OSError as error:
        raise BoardError(f"{path}: cannot be read ({error.strerror}).", "Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"{path}: not TOML ({error}).", "Correct the file.") from None
    except Implausible as error:
        raise BoardError(f"{path}: {error.key} {error.problem}", error.next_step) from None
    return board


def with_baud(board: Board, baud: int) -> Board:
    """The board with another rate of its UART. Raises BoardError if its clocks do not give that rate."""
    uart: Any = board.uart  # each driver's is a dataclass, which the protocol does not say
    other = dataclasses.replace(board, uart=dataclasses.replace(uart, baud=baud))
    try:
        _check_uart(other)
    except Implausible as error:
        raise BoardError(f"{board.name}: {error.key} {error.problem}", error.next_step) from None
    return other


def _parse(name: str, document: dict[str, Any]) -> Board:
    if "budget" not in document and isinstance(memory := document.get("memory"), dict):
        whole: Memory = table(Memory, memory, "memory")
        document = document | {"budget": {"flash": whole.flash.length, "ram": whole.ram.length}}
    board: Board = table(Board, document, "", name=name)
    return board


def _check(board: Board) -> None:
    for name in (board.name, *board.aliases):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise Implausible("name", f"is {name!r}, expected lower case letters, digits and _.", "Rename it.")
    chip = board.chip
    if chip.core not in CORES:
        raise Implausible(
            "chip.core",
            f"is {chip.core!r}, which is not a known core ({', '.join(CORES)}).",
            f"Nearest: {nearest(chip.core, CORES)}.",
        )
    if chip.boot not in (None, *BOOTS):
        raise Implausible(
            "chip.boot", f"is {chip.boot!r}, which is not a known stage ({', '.join(BOOTS)}).", f"Nearest: {BOOTS[0]}."
        )
    if chip.fpu not in CORES[chip.core]:
        raise Implausible(
            "chip.fpu",
            f"is {chip.fpu!r}, which the {chip.core} does not have ({', '.join(CORES[chip.core])}).",
            f"Nearest: {nearest(chip.fpu, CORES[chip.core])}.",
        )
    if (identity := chip.identity) and not (
        identity.register % 4 == 0
        and 0 <= identity.register < 1 << 32
        and identity.ids
        and all(0 < each < 1 << 32 and each & identity.mask == each for each in identity.ids)
    ):
        raise Implausible(
            "chip.identity",
            f"has register {identity.register:#x}, mask {identity.mask:#x}, ids {', '.join(map(hex, identity.ids)) or 'none'}.",
            "Expected the address of a word, and ids above 0 within the mask.",
        )
    _check_memory(board)
    board.clock.check()
    board.ticks.check()
    _check_uart(board)
    if board.probe and not board.probe.usb:
        raise Implausible("probe.usb", "is empty, expected VID:PID of the probe.", "Add it.")
    for usb in board.probe.usb if board.probe else ():
        if not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", usb):
            raise Implausible("probe.usb", f"has {usb!r}, expected VID:PID.", "Four lower-case hex digits each.")
    for code in board.probe.mbed_ids if board.probe else ():
        if not re.fullmatch(r"[0-9a-f]{4}", code):
            raise Implausible("probe.mbed_ids", f"has {code!r}, expected four lower-case hex digits.", "Correct it.")
    if board.uf2 and not 0 < board.uf2.family < 1 << 32:
        raise Implausible("uf2.family", f"is {board.uf2.family:#x}, expected 32 bits above 0.", "See uf2families.json.")
    if (renode := board.emulator.renode) and not re.fullmatch(r"[a-z][a-z0-9_]*", renode.uart):
        raise Implausible(
            "emulator.renode.uart", f"is {renode.uart!r}, expected lower case letters, digits and _.", "Rename it."
        )
    if (qemu := board.emulator.qemu) and not (
        qemu.serial_index >= 0 and 0 <= qemu.icount_shift <= 10 and qemu.ticks_hz > 0
    ):
        raise Implausible(
            "emulator.qemu",
            f"has serial_index {qemu.serial_index}, icount_shift {qemu.icount_shift}, ticks_hz {qemu.ticks_hz}.",
            "Expected serial_index from 0, icount_shift 0 to 10 (QEMU's range), ticks_hz above 0.",
        )


def _check_memory(board: Board) -> None:
    memory, budget = board.memory, board.budget
    for key, region in (("memory.flash", memory.flash), ("memory.ram", memory.ram)):
        if region.length <= 0 or region.origin < 0 or region.origin + region.length > 1 << 32:
            raise Implausible(
                key,
                f"is {region.length} bytes at {region.origin:#x}, expected a positive length within 4 GiB.",
                "Correct origin or length.",
            )
        if region.origin % REGION_ALIGNMENT or region.length % REGION_ALIGNMENT:
            raise Implausible(
                key,
                f"is {region.length} bytes at {region.origin:#x}, expected multiples of {REGION_ALIGNMENT}.",
                "Correct origin or length.",
            )
    if _overlap(memory.flash, memory.ram):
        raise Implausible("memory.ram", "overlaps memory.flash.", "Correct origin or length.")
    if memory.stack <= 0 or memory.stack % STACK_ALIGNMENT:
        raise Implausible(
            "memory.stack", f"is {memory.stack}, expected a multiple of {STACK_ALIGNMENT} above 0.", "Correct it."
        )
    for key, budgeted, length in (
        ("budget.flash", budget.flash, memory.flash.length),
        ("budget.ram", budget.ram, memory.ram.length),
    ):
        if not 0 < budgeted <= length:
            raise Implausible(key, f"is {budgeted}, expected 1 to the memory's {length}.", "Correct it.")
    if memory.stack >= budget.ram:
        raise Implausible(
            "memory.stack", f"is {memory.stack}, which leaves nothing of the RAM budget of {budget.ram}.", "Lower it."
        )


def _overlap(a: Region, b: Region) -> bool:
    return a.origin < b.origin + b.length and b.origin < a.origin + a.length


def _check_uart(board: Board) -> None:
    uart, clock = board.uart, board.clock
    if uart.interrupt < 0 or uart.base < 0 or uart.baud <= 0:
        raise Implausible(
            "uart",
            f"has base {uart.base}, interrupt {uart.interrupt}, baud {uart.baud}.",
            "Expected base and interrupt from 0, baud above 0.",
        )
    uart.check()
    try:
        bus_hz = clock.bus_hz(uart.bus)
    except KeyError:
        raise Implausible("uart.bus", f"is {uart.bus!r}, which the clock tree does not have.", "Correct it.") from None
    for clock_name, hz in (("the configured clock", bus_hz), ("the fallback clock", clock.fallback_hz)):
        error = uart.actual_baud(hz) / uart.baud - 1
        if abs(error) > BAUD_TOLERANCE:
            raise Implausible(
                "uart.baud",
                f"is {uart.baud}, but from {clock_name} of {hz} Hz the nearest divisor gives "
                f"{uart.actual_baud(hz):.0f}, {error:+.1%} off; expected at most {BAUD_TOLERANCE:.0%}.",
                "Choose another rate.",
            )
