"""The cycle model: every line of its table, on instructions that the assembler and objdump agree on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from export.bench.cycles import Executed, cycles, disassemble

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")


def assembled(text: str, folder: Path) -> Path:
    source, elf = folder / "code.s", folder / "code.o"
    source.write_text(f".syntax unified\n.cpu cortex-m4\n.fpu fpv4-sp-d16\n.thumb\n{text}\n")
    subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-c", source, "-o", elf], check=True)
    return elf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adds r0, r1, r2", 1),
        ("smlad r0, r1, r2, r3", 1),
        ("ldr r0, [r1]", 2),
        ("strb r0, [r1]", 2),
        ("ldr r0, [r1]\nldrsh r2, [r3], #4", 2 + 1),
        ("ldr r0, [r1]\nstr.w r2, [r3, #256]\nldrb r4, [r5]", 2 + 1 + 1),
        ("ldr r0, [r1]\nadds r0, #1\nldr r2, [r3]", 2 + 1 + 2),
        ("ldrd r0, r1, [r2], #8", 3),
        ("ldr r0, [r1]\nldrd r2, r3, [r4]", 2 + 3),
        ("ldrd r2, r3, [r4]\nldr r0, [r1]", 3 + 2),
        ("strd r0, r1, [r2]", 3),
        ("ldmia r0!, {r1, r2, r3, r4}", 5),
        ("stmia.w r0!, {r1, r4-r6, r8}", 6),
        ("push {r4-r7, lr}", 6),
        ("pop {r4, r5}", 3),
        ("udiv r0, r1, r2", 7),
        ("sdiv r0, r1, r2", 7),
        ("vldr s0, [r0]", 2),
    ],
)
def test_an_instruction_costs_what_the_table_says(text: str, expected: int, tmp_path: Path) -> None:
    program = disassemble(assembled(text, tmp_path))
    assert cycles(program, {instruction.address: Executed(1, 0) for instruction in program}) == expected


def test_a_taken_branch_costs_two_more(tmp_path: Path) -> None:
    program = disassemble(assembled("1: subs r0, #1\nbne 1b", tmp_path))
    subtract, branch = (instruction.address for instruction in program)
    assert cycles(program, {subtract: Executed(10, 0), branch: Executed(10, 9)}) == 10 + 10 + 9 * 2


def test_what_did_not_run_costs_nothing(tmp_path: Path) -> None:
    assert cycles(disassemble(assembled("udiv r0, r1, r2\nldr r0, [r1]", tmp_path)), {}) == 0
