"""PlatformIO's monitor filter for the link: `pio device monitor -e nucleo` shows messages instead of the bytes of their
frames.

       0.004  #0  HELLO  protocol=4 model_hash=00e34b52e3326617 ... board='nucleo_f446re' firmware='demur 0.1.0'
       0.171  #1  LOG  warning: the external clock did not start

A board speaks when it is asked: Enter asks it for HELLO, which changes nothing on it, and other keys do nothing. What
is decoded, and how a line reads, is host.monitor's; `python -m host monitor` is the same without PlatformIO, with a
JSON object a line if wanted.

PlatformIO loads this file because platformio.ini says `monitor_filters = demur`; bytes come and go as characters of
Latin-1 (`monitor_encoding`).
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # PlatformIO may be one that knows nothing of this project's environment

from platformio.public import DeviceMonitorFilterBase  # noqa: E402

from host.frame import Frame, encode  # noqa: E402
from host.messages.session import HelloRequest  # noqa: E402
from host.monitor import Decoder  # noqa: E402

BYTES = "latin-1"
REQUEST = b"\0" + encode(Frame(HelloRequest.TYPE, 0, HelloRequest().encode()))


class Demur(DeviceMonitorFilterBase):  # type: ignore[misc]
    """Lines on the terminal, HELLO_REQUEST on the wire."""

    NAME = "demur"

    def __init__(self, options: dict[str, object] | None = None) -> None:
        super().__init__(options)
        self._decoder = Decoder()
        self._start = time.monotonic()

    def rx(self, text: str) -> str:
        """What came from the board, as the lines that it completes."""
        heard = self._decoder.feed(text.encode(BYTES, errors="replace"), time.monotonic() - self._start)
        return "".join(f"{each}\n" for each in heard)

    def tx(self, text: str) -> str:
        """What was typed."""
        return REQUEST.decode(BYTES) if "\n" in text or "\r" in text else ""

    def echo(self, text: str) -> str:
        """Typed keys are not shown: they are no message."""
        return ""
