"""The checksum that the RP2040's boot ROM wants at the end of the first 256 bytes: `seal(Path("firmware.elf"))`.

RP2040 data sheet, 2.8.1.3.1: CRC-32 with the polynomial 0x04C11DB7, initial value 0xFFFFFFFF, nothing reflected, no
final exclusive or, of the first 252 bytes; little endian. What runs there is hal/boot_rp2040.c.
"""

from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError

SECTION: Final = ".boot"
BYTES: Final = 256
CRC_BYTES: Final = 4
POLYNOMIAL: Final = 0x04C1_1DB7


def crc(data: bytes) -> int:
    """The checksum of `data`."""
    value = 0xFFFF_FFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (POLYNOMIAL if value >> 31 else 0)
            value &= 0xFFFF_FFFF
    return value


def seal(elf: Path) -> None:
    """Write the checksum into an image's section .boot; an image without one stays as it is. Raises FirmwareError if
    there is no room for it."""
    from elftools.elf.elffile import ELFFile

    with elf.open("r+b") as file:
        section = ELFFile(file).get_section_by_name(SECTION)
        if section is None or section["sh_size"] == 0:
            return
        block: bytes = section.data()
        if len(block) != BYTES or any(block[-CRC_BYTES:]):
            raise FirmwareError(
                f"{elf}: what the boot ROM runs has {len(block)} bytes, expected {BYTES} with the last {CRC_BYTES} free.",
                "Make hal/boot_rp2040.c shorter.",
            )
        file.seek(section["sh_offset"] + BYTES - CRC_BYTES)
        file.write(crc(block[:-CRC_BYTES]).to_bytes(CRC_BYTES, "little"))
