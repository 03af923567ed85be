"""What an image is made of, from the linker's map: `read(Path("firmware.map"), board)`.

The linker writes the map of an image that is too large, too, so that the same table says why. Initial values of
variables count in flash and RAM. Together with the stack the parts are all of the image.

    weights and constants   the model's, in flash         application             src/ or mlperf/, hal/, lib/frame: code in flash, link and sample
    model code              kernels and generated code                            buffers and other variables in RAM
    arena                   inputs, outputs, all between  gate                    lib/gate and its tables
    state                   of a recurrent model          router                  a gate's second model, arena included
    sequence buffer         the frames of a sequence      C library               memcpy and what else is linked
    alignment               bytes between all these       interpreter             TensorFlow Lite Micro, with that engine
    source                  the board's own of samples

Standard library only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards import Board
from boards.fit import STACK, Part
from firmware.errors import FirmwareError

ALIGNMENT: Final = "alignment"
APPLICATION: Final = "application"
ARENA: Final = "arena"
CODE: Final = "model code"
CONSTANTS: Final = "weights and constants"
GATE: Final = "gate"
INTERPRETER: Final = "interpreter"
LIBRARY: Final = "C library"
ROUTER: Final = "router"
SEQUENCE: Final = "sequence buffer"
SOURCE: Final = "source"
STATE: Final = "state"

# The first that matches "object section" decides; sections are named after variables (-fdata-sections).
RULES: Final = (
    (r".*\*fill\*", ALIGNMENT),
    (r"lib(c|c_nano|m|gcc|stdc\+\+(_nano)?|nosys)\.a\(.*", LIBRARY),
    (r"crt\w+\.o .*", LIBRARY),
    (r"model/model(_data)?\.o \.rodata.*", CONSTANTS),
    (r"model/model\.o \.text.*", CODE),
    (r"(model/model\.o \.bss.*|src/engine_tflm\.o \.bss\.arena)", ARENA),
    (r"src/stream\.o \.bss\.stream_sequence", SEQUENCE),
    (r"(model/model_gate|lib/gate/\w+)\.o .*", GATE),
    (r"model/router\.o .*", ROUTER),
    (r"source/[^/]+\.o .*", SOURCE),
    (r"\w+\.a\(.*", INTERPRETER),
    (r".*", APPLICATION),
)

ORDER: Final = (
    CONSTANTS,
    CODE,
    ARENA,
    STATE,
    SEQUENCE,
    ROUTER,
    INTERPRETER,
    GATE,
    SOURCE,
    APPLICATION,
    LIBRARY,
    ALIGNMENT,
)

MODEL: Final = ORDER[: ORDER.index(GATE)]
"""Parts that come with the model; the others are there whatever the model is."""

INITIALISED: Final = ".data"  # in flash and in RAM
MAP_BEGIN: Final = "Linker script and memory map\n"
MAP_END: Final = "\nOUTPUT("  # what follows, debugging information, is not loaded
PADDING: Final = "*fill*"
ENTRY: Final = re.compile(r"^( ?)(\.\S+|COMMON|\*fill\*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: +(\S.*)| *)$", re.MULTILINE)
"""An output section begins a line; an input section, or the padding *fill*, follows a space; a long name has a line of
its own."""


@dataclass(frozen=True)
class _Piece:
    """Bytes at an address of an output section; `place` is the object file and its section that they are of."""

    output: str
    place: str
    address: int
    bytes: int


def read(path: Path, board: Board, state_bytes: int = 0) -> tuple[Part, ...]:
    """The parts of an image without its stack, in ORDER; `state_bytes` of its arena are a recurrent model's state.

    Raises FirmwareError if there is no such map.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FirmwareError(f"{path}: cannot be read ({error.strerror}).", "Build the image again.") from None
    if MAP_BEGIN not in text:
        raise FirmwareError(f"{path}: not a map of GNU ld.", "Build the image again.")
    sizes = {name: [0, 0] for name in ORDER}
    for piece in _pieces(text.split(MAP_BEGIN, 1)[1].split(MAP_END, 1)[0]):
        if piece.output == f".{STACK}":
            continue
        in_ram = _in_ram(board, piece.address)
        taken = sizes[_part(piece.place)]
        taken[0] += piece.bytes if not in_ram or piece.output == INITIALISED else 0
        taken[1] += piece.bytes if in_ram else 0
    sizes[ARENA][1] -= state_bytes
    sizes[STATE][1] += state_bytes
    return tuple(Part(name, flash, ram) for name, (flash, ram) in sizes.items() if flash or ram)


def _pieces(text: str) -> Iterator[_Piece]:
    output = ""
    for match in ENTRY.finditer(text):
        indent, name, address, size, origin = match.groups()
        if not indent:
            output = name
        elif int(size, 16) and (origin or name == PADDING):
            yield _Piece(output, f"{origin} {name}", int(address, 16), int(size, 16))


def _part(place: str) -> str:
    # An object's path ends in the folders below the build folder, the archives of a library may lie anywhere.
    return next(name for rule, name in RULES if re.search(rf"(^|/){rule}$", place))


def _in_ram(board: Board, address: int) -> bool:
    """Whether an address belongs to the RAM, which an image may overflow: the memory that begins closest below it."""
    flash, ram = board.memory.flash.origin, board.memory.ram.origin
    return address >= ram and (flash < ram or address < flash)
