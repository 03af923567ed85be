"""What is rendered from a board, read back by the tool it is for: compiler, linker, JSON parser."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from boards import Board, BoardError, load, load_all
from boards.cores import flags
from boards.render import header, linker, openocd, platformio

needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)


@pytest.fixture(params=[board.name for board in load_all()])
def board(request: pytest.FixtureRequest) -> Board:
    return load(request.param)


def definitions(board: Board) -> dict[str, str]:
    """The macros of board.h."""
    lines = (line.split(maxsplit=2) for line in header.render(board).splitlines() if line.startswith("#define BOARD_"))
    return {words[1]: words[2] for words in lines if len(words) == 3}


def test_nothing_is_left_to_fill_in(board: Board) -> None:
    for text in (header.render(board), linker.render(board)):
        assert "$" not in text and "None" not in text


def test_header_of_the_nucleo() -> None:
    found = definitions(load("nucleo"))
    assert found["BOARD_NAME"] == '"nucleo_f446re"'
    assert found["BOARD_CLOCK_HZ"] == "180000000u"
    assert found["BOARD_CLOCK_FALLBACK_HZ"] == "16000000u"
    assert found["BOARD_CLOCK_PLLCFGR"] == "0x28402d04u"
    assert found["BOARD_UART_DIVISOR"] == "98u"  # 45 MHz / 460,800 = 97.66
    assert found["BOARD_UART_FALLBACK_DIVISOR"] == "35u"  # 16 MHz / 460,800 = 34.72
    assert found["BOARD_UART_PINS"] == "{{0x40020000u, 2u, 7u}, {0x40020000u, 3u, 7u}}"


def test_the_vector_table_is_long_enough_and_the_time_base_in_it() -> None:
    nucleo, microbit = definitions(load("nucleo")), definitions(load("microbit"))
    assert (nucleo["BOARD_TICKS_EXCEPTION"], nucleo["BOARD_VECTORS"]) == ("15", "55")  # USART2 is interrupt 38
    assert (microbit["BOARD_TICKS_EXCEPTION"], microbit["BOARD_VECTORS"]) == ("24", "25")  # TIMER0, above the UART


@needs_compiler
def test_header_compiles(board: Board, tmp_path: Path) -> None:
    (tmp_path / "board.h").write_text(header.render(board))
    source = tmp_path / "use.c"
    source.write_text(
        '#include "board.h"\n'
        f"_Static_assert(BOARD_CLOCK_HZ == {board.clock.hz}u, \"hz\");\n"
        f"_Static_assert(BOARD_UART_BASE == {board.uart.base}u, \"base\");\n"
        "const char name[] = BOARD_NAME;\n"
    )  # fmt: skip
    command = ["arm-none-eabi-gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(source)]
    subprocess.run(command, check=True)


@needs_compiler
def test_linker_script_puts_everything_where_the_board_has_memory(board: Board, tmp_path: Path) -> None:
    (tmp_path / "link.ld").write_text(linker.render(board))
    (tmp_path / "main.c").write_text(
        "#include <stdint.h>\n"
        "extern uint32_t _stack_top[];\n"
        "uint32_t variable = 7, zero; const uint32_t constant = 9;\n"
        '__attribute__((section(".noinit"))) uint32_t kept;\n'
        "void Reset_Handler(void) { kept = variable + zero + constant; for (;;) {} }\n"
        '__attribute__((section(".vectors"), used)) const void *const vectors[] = {_stack_top, Reset_Handler};\n'
    )
    elf = tmp_path / "a.elf"
    command = ["arm-none-eabi-gcc", *flags(board.chip.core, board.chip.fpu), "-O0", "-nostdlib", "-Wl,--fatal-warnings",
               "-T", str(tmp_path / "link.ld"), "-o", str(elf), str(tmp_path / "main.c")]  # fmt: skip
    subprocess.run(command, check=True)
    flash, ram = board.memory.flash, board.memory.ram
    with elf.open("rb") as file:
        image = ELFFile(file)
        address = {section.name: section["sh_addr"] for section in image.iter_sections()}
        table = image.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
        vectors = next(section.data() for section in image.iter_sections() if section.name == ".vectors")
        loads = [segment for segment in image.iter_segments("PT_LOAD") if segment["p_filesz"]]
    assert address[".vectors"] == flash.origin
    # The stack is the lowest thing in RAM, so that an overflow leaves it.
    assert (symbols["_stack_bottom"], symbols["_stack_top"]) == (ram.origin, ram.origin + board.memory.stack)
    assert int.from_bytes(vectors[:4], "little") == symbols["_stack_top"]
    assert int.from_bytes(vectors[4:8], "little") == symbols["Reset_Handler"] | 1  # Thumb
    assert flash.origin <= symbols["constant"] < flash.origin + flash.length
    for name in ("variable", "zero", "kept"):
        assert ram.origin + board.memory.stack <= symbols[name] < ram.origin + ram.length
    assert all(flash.origin <= segment["p_paddr"] < flash.origin + flash.length for segment in loads)


@needs_compiler
@pytest.mark.parametrize(("array", "region"), [("const char big[{}] = {{1}};", "FLASH"), ("char big[{}];", "RAM")])
def test_an_image_larger_than_the_memory_does_not_link(board: Board, array: str, region: str, tmp_path: Path) -> None:
    (tmp_path / "link.ld").write_text(linker.render(board))
    memory = board.memory.flash if region == "FLASH" else board.memory.ram
    declaration = array.format(memory.length - (board.memory.stack if region == "RAM" else 0) + 1)
    (tmp_path / "main.c").write_text(f"{declaration}\nvoid Reset_Handler(void) {{ (void)*(volatile char *)big; }}\n")
    command = ["arm-none-eabi-gcc", *flags(board.chip.core, board.chip.fpu), "-nostdlib", "-T",
               str(tmp_path / "link.ld"), "-o", str(tmp_path / "a.elf"), str(tmp_path / "main.c")]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert f"region `{region}' overflowed" in result.stderr


def test_platformio_board(board: Board) -> None:
    value = json.loads(platformio.render(board))
    assert value["name"] == board.title
    assert value["build"]["f_cpu"] == f"{board.clock.hz}L"
    assert value["upload"]["maximum_size"] == board.budget.flash
    assert value["upload"]["maximum_ram_size"] == board.budget.ram


def test_openocd_command() -> None:
    command = openocd.render(load("nucleo"), Path("/a b/firmware.elf"))
    assert command == (
        "openocd", "-f", "board/st_nucleo_f4.cfg", "-c", "program {/a b/firmware.elf} verify reset exit"
    )  # fmt: skip


def test_a_board_without_a_probe_cannot_be_flashed() -> None:
    with pytest.raises(BoardError, match="mps2_an386 has no debug probe"):
        openocd.render(load("mps2"), Path("firmware.elf"))


def test_the_table_lists_every_board() -> None:
    result = subprocess.run([sys.executable, "-m", "boards"], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + len(load_all())
    for board, line in zip(load_all(), lines[1:], strict=True):
        assert line.startswith(board.name) and all(alias in line for alias in board.aliases)


def test_the_json_holds_every_fact() -> None:
    result = subprocess.run([sys.executable, "-m", "boards", "--json"], capture_output=True, text=True, check=True)
    nucleo = next(board for board in json.loads(result.stdout) if board["name"] == "nucleo_f446re")
    assert nucleo["clock"]["pll"] == {"m": 4, "n": 180, "p": 2, "q": 8}
    assert nucleo["emulator"]["qemu"]["icount_shift"] == 3
