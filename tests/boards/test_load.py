"""Board files: what is loaded, and a table of files that must be refused with the key, the value and what to do."""

import dataclasses
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards import BoardError, load, load_all, names
from boards.clocks.stm32f4 import Pll, Stm32F4
from boards.errors import Implausible
from boards.load import FOLDER, read
from boards.render import header, linker
from boards.uarts.nrf51_uart import RATES
from contract.errors import KNOWN_FAILURE

DIVISORS = {"nucleo_f446re": 0xFFFF, "mps2_an386": 0xF_FFFF}  # the largest that BRR and BAUDDIV hold
PIECES = ("0", "-1", "9" * 30, "nan", "1e400", "true", "[]", "{}", "[[", "=", '"', "\n", "driver = ", "hz = 0\n")
NUCLEO = (FOLDER / "nucleo_f446re.toml").read_text()


def test_names_and_aliases_lead_to_the_same_board() -> None:
    assert {"nucleo_f446re", "mps2_an386"} <= set(names())
    assert load("nucleo") is load("nucleo_f446re")
    assert load("mps2").name == "mps2_an386"


def test_a_board_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load("nucleo").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("wrong", "nearest"), [("nuclo", "nucleo"), ("mps2_an387", "mps2_an38"), ("", "")])
def test_an_unknown_board_names_the_known_ones(wrong: str, nearest: str) -> None:
    with pytest.raises(BoardError) as caught:
        load(wrong)
    assert repr(wrong) in caught.value.problem
    assert all(name in caught.value.problem for name in names())
    assert nearest in caught.value.next_step
    assert caught.value.exit_code == KNOWN_FAILURE


