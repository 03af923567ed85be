"""`python -m host monitor --board BOARD [--port URL]`: what a board says, one message a line, until Ctrl-C; see `host.monitor`."""

import argparse
from typing import Any

from contract.errors import DONE
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser("monitor", help="show what a board says, one message a line; damage as bytes")
    parser.add_argument("--board", required=True, metavar="NAME", help="a name or alias of `python -m boards`")
    parser.add_argument(
        "--port", action="append", metavar="URL", help=f"device or URL; default ${shared.PORT}, else the board's USB id"
    )
    parser.add_argument(
        "--seconds", type=shared.seconds, metavar="S", help="end after so long; default: go on until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from host import monitor
    from host.errors import HostError
    from host.port import find

    board, named = boards.load(arguments.board), shared.ports(arguments)
    if len(named) > 1:
        raise HostError(f"{len(named)} ports are named: {', '.join(named)}, expected one.", "Name one with --port.")
    port = named[0]
    if port == "auto":
        if board.probe is None:
            raise HostError(f"{board.name}: its board file names no USB id.", "Name the port with --port.")
        port = find(board.probe.usb)
    monitor.run(port, board.uart.baud, arguments.json, arguments.seconds)
    return DONE
