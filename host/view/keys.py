"""Keys as they are pressed, from a terminal that standard input is.

    with reading(press) as can:          # press("y"), press("up")

`can` is False, and nothing is read, where standard input is closed, a file, or a pipe, or where there is no termios.
The terminal gets its settings back at the end, however that comes; Ctrl-C stays what it is.
"""

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final

ARROWS: Final = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down"}
"""What a terminal sends in its two modes (ECMA-48 CUU, CUD; DEC application keys)."""

LOOK_SECONDS: Final = 0.1
"""How often the reader looks whether it is to end."""


@contextlib.contextmanager
def reading(press: Callable[[str], None]) -> Iterator[bool]:
    """Call `press`, from a thread of its own, with each key: a character, or "up" or "down"."""
    try:
        import termios
        import tty

        descriptor = sys.stdin.fileno()  # AttributeError: None, which it is where it was closed from the start
        before = termios.tcgetattr(descriptor)
    except (ImportError, AttributeError, ValueError, OSError, termios.error):
        yield False
        return
    closing = threading.Event()
    reader = threading.Thread(target=_read, args=(descriptor, press, closing), name="keys", daemon=True)
    try:
        tty.setcbreak(descriptor)
        reader.start()
        yield True
    finally:
        closing.set()
        reader.join()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read(descriptor: int, press: Callable[[str], None], closing: threading.Event) -> None:
    while not closing.is_set():
        if not select.select([descriptor], [], [], LOOK_SECONDS)[0]:
            continue
        typed = os.read(descriptor, 64)
        if not typed:
            return  # the terminal is gone
        for key in split(typed):
            press(key)


def split(typed: bytes) -> list[str]:
    """Keys of what a terminal sent at once; escape sequences that mean nothing here are left out."""
    keys = []
    while typed:
        if typed[:1] == b"\x1b":
            if arrow := ARROWS.get(typed[:3]):
                keys.append(arrow)
            typed = typed[3:]
        else:
            keys.append(chr(typed[0]))
            typed = typed[1:]
    return keys
