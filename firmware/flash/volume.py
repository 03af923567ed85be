"""Volumes that program what is copied to them: which are mounted, what is in them, and the copy itself.

A volume is known by what its files say, never by its name or its place.
"""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contract.errors import KNOWN_FAILURE, NO_DEVICE
from firmware.errors import FirmwareError

MOUNTS: Final = Path("/proc/mounts")
PLACES: Final = ("/run/media/*/*", "/media/*", "/media/*/*", "/Volumes/*")
"""Where desktops of Linux, and macOS, mount what is plugged in; /proc/mounts has the rest."""

FAT: Final = ("vfat", "msdos")
READ_BYTES: Final = 8192  # of a file that says what the volume is; those that are known have less than 2 KiB

GONE: Final = (errno.ENOENT, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOTCONN)


def mounted() -> tuple[Path, ...]:
    """Where volumes are mounted that could be a board's, each once."""
    found = [path for pattern in PLACES for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    if MOUNTS.exists():
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, place, kind, *_ = line.split(" ")
            if kind in FAT:
                found.append(Path(_unescape(place)))
    return tuple(dict.fromkeys(path for path in found if _is_folder(path)))


def text(volume: Path, name: str) -> str | None:
    """What a file of a volume says; None if there is none. FAT knows no case."""
    try:
        for entry in volume.iterdir():
            if entry.name.upper() == name:
                with entry.open("rb") as file:
                    return file.read(READ_BYTES).decode("utf-8", errors="replace")
    except OSError:  # unplugged, or not ours to read
        pass
    return None


def only(volumes: Iterable[Path], board: str) -> Path:
    """The one volume. Raises FirmwareError if there are several."""
    first, *others = volumes
    if others:
        raise FirmwareError(
            f"{len(others) + 1} volumes are of {board}: {', '.join(map(str, (first, *others)))}.",
            f"Name one: PROBE={first}.",
        )
    return first


def copy(data: bytes, target: Path, board: str, may_vanish: bool = False) -> None:
    """Write a file to a volume, through to the device. Raises FirmwareError: full, read-only, not permitted, gone.

    `may_vanish`: a bootloader that has all it needs starts the program, and takes its volume away while the file is
    being closed.
    """
    written = 0
    try:
        with target.open("wb", buffering=0) as file:
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
    except OSError as error:
        if may_vanish and written == len(data) and error.errno in GONE:
            return
        raise _explain(error, target.parent, len(data), board) from None


def _explain(error: OSError, volume: Path, size: int, board: str) -> FirmwareError:
    said = f"{volume}: the volume of {board}"
    if error.errno == errno.ENOSPC:
        return FirmwareError(
            f"{said} has no room for {size:,} bytes.",
            "Unplug the board and plug it in again: such a volume is as large as the chip only after a fresh start.",
        )
    if error.errno == errno.EROFS:
        return FirmwareError(
            f"{said} is mounted read-only.", "Mount it for writing, or unplug the board and plug it in again."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return FirmwareError(
            f"{said} may not be written.", f"Mount it as yours: mount -o uid=$(id -u) ... {volume}.", NO_DEVICE
        )
    if error.errno in GONE:
        return FirmwareError(
            f"{said} went away during the copy.", "Check the cable, plug the board in again, and repeat.", NO_DEVICE
        )
    return FirmwareError(
        f"{said} cannot be written ({error.strerror}).", "Unplug the board, plug it in, and repeat.", KNOWN_FAILURE
    )


def _unescape(place: str) -> str:
    """A path of /proc/mounts: blank, tab, newline and backslash are octal there (proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
