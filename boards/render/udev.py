"""udev rules that open the debug probes, and the serial ports they offer, to every user: `render(boards)`.

Shipped as boards/udev/99-demur.rules, which `python -m boards --udev` writes anew. ModemManager, which would talk to a
new serial port to find out whether it is a modem, is told to leave these alone.
"""

from collections.abc import Iterable
from typing import Final

from boards.board import Board

INSTALL: Final = (
    "sudo cp boards/udev/99-demur.rules /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger"
)

HEAD: Final = f"""\
# Debug probes and serial ports of the boards, rendered from boards/*.toml by `python -m boards --udev`. To install:
#
#   {INSTALL}
#
# A mode, not TAG+="uaccess": that would have no effect in a file that sorts after 73-seat-late.rules.
"""


def render(boards: Iterable[Board]) -> str:
    """One rule for each USB id, with the boards that have it."""
    titles: dict[str, list[str]] = {}
    for board in boards:
        for usb in board.probe.usb if board.probe else ():
            titles.setdefault(usb, []).append(board.title)
    text = HEAD
    for usb, named in sorted(titles.items()):
        vendor, product = usb.split(":")
        text += (
            f"\n# {', '.join(named)}\n"
            f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", MODE:="0666", '
            'ENV{ID_MM_DEVICE_IGNORE}="1"\n'
        )
    return text
