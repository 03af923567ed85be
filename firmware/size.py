"""Flash and RAM of an image, from its ELF, and what takes them, from the map beside it: `measure(elf, board)`.

Flash is what lies in the board's flash: vectors, code, constants and the initial values of variables. RAM is what lies
in its RAM: the reserved stack and all variables, for a recurrent model with the buffer that holds a whole sequence.
There is no heap, so that is all there ever is.
"""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from boards import Board, Region, load, load_all
from boards.fit import Part, advice, table
from contract import manifest
from contract.errors import CHECK_FAILED
from contract.run_folder import RunFolder
from firmware import parts
from firmware.errors import INSTALL, FirmwareError
from firmware.model_files import ROUTER

STACK_SECTION: Final = ".stack"

BAR: Final = 20  # characters


@dataclass(frozen=True)
class Sizes:
    """Bytes. `ram_bytes` includes `stack_bytes` and `sequence_bytes`, the buffer for a sequence, 0 without one; `base_`
    is what would be there with any other model, the stack not included; `router_` are what a gate's second model takes
    of both, 0 without one; `sections` are those that take memory; `parts` are all of the image but the stack
    (firmware.parts). The fields of size.json."""

    board: str
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    sequence_bytes: int
    base_flash_bytes: int
    base_ram_bytes: int
    router_flash_bytes: int
    router_ram_bytes: int
    flash_budget: int
    ram_budget: int
    sections: dict[str, int]
    parts: tuple[Part, ...]

    def json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def table(self) -> str:
        """Two bars, and what the RAM is made of."""
        sequence = f", {self.sequence_bytes:,} the buffer for a sequence" if self.sequence_bytes else ""
        flash, ram = (
            f", {used:,} the router" if self.router_flash_bytes else ""
            for used in (self.router_flash_bytes, self.router_ram_bytes)
        )
        return (
            f"{_bar('flash', self.flash_bytes, self.flash_budget)}{flash}\n"
            f"{_bar('RAM', self.ram_bytes, self.ram_budget)}, {self.stack_bytes:,} of it stack{sequence}{ram}\n"
        )

    def by_part(self) -> str:
        """One line a part, with the stack, the sums and what the board has."""
        return table(self.parts, load(self.board))

    def check(self, max_flash: int | None = None, max_ram: int | None = None) -> None:
        """Raises FirmwareError if the image is larger than the board's budget, or, with the exit code of a check, than
        the limits given."""
        for name, used, budget, limit in (
            ("flash", self.flash_bytes, self.flash_budget, max_flash),
            ("RAM", self.ram_bytes, self.ram_budget, max_ram),
        ):
            if used > budget:
                print(self.by_part(), file=sys.stderr)
                raise FirmwareError(
                    f"The image for {self.board} takes {used:,} bytes of {name}, the board has {budget:,}.",
                    f"Train a smaller model, or name another board. {advice(self.parts, load_all())}",
                )
            if limit is not None and used > limit:
                raise FirmwareError(
                    f"The image for {self.board} takes {used:,} bytes of {name}, the limit is {limit:,}.",
                    "Train a smaller model; `python -m firmware size` says what takes the space.",
                    CHECK_FAILED,
                )


def measure(elf: Path, board: Board, state_bytes: int = 0) -> Sizes:
    """Sizes of a linked image; `state_bytes` of its arena are a recurrent model's state. Raises FirmwareError if the
    file or its map is missing, or no ELF."""
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.constants import SH_FLAGS
        from elftools.elf.elffile import ELFFile
    except ModuleNotFoundError:
        raise FirmwareError("pyelftools is not installed in this Python.", INSTALL) from None
    try:
        with elf.open("rb") as file:
            image = ELFFile(file)
            allocated = [section for section in image.iter_sections() if section["sh_flags"] & SH_FLAGS.SHF_ALLOC]
            sections = {section.name: section["sh_size"] for section in allocated if section["sh_size"] > 0}
            ram = sum(section["sh_size"] for section in allocated if _inside(board.memory.ram, section["sh_addr"]))
            router_flash, router_ram = (
                _router_bytes(image, region) for region in (board.memory.flash, board.memory.ram)
            )
            flash = sum(
                segment["p_filesz"]
                for segment in image.iter_segments("PT_LOAD")
                if _inside(board.memory.flash, segment["p_paddr"])  # where it is loaded, not where it runs
            )
    except OSError as error:
        raise FirmwareError(
            f"{elf}: cannot be read ({error.strerror}).", "Run `python -m firmware build` first."
        ) from None
    except ELFError as error:
        raise FirmwareError(f"{elf}: not an ELF file ({error}).", "Build it again.") from None
    made_of = parts.read(elf.with_suffix(".map"), board, state_bytes)
    base = [part for part in made_of if part.name not in parts.MODEL]
    return Sizes(
        board=board.name,
        flash_bytes=flash,
        ram_bytes=ram,
        stack_bytes=sections.get(STACK_SECTION, 0),
        sequence_bytes=sum(part.ram for part in made_of if part.name == parts.SEQUENCE),
        base_flash_bytes=sum(part.flash for part in base),
        base_ram_bytes=sum(part.ram for part in base),
        router_flash_bytes=router_flash,
        router_ram_bytes=router_ram,
        flash_budget=board.budget.flash,
        ram_budget=board.budget.ram,
        sections=sections,
        parts=made_of,
    )


def state_bytes(run: RunFolder) -> int:
    """Bytes of the state of a run's model, 0 if it has none, or if the folder holds no manifest."""
    if not run.manifest.exists():
        return 0
    described = manifest.load(run.manifest)
    states = {state.input for state in described.states}
    return sum(tensor.bytes for tensor in described.inputs if tensor.name in states)


def _router_bytes(image: Any, region: Region) -> int:
    """Bytes of functions and variables of the run folder's router.c in a region: what is local follows the file's name
    in the table of symbols, what is not begins with router_."""
    total, file = 0, ""
    for symbol in image.get_section_by_name(".symtab").iter_symbols():
        info = symbol["st_info"]
        if info["type"] == "STT_FILE":
            file = symbol.name
        local = info["bind"] == "STB_LOCAL"
        if info["type"] in ("STT_OBJECT", "STT_FUNC") and (
            file == ROUTER if local else symbol.name.startswith("router_")
        ):
            total += symbol["st_size"] * _inside(region, symbol["st_value"])
    return total


def _inside(region: Region, address: int) -> bool:
    return region.origin <= address < region.origin + region.length


def _bar(name: str, used: int, budget: int) -> str:
    filled = min(BAR, -(-BAR * used // budget))
    return f"{name:<6}[{'=' * filled:<{BAR}}] {used / budget:6.1%}  {used:,} of {budget:,} bytes"
