"""A copy to the volume of an ST-LINK/V2-1 or newer, or of a DAPLink, which programs what is copied to it.

Such a volume names its board: MBED.HTM leads to `...?code=<code>`, a DAPLink's DETAILS.TXT has a line `Unique ID:
<code>`, and the first four digits of the code are the board's (probe.mbed_ids). Once it has programmed, the probe
mounts the volume anew without the file; what went wrong is in FAIL.TXT then. A success is not said: HELLO has to do.
"""

import re
import time
from pathlib import Path
from typing import Final

from boards import Board
from contract.errors import NO_DEVICE
from firmware.errors import FirmwareError, Unreachable
from firmware.flash import volume

FILE: Final = "FIRMWARE.BIN"
FAIL: Final = "FAIL.TXT"

SETTLE_SECONDS: Final = 20.0
"""The probe programs while it takes the file and mounts the volume anew some 5 s later; nothing more is heard of it
after this long."""
POLL_SECONDS: Final = 0.2


def allows(board: Board) -> bool:
    return board.probe is not None and bool(board.probe.mbed_ids)


def lacks(board: Board, probe: str | None) -> str | None:
    if _volumes(board, probe):
        return None
    return "Plug the board in and mount the volume of its probe, if the desktop does not." + (
        f" (PROBE={probe} names no such volume.)" if probe else ""
    )


def program(elf: Path, board: Board, probe: str | None) -> None:
    volumes = _volumes(board, probe)
    if not volumes:
        raise Unreachable(f"The volume of {board.name} is no longer there.", lacks(board, probe) or "")
    place = volume.only(volumes, board.name)
    known = code(place)
    try:
        image = elf.with_suffix(".bin").read_bytes()
    except OSError as error:
        raise FirmwareError(
            f"{elf.with_suffix('.bin')}: cannot be read ({error.strerror}).", "Build it first."
        ) from None
    before = volume.text(place, FAIL)  # of an earlier time
    volume.copy(image, place / FILE, board.name)
    give_up = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < give_up:
        now = [path for path in volume.mounted() if code(path) == known]  # perhaps at another place
        failed = next((said for path in now if (said := volume.text(path, FAIL)) is not None), None)
        anew = bool(now) and all(volume.text(path, FILE) is None for path in now)
        if failed is not None and (anew or failed != before):
            raise FirmwareError(
                f"{place}: the probe of {board.name} did not program it: {' '.join(failed.split())}",
                "Unplug the board and plug it in again; if it goes on, check its power and jumpers, or flash with OpenOCD.",
                NO_DEVICE,
            )
        if anew:
            return
        time.sleep(POLL_SECONDS)


def code(path: Path) -> str | None:
    """The code of the board that a volume is of; None for any other volume."""
    for name, pattern in (
        ("MBED.HTM", r"\?(?:code|auth)=([0-9A-Fa-f]{4,})"),
        ("DETAILS.TXT", r"^Unique ID: *([0-9A-Fa-f]{4,})"),
    ):
        if found := re.search(pattern, volume.text(path, name) or "", re.MULTILINE):
            return found[1].lower()
    return None


def _volumes(board: Board, probe: str | None) -> list[Path]:
    """The volumes of that kind of board; if `probe` is given, those with that path, or that code."""
    assert board.probe is not None  # allows()
    codes = {path: code(path) for path in volume.mounted()}
    return [
        path
        for path, known in codes.items()
        if known is not None and known[:4] in board.probe.mbed_ids and probe in (None, str(path), known)
    ]
