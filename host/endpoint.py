"""Where the boards of a session are: ports, devices found by their USB id, emulators booted for it.

    with endpoints(("emulator:2",), board, run, "qemu", faults=None) as boards:
        boards[0].url()          # "socket://127.0.0.1:40123"

A port is a pyserial URL, `auto` (every port with the USB id of the board), an emulator (host.emulator.RUNNERS) or `emulator` for the one that is chosen;
an emulator's name may end in :N, for N boards.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from boards import Board
from contract.run_folder import RunFolder
from host import faults as faulty
from host.emulator import RUNNERS, Runner
from host.errors import HostError
from host.port import Port, find, matching

AUTO: Final = "auto"
EMULATOR: Final = "emulator"
MOST: Final = 64  # emulated boards; each is a process


@dataclass(frozen=True)
class Endpoint:
    """A board's place. `name` tells it from the others; `url` looks for it anew, since an unplugged board may come back
    as another device."""

    name: str
    url: Callable[[], str]
    runner: Runner | None


@contextlib.contextmanager
def endpoints(
    ports: Sequence[str], board: Board, run: RunFolder, emulator: str, faults: str | None = None
) -> Iterator[tuple[Endpoint, ...]]:
    """The boards at `ports`; an emulator runs until the block ends. `faults` damages what goes over every link
    (host.faults). Raises HostError for a port that cannot be, or is named twice, and for whatever an emulator has to
    say."""
    with contextlib.ExitStack() as emulators:
        found = [place for port in ports for place in _places(port, board, run, emulator, emulators)]
        names = [place.name for place in found]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise HostError(f"{twice[0]}: the port is named twice.", "Name each board's port once.")
        if faults is not None:
            found = [Endpoint(place.name, _damaged(place.url, faults), place.runner) for place in found]
            for place in found:
                emulators.callback(_discard, place)
        yield tuple(found)


def runner_of(port: str, emulator: str) -> Runner | None:
    """The emulator that a port names; None for any other port. Raises HostError for an emulator that is not known."""
    name = re.sub(r":\d+$", "", port)
    if name == EMULATOR and emulator not in RUNNERS:
        raise HostError(f"Unknown emulator {emulator!r}.", f"Known ones: {', '.join(RUNNERS)}.")
    return RUNNERS.get(emulator if name == EMULATOR else name)


def _places(
    port: str, board: Board, run: RunFolder, emulator: str, emulators: contextlib.ExitStack
) -> Iterator[Endpoint]:
    if runner := runner_of(port, emulator):
        name, _, count = port.partition(":")
        if not 1 <= int(count or 1) <= MOST:
            raise HostError(f"{port}: {count} boards, expected 1 to {MOST}.", f"Name the port as {name}:8.")
        for number in range(1, int(count or 1) + 1):
            url = emulators.enter_context(runner.boot(board, run.firmware(board.name) / "firmware.elf"))
            yield Endpoint(f"{name}-{number}" if count else name, _fixed(url), runner)
    elif port == AUTO:
        usb = usb_ids(board)
        present = matching(usb)
        if not present:
            find(usb)  # which says so
        yield from (Endpoint(each.device, _found(each, usb, alone=len(present) == 1), None) for each in present)
    else:
        yield Endpoint(port, _fixed(port), None)


def usb_ids(board: Board) -> tuple[str, ...]:
    """By which `auto` finds the board. Raises HostError if its board file names none."""
    if board.probe is None:
        raise HostError(f"{board.name}: its board file names no USB id.", "Name the port with --port.")
    return board.probe.usb


def _found(port: Port, usb: tuple[str, ...], alone: bool) -> Callable[[], str]:
    """Where a board is that was at `port`: unplugged, it may come back as another device."""
    if port.serial_number is None and not alone:
        return _fixed(port.device)
    return lambda: find(usb, port.serial_number)


def _fixed(url: str) -> Callable[[], str]:
    return lambda: url


def _discard(place: Endpoint) -> None:
    with contextlib.suppress(HostError):  # a board that is gone has no cable either
        faulty.discard(place.url())


def _damaged(url: Callable[[], str], faults: str) -> Callable[[], str]:
    return lambda: faulty.wrap(url(), faults)
