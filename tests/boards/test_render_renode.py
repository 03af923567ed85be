"""The Renode platform of a board, read back as text: no Renode was at hand to load it."""

import dataclasses
import itertools
import re
from pathlib import Path

import pytest

from boards import Board, BoardError, Emulator, Renode, load, load_all
from boards.render import renode


@pytest.fixture(params=[board.name for board in load_all() if board.emulator.renode])
def board(request: pytest.FixtureRequest) -> Board:
    return load(request.param)


def entries(text: str) -> dict[str, tuple[str, str, dict[str, str]]]:
    """name: (model, where, properties) of each entry; every line must be one, a property, a comment, or blank."""
    found: dict[str, tuple[str, str, dict[str, str]]] = {}
    for line in text.splitlines():
        if head := re.fullmatch(r"([a-z][A-Za-z0-9_]*): ([A-Z]\w+\.\w+) @ sysbus ?(\S.*)?", line):
            assert head[1] not in found
            found[head[1]] = (head[2], head[3] or "", {})
        elif detail := re.fullmatch(r"    (?:(\w+): (\S+)|(\w* ?->) (\S+))", line):
            last = found[list(found)[-1]][2]
            last[detail[1] or detail[3]] = detail[2] or detail[4]
        else:
            assert not line or line.startswith("//"), line
    return found


def test_the_nucleo() -> None:
    platform = entries(renode.repl(load("nucleo")))
    assert platform["flash"] == ("Memory.MappedMemory", "0x08000000", {"size": "0x80000"})
    assert platform["sram"] == ("Memory.MappedMemory", "0x20000000", {"size": "0x20000"})
    assert platform["usart2"] == ("UART.STM32_UART", "<0x40004400, +0x100>", {"IRQ ->": "nvic@38"})
    assert platform["cpu"] == ("CPU.CortexM", "", {"cpuType": '"cortex-m4"', "nvic": "nvic"})
    assert platform["nvic"][2] == {"priorityMask": "0xf0", "systickFrequency": "16000000", "IRQ ->": "cpu@0"}
    assert platform["dwt"] == ("Miscellaneous.DWT", "0xE0001000", {"frequency": "16000000"})
    assert "cpu PerformanceInMips 16\n" in renode.resc(load("nucleo"))


def test_a_cortex_m7() -> None:
    platform = entries(renode.repl(load("nucleo_f746zg")))
    assert platform["cpu"] == ("CPU.CortexM", "", {"cpuType": '"cortex-m7"', "nvic": "nvic"})
    assert platform["usart3"] == ("UART.STM32F7_USART", "0x40004800", {"frequency": "16000000", "IRQ ->": "nvic@39"})
    assert platform["sram"] == ("Memory.MappedMemory", "0x20000000", {"size": "0x50000"})


def test_a_cortex_m0plus_and_a_low_power_uart() -> None:
    platform = entries(renode.repl(load("nucleo_g0b1re")))
    assert platform["cpu"][2]["cpuType"] == '"cortex-m0+"' and "dwt" not in platform
    assert platform["nvic"][2]["priorityMask"] == "0xc0"
    platform = entries(renode.repl(load("nucleo_l4r5zi")))
    assert platform["lpuart1"][2] == {"frequency": "16000000", "lowPowerMode": "true", "IRQ ->": "nvic@70"}


def test_an_nrf52840() -> None:
    platform = entries(renode.repl(load("nano33")))
    assert platform["uart0"] == ("UART.NRF52840_UART", "0x40002000", {"IRQ ->": "nvic@2"})
    assert platform["timer0"] == ("Timers.NRF52840_Timer", "0x40008000", {"numberOfEvents": "4", "IRQ ->": "nvic@8"})
    assert platform["flash"] == ("Memory.MappedMemory", "0x00010000", {"size": "0xf0000"})
    assert "cpu VectorTableOffset 0x00010000\n" in renode.resc(load("nano33"))
    assert "cpu PerformanceInMips 64\n" in renode.resc(load("nano33"))


def test_every_register_that_the_firmware_touches_is_there_and_nothing_overlaps(board: Board) -> None:
    spans = {}
    for name, (model, where, details) in entries(renode.repl(board)).items():
        if "Memory" in model:
            spans[name] = range(int(where, 16), int(where, 16) + int(details["size"], 16))
        elif model.startswith("UART"):
            start, length = (*re.findall(r"0x[0-9a-f]+", where), "0x400")[:2]  # what the models know is 0x400 and more
            spans[name] = range(int(start, 16), int(start, 16) + int(length, 16))
    ordered = sorted(spans.values(), key=lambda span: span.start)
    assert all(one.stop <= other.start for one, other in itertools.pairwise(ordered))
    sources = [Path(__file__).parents[2] / f"firmware/hal/clock_{board.clock.DRIVER}.c"]
    touched = {int(text, 16) for path in sources for text in re.findall(r"\b0x[45][0-9A-Fa-f]{7}\b", path.read_text())}
    if board.clock.DRIVER == "nrf51":  # P0.OUTSET and P1.OUTSET, the last PIN_CNF of both ports
        touched |= {0x50000508, 0x5000077C, 0x50000808, 0x50000A3C}
    else:
        touched |= {bit.register for bit in board.uart.enable} | {pin.gpio for pin in board.uart.pins}  # type: ignore[attr-defined]
    touched |= {board.uart.base, board.memory.flash.origin, board.memory.ram.origin + board.memory.ram.length - 1}
    touched |= {board.chip.debug_open.register} if board.chip.debug_open else set()
    assert len(touched) > 8
    for address in touched:
        assert any(address in span for span in spans.values()), hex(address)


def test_nothing_is_fetched_and_nothing_of_renodes_own_is_taken(board: Board) -> None:
    for text in (renode.repl(board), renode.resc(board)):
        assert "http" not in text and "SVD" not in text
        assert "None" not in text and "using \"" not in text  # fmt: skip


def test_both_files_are_written_and_the_script_names_the_platform(board: Board, tmp_path: Path) -> None:
    script = renode.write(board, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{board.name}.repl", f"{board.name}.resc"}
    assert f"LoadPlatformDescription $ORIGIN/{board.name}.repl" in script.read_text()
    assert f"cpu VectorTableOffset {board.memory.flash.origin:#010x}" in script.read_text()
    assert renode.uart(board) == f"sysbus.{board.emulator.renode.uart}"  # type: ignore[union-attr]


def test_a_board_without_a_platform_is_refused_in_words() -> None:
    with pytest.raises(BoardError, match="mps2_an386: its board file names no Renode platform"):
        renode.repl(load("mps2"))
    made_up = dataclasses.replace(load("mps2"), emulator=Emulator(renode=Renode("uart0")))
    with pytest.raises(BoardError, match="no Renode model is known for its driver 'cmsdk_uart'"):
        renode.resc(made_up)
