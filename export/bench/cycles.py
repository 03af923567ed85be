"""A model of Cortex-M4 cycles, so that nobody is fooled by instructions that load four words.

Zero-wait-state memory, no pipeline effects but one: it turns executed counts by address into cycles with the table
below, from the Cortex-M4 technical reference manual (r0p1, 3.3.1 "Cortex-M4 instructions", table 3-1). Not hardware
time.

    LDR, STR            2, or 1 when the instruction before it is another single load or store (they pipeline)
    LDRD, STRD          3
    LDM, STM, PUSH, POP 1 + number of registers (a POP into pc is also a branch)
    taken branch        3 (1 + refill of the pipeline)
    UDIV, SDIV          7 (2 to 12, by operands)
    everything else     1
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORE: Final = "cortex-m4"
"""The only core that the table holds for."""

SINGLE: Final = 2
PIPELINED: Final = 1
DOUBLE: Final = 3
TAKEN_BRANCH: Final = 3
DIVIDE: Final = 7

_LINE: Final = re.compile(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t(\S+)\t?([^;@]*)")
_CONDITION: Final = "(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
_SINGLE: Final = re.compile(rf"(vldr|vstr|ldr(b|h|sb|sh)?|str(b|h)?){_CONDITION}(\.[nw])?")
_MULTIPLE: Final = re.compile(r"v?(push|pop|ldm|stm)")


@dataclass(frozen=True)
class Instruction:
    address: int
    mnemonic: str
    operands: str


@dataclass(frozen=True)
class Executed:
    """How often an instruction ran, and how often it branched."""

    count: int
    taken: int


def disassemble(elf: Path) -> list[Instruction]:
    """Every instruction of the ELF, in order of address."""
    listing = subprocess.run(["arm-none-eabi-objdump", "-d", str(elf)], capture_output=True, text=True, check=True)
    matches = (_LINE.match(line) for line in listing.stdout.splitlines())
    return [Instruction(int(m[1], 16), m[2], m[3].strip()) for m in matches if m]


def cycles(program: list[Instruction], executed: Mapping[int, Executed]) -> int:
    """Modelled cycles of a run, from how often the instruction at each address was executed."""
    total = 0
    single_before = False
    for instruction in program:
        if ran := executed.get(instruction.address):
            total += ran.count * _cost(instruction, single_before) + ran.taken * (TAKEN_BRANCH - 1)
        single_before = bool(_SINGLE.fullmatch(instruction.mnemonic))
    return total


def _cost(instruction: Instruction, single_before: bool) -> int:
    name = instruction.mnemonic
    if name.startswith(("ldrd", "strd")):
        return DOUBLE
    if _MULTIPLE.match(name):
        return 1 + _registers(instruction.operands)
    if name.startswith(("udiv", "sdiv")):
        return DIVIDE
    if _SINGLE.fullmatch(name):
        return PIPELINED if single_before else SINGLE
    return 1


def _registers(operands: str) -> int:
    """Number of registers in a list such as {r4-r7, lr}."""
    count = 0
    for item in operands[operands.index("{") + 1 : operands.index("}")].split(","):
        ends = [int(number) for number in re.findall(r"\d+", item)]
        count += ends[1] - ends[0] + 1 if "-" in item else 1
    return count
