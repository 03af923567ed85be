"""`python -m host monitor --board BOARD [--port URL]`: what a board says, one message a line, until Ctrl-C; see
`host.monitor`."""

import argparse
from pathlib import Path
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
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="the run whose image an emulator at --port is to boot, as runs/digits"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import monitor
    from host.emulator import usual
    from host.endpoint import endpoints, runner_of
    from host.errors import HostError

    board, named = boards.load(arguments.board), shared.ports(arguments)
    emulator = usual(board)
    if runner_of(named[0], emulator) is not None and arguments.run is None:
        raise HostError(
            f"{named[0]}: an emulator runs the image of a run, and none is named.",
            "Name it with --run, as --run runs/digits.",
        )
    with endpoints(named, board, RunFolder(arguments.run or Path()), emulator) as places:
        if len(places) > 1:
            raise HostError(f"{len(places)} boards, expected one.", "Name one port with --port.")
        monitor.run(places[0].url(), board.uart.baud, arguments.json, arguments.seconds)
    return DONE