# What is replaced in nucleo_f446re.toml, with what, and what the error must say.
REFUSED = {
    "unknown key": ("max_hz = 180", "maks_hz = 180", ["clock.maks_hz", "max_hz"]),
    "unknown table": ("[probe]", "[prob]", ["prob", "probe"]),
    "unknown key in a list": ("7 },  # TX", "7, func = 7 },  # TX", ["uart.pins[0].func", "function"]),
    "missing key": ("part = ", "# part = ", ["chip.part", "missing"]),
    "missing table": ("[clock]", "[clocks]", ["clocks", "clock"]),
    "name given twice": ("title =", 'name = "x"\ntitle =', ["name", "not a known key"]),
    "wrong type": ("\nhz = 180_000_000", '\nhz = "180 MHz"', ["clock.hz", "'180 MHz'", "integer"]),
    "float for integer": ("stack = 2_048", "stack = 2048.0", ["memory.stack", "2048.0", "integer"]),
    "bool for integer": ("serial_index = 1", "serial_index = true", ["emulator.qemu.serial_index", "True", "integer"]),
    "string for list": ('aliases = ["nucleo"]', 'aliases = "nucleo"', ["aliases", "array"]),
    "table for value": ('vendor = "ST"', "vendor = {}", ["vendor", "string"]),
    "value for table": ("pll = { m = 4, n = 180, p = 2, q = 8 }", "pll = 4", ["clock.pll", "table"]),
    "not TOML": ("[clock]", "[clock", ["not TOML"]),
    "unknown core": ('"cortex-m4"', '"cortex-m44"', ["chip.core", "'cortex-m44'", "Nearest: cortex-m4"]),
    "unknown fpu": ('"fpv4-sp-d16"', '"fpv5-d16"', ["chip.fpu", "'fpv5-d16'", "fpv4-sp-d16"]),
    "unknown clock driver": ('driver = "stm32f4"', 'driver = "stm32f5"', ["clock.driver", "'stm32f5'", "stm32f4"]),
    "unknown uart driver": ('driver = "stm32_usart"', 'driver = "usart"', ["uart.driver", "'usart'", "stm32_usart"]),
    "no driver": ('driver = "stm32f4"', "", ["clock.driver", "missing", "stm32f4"]),
    "hz not by the factors": ("\nhz = 180_000_000", "\nhz = 168_000_000", ["clock.hz", "168000000", "180000000"]),
    "unknown oscillator": ('"hse_bypass"', '"lse"', ["clock.source", "lse", "hsi"]),
    "wrong HSI frequency": ('"hse_bypass"', '"hsi"', ["clock.source_hz", "8000000", "16000000"]),
    "PLL m": (" m = 4", " m = 64", ["clock.pll.m", "64", "63"]),
    "PLL n": (" n = 180", " n = 433", ["clock.pll.n", "433", "432"]),
    "PLL p": (" p = 2", " p = 3", ["clock.pll.p", "3", "2, 4, 6, 8"]),
    "PLL q": (" q = 8", " q = 1", ["clock.pll.q", "1"]),
    "VCO input": (" m = 4", " m = 2", ["VCO input", "4e+06", "2e+06"]),
    "VCO output": (" n = 180", " n = 217", ["VCO output", "4.34e+08", "4.32e+08"]),
    "core above the part": ("max_hz = 180_000_000", "max_hz = 84_000_000", ["clock.hz", "180000000", "84000000"]),
    "APB1 too fast": ("apb1_divider = 4", "apb1_divider = 2", ["APB1", "90000000", "45000000"]),
    "APB2 too fast": ("apb2_divider = 2", "apb2_divider = 1", ["APB2", "180000000", "90000000"]),
    "no such voltage scale": ("vos = 3", "vos = 4", ["clock.vos", "4", "0, 1, 2, 3"]),
    "no such divider": ("apb1_divider = 4", "apb1_divider = 5", ["clock.apb1_divider", "5", "1, 2, 4, 8, 16"]),
    "baud error on the fallback": ("baud = 460_800", "baud = 921_600", ["uart.baud", "921600", "fallback", "2.1%"]),
    "baud above the clock": ("baud = 460_800", "baud = 12_000_000", ["uart.baud", "12000000"]),
    "baud of zero": ("baud = 460_800", "baud = 0", ["uart", "baud 0"]),
    "baud below the register": ("baud = 460_800", "baud = 300", ["uart.baud", "300"]),
    "unknown bus": ('bus = "apb1"', 'bus = "apb3"', ["uart.bus", "apb3"]),
    "misaligned UART": ("base = 0x4000_4400", "base = 0x4000_4404", ["uart.base", "0x40004404"]),
    "negative interrupt": ("interrupt = 38", "interrupt = -1", ["uart", "interrupt -1"]),
    "bit beyond the register": ("bit = 17", "bit = 32", ["uart.enable[1]", "bit 32"]),
    "pin beyond the port": ("pin = 3", "pin = 16", ["uart.pins[1]", "pin 16"]),
    "no flash": ("length = 524_288", "length = 0", ["memory.flash", "0 bytes"]),
    "negative RAM": ("length = 131_072", "length = -131_072", ["memory.ram", "-131072"]),
    "misaligned RAM length": ("length = 131_072", "length = 131_073", ["memory.ram", "131073", "1024"]),
    "misaligned flash origin": ("origin = 0x0800_0000", "origin = 0x0800_0100", ["memory.flash", "0x8000100", "1024"]),
    "beyond 4 GiB": ("origin = 0x2000_0000", "origin = 0xFFFF_FC00", ["memory.ram", "0xfffffc00"]),
    "overlap": ("origin = 0x2000_0000", "origin = 0x0804_0000", ["memory.ram", "overlaps"]),
    "no stack": ("stack = 2_048", "stack = 0", ["memory.stack", "0"]),
    "misaligned stack": ("stack = 2_048", "stack = 2_044", ["memory.stack", "2044", "8"]),
    "stack as large as the RAM": ("stack = 2_048", "stack = 131_072", ["memory.stack", "131072"]),
    "budget above memory": ("[clock]", "[budget]\nflash = 524_289\nram = 4_096\n[clock]", ["budget.flash", "524289"]),
    "stack above the budget": ("[clock]", "[budget]\nflash = 4_096\nram = 2_048\n[clock]", ["memory.stack", "2048"]),
    "probe without product": ('["0483:374b"]', '["0483:374b", "0483"]', ["probe.usb", "'0483'", "VID:PID"]),
    "probe without an id": ('["0483:374b"]', "[]", ["probe.usb", "empty"]),
    "identity that its mask cannot hold": ("mask = 0xFFF", "mask = 0xFF", ["chip.identity", "0xff", "0x421"]),
    "identity without ids": ("ids = [0x421]", "ids = []", ["chip.identity", "none"]),
    "mbed id of three digits": ('["0777"]', '["777"]', ["probe.mbed_ids", "'777'", "four"]),
    "UF2 family of more than 32 bits": (
        "[probe]", "[uf2]\nboard_id = 'X'\nfamily = 0x1_0000_0000\n[probe]", ["uf2.family", "0x100000000"]),
    "icount beyond QEMU": ("icount_shift = 3", "icount_shift = 11", ["emulator.qemu", "11"]),
    "capitals in an alias": ('["nucleo"]', '["Nucleo"]', ["'Nucleo'", "lower case"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_file_is_refused_in_words(case: str, tmp_path: Path) -> None:
    old, new, said = REFUSED[case]
    assert NUCLEO.count(old) == 1
    path = tmp_path / "nucleo_f446re.toml"
    path.write_text(NUCLEO.replace(old, new))
    with pytest.raises(BoardError) as caught:
        read(path)
    assert caught.value.exit_code == KNOWN_FAILURE
    assert caught.value.problem.startswith(f"{path}: ")
    assert caught.value.next_step
    for words in said:
        assert words in str(caught.value)


def test_the_file_itself_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "nucleo_f446re.toml"
    path.write_text(NUCLEO)
    assert read(path) == load("nucleo")


def test_a_budget_may_be_smaller_than_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(NUCLEO.replace("[clock]", "[budget]\nflash = 24_576\nram = 12_288\n\n[clock]"))
    assert (read(path).budget.flash, read(path).budget.ram) == (24_576, 12_288)
    assert load("nucleo").budget.ram == load("nucleo").memory.ram.length


@pytest.mark.parametrize("alias", ["nucleo", "nucleo_f446re"])
def test_a_name_belongs_to_one_board(alias: str, tmp_path: Path) -> None:
    (tmp_path / "nucleo_f446re.toml").write_text(NUCLEO)
    (tmp_path / "other.toml").write_text(NUCLEO.replace('["nucleo"]', f'["{alias}"]'))
    with pytest.raises(BoardError, match=f"other.toml: the name '{alias}' already belongs to nucleo_f446re"):
        load_all(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="cannot be read"):
        read(tmp_path / "gone.toml")


@pytest.mark.fuzz
@given(
    st.integers(1, 26_000_000), st.integers(2, 63), st.integers(50, 432), st.sampled_from([2, 4, 6, 8]),
    st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([1, 2, 4, 8, 16]),
)  # fmt: skip
def test_a_clock_tree_is_accepted_exactly_if_the_manuals_rules_hold(
    source_hz: int, m: int, n: int, p: int, apb1: int, apb2: int
) -> None:
    vco_input = Fraction(source_hz, m)
    core = vco_input * n / p
    clock = Stm32F4(
        hz=int(core), source="hse", source_hz=source_hz, pll=Pll(m, n, p, q=2), apb1_divider=apb1, apb2_divider=apb2,
        max_hz=180_000_000, max_apb1_hz=45_000_000, max_apb2_hz=90_000_000, vos=3,
    )  # fmt: skip
    allowed = (
        core.denominator == 1
        and 1_000_000 <= vco_input <= 2_000_000
        and 100_000_000 <= vco_input * n <= 432_000_000
        and core <= 180_000_000
        and core // apb1 <= 45_000_000
        and core // apb2 <= 90_000_000
    )
    try:
        clock.check()
    except Implausible:
        assert not allowed
    else:
        assert allowed


@pytest.mark.fuzz
@given(st.sampled_from(sorted(DIVISORS)), st.integers(1, 4_000_000), st.integers(1, 200_000_000))
def test_no_divisor_is_nearer_to_the_baud_rate(name: str, baud: int, bus_hz: int) -> None:
    uart = dataclasses.replace(load(name).uart, baud=baud)  # type: ignore[type-var]
    divisor = uart.divisor(bus_hz)
    lowest, highest = 16, DIVISORS[name]
    assert lowest <= divisor <= highest
    ideal = Fraction(bus_hz, baud)
    for other in (divisor - 1, divisor + 1):
        assert not lowest <= other <= highest or abs(divisor - ideal) <= abs(other - ideal)
    assert uart.actual_baud(bus_hz) == bus_hz / divisor


@pytest.mark.parametrize("baud", RATES)
def test_the_nrf51_comes_within_one_per_cent_of_each_rate_of_its_list(baud: int) -> None:
    uart = dataclasses.replace(load("microbit").uart, baud=baud)  # type: ignore[type-var]
    uart.check()
    assert uart.actual_baud(16_000_000) == pytest.approx(baud, rel=0.01)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hz = 16_000_000", "hz = 32_000_000", ["clock.hz", "32000000", "16000000"]),
        ("baud = 115_200", "baud = 115_201", ["uart.baud", "115201", "115200, 230400"]),
        ("interrupt = 2", "interrupt = 3", ["uart.base", "0x40002000", "interrupt 3"]),
        ("transmit = 24", "transmit = 48", ["uart.transmit", "pin 48"]),
        ("interrupt = 8", "interrupt = 9", ["ticks.base", "0x40008000", "interrupt 9"]),
        ('"nrf51_timer"', '"rtc"', ["ticks.driver", "'rtc'", "nrf51_timer, systick"]),
    ],
)
def test_a_wrong_file_of_an_nrf51_is_refused_in_words(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    text = (FOLDER / "bbc_microbit.toml").read_text()
    assert text.count("\n" + old if old.startswith("hz") else old) == 1
    path = tmp_path / "bbc_microbit.toml"
    path.write_text(text.replace("\n" + old, "\n" + new) if old.startswith("hz") else text.replace(old, new))
    with pytest.raises(BoardError) as caught:
        read(path)
    for words in said:
        assert words in str(caught.value)


@pytest.mark.fuzz
@given(st.integers(0, len(NUCLEO)), st.integers(0, 40), st.text(max_size=12) | st.sampled_from(PIECES))
def test_a_damaged_file_is_read_or_refused(at: int, removed: int, put: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nucleo_f446re.toml"
        path.write_text(NUCLEO[:at] + put + NUCLEO[at + removed :], encoding="utf-8", errors="surrogatepass")
        try:
            board = read(path)
        except BoardError as error:
            assert str(path) in error.problem and error.next_step
        else:
            assert header.render(board) and linker.render(board)


@pytest.mark.fuzz
@given(st.integers(100, 4_000_000))
def test_a_baud_rate_is_accepted_exactly_if_both_clocks_come_within_two_per_cent(baud: int) -> None:
    rates = [Fraction(hz, max(16, min(round(Fraction(hz, baud)), 0xFFFF))) for hz in (45_000_000, 16_000_000)]
    allowed = all(abs(rate / baud - 1) <= Fraction(2, 100) for rate in rates)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nucleo_f446re.toml"
        path.write_text(NUCLEO.replace("baud = 460_800", f"baud = {baud}"))
        if allowed:
            assert read(path).uart.baud == baud
        else:
            with pytest.raises(BoardError, match=r"uart\.baud"):
                read(path)


# Board, what is replaced in its file, with what, and what the error must say.
REFUSED_STM32 = {
    "F1: hz not by the factor": ("stm32vl_discovery", "\nhz = 24", "\nhz = 16", ["clock.hz", "16000000", "24000000"]),
    "F1: factor": ("stm32vl_discovery", "pll_multiplier = 3", "pll_multiplier = 17", ["clock.pll_multiplier", "17", "16"]),
    "F1: above the part": ("stm32vl_discovery", "max_hz = 24", "max_hz = 20", ["clock.hz", "2.4e+07", "2e+07"]),
    "F1: APB1": ("stm32vl_discovery", "max_apb1_hz = 24", "max_apb1_hz = 12", ["APB1", "2.4e+07", "1.2e+07"]),
    "F1: ports": ("stm32vl_discovery", '"crl"', '"crh"', ["uart.ports", "'crh'", "moder, crl"]),
    "F1: four bits of a pin": ("stm32vl_discovery", "0b1001", "0b11001", ["uart.pins[0]", "function 25"]),
    "F1: baud from its slower oscillator": ("stm32vl_discovery", "baud = 230_400", "baud = 460_800", ["fallback", "8000000"]),
    "L4: hz": ("nucleo_l476rg", "\nhz = 80", "\nhz = 64", ["clock.hz", "64000000", "80000000"]),
    "L4: above the part": ("nucleo_l476rg", "max_hz = 80", "max_hz = 26", ["clock.hz", "8e+07", "2.6e+07"]),
    "L4: VCO": ("nucleo_l476rg", "n = 10, r = 2", "n = 40, r = 8", ["VCO", "6.4e+08", "3.44e+08"]),
    "L4: input": ("nucleo_l476rg", "m = 1, n = 10", "m = 5, n = 50", ["PLL input", "3.2e+06", "4e+06"]),
    "L4: odd r": ("nucleo_l476rg", "r = 2", "r = 3", ["clock.pll.r", "3", "2, 4, 6, 8"]),
    "L4: wait states": ("nucleo_l476rg", "wait_state_hz = 16_000_000", "wait_state_hz = 0", ["clock.wait_state_hz", "0"]),
    "LPUART: slower than it can": ("nucleo_l4r5zi", "baud = 460_800", "baud = 9_600", ["uart.baud", "9600"]),
    "G0: above the family": ("nucleo_g0b1re", "n = 8, r = 2 }", "n = 10, r = 2 }", ["clock.hz", "64000000", "80000000"]),
    "G0: r": ("nucleo_g0b1re", "r = 2", "r = 9", ["clock.pll.r", "9", "8"]),
    "G0: bus": ("nucleo_g0b1re", 'bus = "apb"', 'bus = "apb1"', ["uart.bus", "'apb1'"]),
    "H7: AHB": ("nucleo_h743zi", "ahb_divider = 2", "ahb_divider = 1", ["AHB", "4e+08", "2e+08"]),
    "H7: APB": ("nucleo_h743zi", "apb_divider = 2", "apb_divider = 1", ["APB", "2e+08", "1e+08"]),
    "H7: VCO": ("nucleo_h743zi", "n = 400, p = 2", "n = 480, p = 2", ["VCO", "9.6e+08", "8.36e+08"]),
    "H7: odd p": ("nucleo_h743zi", "p = 2", "p = 3", ["clock.pll.p", "3"]),
    "H7: source": ("nucleo_h743zi", '"hse_bypass"', '"csi"', ["clock.source", "csi", "hsi"]),
    "U5: odd r": ("nucleo_u575zi_q", "r = 2", "r = 3", ["clock.pll.r", "3"]),
    "U5: hz": ("nucleo_u575zi_q", "\nhz = 160", "\nhz = 110", ["clock.hz", "110000000", "160000000"]),
    "U5: VCO": ("nucleo_u575zi_q", "n = 20, r = 2", "n = 40, r = 4", ["VCO", "6.4e+08", "5.44e+08"]),
    "F7: over-drive is a figure": ("nucleo_f746zg", "above_hz = 180_000_000", 'above_hz = "x"', ["clock.over_drive_above_hz"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_STM32)
def test_a_wrong_file_of_an_stm32_is_refused_in_words(case: str, tmp_path: Path) -> None:
    name, old, new, said = REFUSED_STM32[case]
    text = (FOLDER / f"{name}.toml").read_text()
    assert text.count(old) == 1
    path = tmp_path / f"{name}.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(BoardError) as caught:
        read(path)
    for words in said:
        assert words in str(caught.value)
