"""A board with the application that MLPerf Tiny's runner measures: `name(port, url, board, seconds)` asks it what it
is.

Such a board says no HELLO. It is asked `name%`, and answers lines, of which `m-ready` is the last
(firmware/mlperf/main.c):

    m-name-dut-[nucleo_f446re]
    m-ready
"""

import re
import time
from typing import Any, Final

from contract.errors import KNOWN_FAILURE, NO_DEVICE
from host.errors import HostError

BAUD: Final = 115_200
"""The runner's own, which the image has (APPS of firmware/model_files.py) whatever the rate of the board file."""

ASK_SECONDS: Final = 0.5  # between two requests: one to a board that is still booting is lost
READ_BYTES: Final = 4096

ANSWER: Final = re.compile(rb"m-name-dut-\[([^]\r\n]*)\]\r\nm-ready\r\n")


def name(port: Any, url: str, board: str, seconds: float) -> str:
    """What the board at an open port says that it is. Raises HostError: it is silent, or gone (exit code 3), or another
    board."""
    heard = b""
    give_up = time.monotonic() + seconds
    try:
        port.timeout = 0.05
        while not (found := ANSWER.search(heard)):
            if time.monotonic() > give_up:
                raise HostError(*_silence(url, heard, seconds), NO_DEVICE)
            port.write(b"name%")
            again = time.monotonic() + ASK_SECONDS
            while time.monotonic() < again and not ANSWER.search(heard):
                heard = (heard + bytes(port.read(1)) + bytes(port.read(port.in_waiting)))[-READ_BYTES:]
    except OSError as error:  # pyserial's SerialException is one
        raise HostError(
            f"{url}: the connection was lost ({error}).", "Check the cable and run the command again.", NO_DEVICE
        ) from None
    said = found[1].decode("ascii", errors="replace")
    if said != board:
        raise HostError(
            f"{url}: the image there says that it is for {said!r}, expected {board}.",
            "Choose another port, or flash the board: `make flash APP=mlperf BOARD=` its name.",
            KNOWN_FAILURE,
        )
    return said


def _silence(url: str, heard: bytes, seconds: float) -> tuple[str, str]:
    problem = f"{url}: no m-name-dut and m-ready from the board within {seconds:g} s at {BAUD} baud"
    if heard:
        return (
            f"{problem}, but {len(heard)} bytes.",
            "Something talks, but not the application of MLPerf Tiny: flash it with APP=mlperf, or choose another port.",
        )
    return (
        f"{problem}.",
        "Check that the firmware is flashed and running (press reset), and that this is the board's port.",
    )
