"""A copy to the volume of a UF2 bootloader, and the file that it takes: `encode(image, address, family)`.

A UF2 file (github.com/microsoft/uf2) is blocks of 512 bytes, each for itself; all integers are little endian and have
32 bits:

    0 0x0A324655 | 4 0x9E5D5157 | 8 flags, 0x2000: family given | 12 address | 16 bytes used of data, 256
    20 number of the block, from 0 | 24 number of blocks | 28 family | 32 data, 476 bytes | 508 0x0AB16F30

An image is one contiguous piece from the start of a sector of 4 KiB, so that the blocks need no filling in between. The
bootloader verifies nothing that could be read; HELLO has to do. It starts the program when it has the last block, and
its volume is gone then.
"""

import re
import struct
from pathlib import Path
from typing import Final

from boards import Board
from firmware.errors import FirmwareError, Unreachable
from firmware.flash import volume

MAGIC: Final = (0x0A32_4655, 0x9E5D_5157)
MAGIC_END: Final = 0x0AB1_6F30
FLAG_FAMILY: Final = 0x2000
PAYLOAD: Final = 256
"""Bytes of a block that count: a page of the flash, as the boot ROM of the RP2040 takes it (its data sheet,
2.8.4.2)."""

BLOCK: Final = struct.Struct("<8I 476s I")
FILE: Final = "FIRMWARE.UF2"


def encode(image: bytes, address: int, family: int) -> bytes:
    """The UF2 file of an image that belongs at `address`, a multiple of 256."""
    if address % PAYLOAD:
        raise ValueError(f"{address:#x} is not a multiple of {PAYLOAD}")
    count = -(-len(image) // PAYLOAD)
    return b"".join(
        BLOCK.pack(
            *(*MAGIC, FLAG_FAMILY, address + PAYLOAD * number, PAYLOAD, number, count, family),
            image[PAYLOAD * number : PAYLOAD * (number + 1)],  # the rest of the field is filled with zeros
            MAGIC_END,
        )
        for number in range(count)
    )


def allows(board: Board) -> bool:
    return board.uf2 is not None


def lacks(board: Board, probe: str | None) -> str | None:
    if _volumes(board, probe):
        return None
    assert board.uf2 is not None
    return (
        f"Hold BOOTSEL while you plug the board in, and mount its volume {board.uf2.board_id} if the desktop does not."
        + (f" (PROBE={probe} names no such volume.)" if probe else "")
    )


def program(elf: Path, board: Board, probe: str | None) -> None:
    assert board.uf2 is not None  # allows()
    volumes = _volumes(board, probe)
    if not volumes:
        raise Unreachable(
            f"The volume {board.uf2.board_id} of {board.name} is no longer there.", lacks(board, probe) or ""
        )
    place = volume.only(volumes, board.name)
    try:
        image = elf.with_suffix(".bin").read_bytes()
    except OSError as error:
        raise FirmwareError(
            f"{elf.with_suffix('.bin')}: cannot be read ({error.strerror}).", "Build it first."
        ) from None
    data = encode(image, board.memory.flash.origin, board.uf2.family)
    volume.copy(data, place / FILE, board.name, may_vanish=True)


def _volumes(board: Board, probe: str | None) -> list[Path]:
    """The volumes whose INFO_UF2.TXT has the Board-ID; those at the path `probe` if it is given."""
    assert board.uf2 is not None
    return [path for path in volume.mounted() if probe in (None, str(path)) and board_id(path) == board.uf2.board_id]


def board_id(path: Path) -> str | None:
    found = re.search(r"^Board-ID: *(\S+)", volume.text(path, "INFO_UF2.TXT") or "", re.MULTILINE)
    return found[1] if found else None
