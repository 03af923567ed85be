"""Whether a compiled model fits a board, before anything is flashed: `require(parts(compiled, board, small), board,
"model.tflite")`.

The arena is the memory plan's. Constants and code are those of the object file that arm-none-eabi-gcc makes for the
board's core, with the flags of the firmware build; what the model calls of the C library, memcpy and memset, and the
program around it come on top. So a model that is refused here fits with no program, and one that is not may still be
too much beside a large one.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from boards import Board, cores, load_all
from boards.fit import Part, advice, excess, table
from export.aot import Compiled
from export.errors import ExportError

COMPILER: Final = "arm-none-eabi-gcc"

CODE: Final = "model code"
CONSTANTS: Final = "weights and constants"
ARENA: Final = "arena"


def parts(compiled: Compiled, board: Board, small: bool = False) -> tuple[Part, ...]:
    """What the model takes of the board. Without a compiler on PATH that is the arena alone. Raises ExportError if the
    C does not compile."""
    arena = Part(ARENA, 0, compiled.memory.arena_bytes)
    if shutil.which(COMPILER) is None:
        return (arena,)
    with tempfile.TemporaryDirectory() as name:
        sections = _sections(Path(name), compiled, board, small)
    constants = sum(size for section, size in sections.items() if section.startswith(".rodata"))
    code = sum(size for section, size in sections.items() if section.startswith(".text"))
    return (Part(CONSTANTS, constants, 0), Part(CODE, code, 0), arena)


def require(made_of: Sequence[Part], board: Board, name: str) -> None:
    """Raises ExportError if that is more than the board has; what takes the space is then on stderr."""
    over = excess(made_of, board)
    if not over:
        return
    print(table(made_of, board), file=sys.stderr)
    too_much = " and ".join(f"{count:,} bytes of {kind}" for kind, count in over.items())
    raise ExportError(
        f"{name} does not fit {board.name}: it takes {too_much} more than the board has. Nothing was written.",
        f"Use a smaller model or another board; --small takes less flash. {advice(made_of, load_all())}",
    )


def _sections(folder: Path, compiled: Compiled, board: Board, small: bool) -> dict[str, int]:
    """Bytes of the object file by section."""
    from elftools.elf.elffile import ELFFile

    (folder / "model.h").write_text(compiled.header)
    (folder / "model.c").write_text(compiled.source)
    flags = [*cores.flags(board.chip.core, board.chip.fpu), "-std=c11", "-Os" if small else "-O2"]
    command = [COMPILER, *flags, "-ffunction-sections", "-fdata-sections", "-c", "model.c", "-o", "model.o"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        tail = "\n".join(result.stderr.strip().splitlines()[-6:])
        raise ExportError(f"{COMPILER} failed:\n{tail}\n", "This is a defect of the compiler: please report it.")
    with (folder / "model.o").open("rb") as file:
        return {section.name: section["sh_size"] for section in ELFFile(file).iter_sections()}
