"""What the flash of a model is taken by: its code and its constants, divided by where they come from.

Functions are told apart by name: `nn_` is a kernel, a name that ends in the number of a layer or begins with `model_`
was generated for this model, and the others are the C library's. What the compiler inlines counts for the function
around it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

CODE: Final = {
    "kernels": re.compile(r"nn_"),
    "generated code": re.compile(r"model_|.*_\d+$"),
    "C library": re.compile(""),  # whatever is left
}
CONSTANTS: Final = {
    "weights": re.compile(r"(stream|weights|bias|constant\w*)_\d+$"),  # with biases, and rescalings that lie among them
    "layer parameters": re.compile(r"layer_\d+"),
    "tables": re.compile(r"\w+_\d+$"),
}
REST: Final = "other constants"
"""Of the C library and the benchmark's harness, and gaps for alignment."""


@dataclass(frozen=True)
class Part:
    """Bytes of flash that a part of the image takes."""

    part: str
    bytes: int


def parts(elf: Path, functions: Mapping[str, range]) -> tuple[Part, ...]:
    """Parts of the model's `functions`, addresses by name, and of the read-only data; they add up to both."""
    sizes = dict.fromkeys((*CODE, *CONSTANTS, REST), 0)
    for name, addresses in functions.items():
        part = _part(name, CODE)
        assert part is not None
        sizes[part] += len(addresses)
    with elf.open("rb") as file:
        image = ELFFile(file)
        table, constants = image.get_section_by_name(".symtab"), image.get_section_by_name(".rodata")
        assert isinstance(table, SymbolTableSection)
        if constants:
            number = image.get_section_index(".rodata")
            sizes[REST] += constants["sh_size"]
            for symbol in table.iter_symbols():
                if symbol["st_info"]["type"] != "STT_OBJECT" or symbol["st_shndx"] != number:
                    continue
                if part := _part(symbol.name, CONSTANTS):
                    sizes[part] += symbol["st_size"]
                    sizes[REST] -= symbol["st_size"]
    return tuple(Part(part, size) for part, size in sizes.items())


def _part(symbol: str, patterns: Mapping[str, re.Pattern[str]]) -> str | None:
    # GCC names parts and clones of a function after it: nn_gather.constprop.0
    name = symbol.split(".")[0]
    return next((part for part, pattern in patterns.items() if pattern.match(name)), None)
