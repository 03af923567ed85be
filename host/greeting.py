"""A board that was just programmed: waited for until it says HELLO with the model that it should carry.

    url, hello = wait(board, "auto", model_hash, seconds=10.0)

After a reset its port may be gone for a moment: a probe that was copied to shows up anew on USB.
"""

import time
from typing import TYPE_CHECKING, Final

from boards import Board
from contract.errors import NO_DEVICE
from host.endpoint import AUTO
from host.errors import HostError

if TYPE_CHECKING:
    from host.messages.session import Hello

PORT_SECONDS: Final = 0.5  # between two looks for a port that is not there
ASK_SECONDS: Final = 2.0  # of silence, before the port is opened anew


def wait(
    board: Board, port: str, model_hash: int | None, seconds: float, probe: str | None = None
) -> "tuple[str, Hello]":
    """The port, a pyserial URL, or `auto`: by the USB id of the board's probe and, if it is given, its serial number `probe`; and what the board said. Raises HostError: what was in the way last (exit code
    3 if no board was there, or it was silent), or at once that it is another board, another model or another protocol."""
    from host.link import connect
    from host.port import find, open_port

    if port == AUTO and board.probe is None:
        raise HostError(f"{board.name}: its board file names no USB id.", "Name the port with --port.")
    give_up = time.monotonic() + seconds
    while True:
        try:
            assert board.probe is not None or port != AUTO
            url = find(board.probe.usb, probe) if port == AUTO and board.probe else port
            left = max(PORT_SECONDS, min(ASK_SECONDS, give_up - time.monotonic()))
            with connect(open_port(url, board.uart.baud), url, board.name, model_hash, left) as link:
                return url, link.hello
        except HostError as error:
            if error.exit_code != NO_DEVICE or time.monotonic() + PORT_SECONDS > give_up:
                raise
            time.sleep(PORT_SECONDS)
