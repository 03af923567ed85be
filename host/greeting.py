"""A board that was just programmed: waited for until it says HELLO with the model that it should carry.

    url, hello = wait(board, "auto", model_hash, seconds=10.0)
    url, name = wait_mlperf(board, "auto", seconds=10.0)    # with MLPerf Tiny's application, which has no HELLO: host.mlperf

After a reset its port may be gone for a moment: a probe that was copied to shows up anew on USB.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from boards import Board
from contract.errors import NO_DEVICE
from host.endpoint import AUTO, usb_ids
from host.errors import HostError

if TYPE_CHECKING:
    from host.messages.session import Hello

PORT_SECONDS: Final = 0.5  # between two looks for a port that is not there
ASK_SECONDS: Final = 2.0  # of silence, before the port is opened anew

Said = TypeVar("Said")


def wait(
    board: Board, port: str, model_hash: int | None, seconds: float, probe: str | None = None
) -> "tuple[str, Hello]":
    """The port, a pyserial URL, or `auto`: by the USB id of the board's probe and, if it is given, its serial number
    `probe`; and what the board said. Raises HostError: what was in the way last (exit code 3 if no board was there, or
    it was silent), or at once that it is another board, another model or another protocol."""
    from host.link import connect
    from host.port import open_port

    def greet(url: str, left: float) -> "Hello":
        with connect(open_port(url, board.uart.baud), url, board.name, model_hash, left) as link:
            return link.hello

    return _until_it_answers(board, port, seconds, probe, greet)


def wait_mlperf(board: Board, port: str, seconds: float, probe: str | None = None) -> tuple[str, str]:
    """As wait(), of a board with MLPerf Tiny's application: the port, and the name that the board said. That protocol
    does not tell which model an image carries."""
    from host import mlperf
    from host.port import open_port

    def greet(url: str, left: float) -> str:
        with open_port(url, mlperf.BAUD) as opened:
            return mlperf.name(opened, url, board.name, left)

    return _until_it_answers(board, port, seconds, probe, greet)


def _until_it_answers(
    board: Board, port: str, seconds: float, probe: str | None, greet: Callable[[str, float], Said]
) -> tuple[str, Said]:
    from host.port import find

    usb = usb_ids(board) if port == AUTO else ()
    give_up = time.monotonic() + seconds
    while True:
        try:
            url = find(usb, probe) if port == AUTO else port
            return url, greet(url, max(PORT_SECONDS, min(ASK_SECONDS, give_up - time.monotonic())))
        except HostError as error:
            if error.exit_code != NO_DEVICE or time.monotonic() + PORT_SECONDS > give_up:
                raise
            time.sleep(PORT_SECONDS)
