"""`python -m host hello --run DIR --board BOARD [--port URL] [--mlperf]`: whether the board runs, and carries the model
of the run; what `make flash` ends with. See `host.greeting`."""

import argparse
from pathlib import Path
from typing import Any

from contract.errors import DONE
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "hello", help="wait for a board that was just flashed to say HELLO, with the model of a run"
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a name or alias of `python -m boards`")
    parser.add_argument(
        "--port", metavar="URL", help=f"device or URL; default ${shared.PORT}, else by the board's USB id"
    )
    parser.add_argument(
        "--probe", metavar="SERIAL", help="of several ports of such boards, the one with that serial number"
    )
    parser.add_argument(
        "--mlperf", action="store_true", help="the image is MLPerf Tiny's application: ask for its name instead"
    )
    parser.add_argument(
        "--seconds", type=shared.seconds, default=10.0, metavar="S", help="how long to wait; default 10"
    )


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract import manifest
    from contract.run_folder import RunFolder
    from host import greeting

    board = boards.load(arguments.board)
    arguments.port = [arguments.port] if arguments.port else None
    port, *_ = shared.ports(arguments)
    named = arguments.probe
    probe = None if named is None or Path(named).is_absolute() else named  # the path of a volume leads to no port
    if arguments.mlperf:
        url, name = greeting.wait_mlperf(board, port, arguments.seconds, probe)
        print(f"{url}: {name}: m-ready")
        return DONE
    expected = manifest.load(RunFolder(arguments.run).manifest).hash
    url, hello = greeting.wait(board, port, expected, arguments.seconds, probe)
    print(f"{url}: {hello.board}, {hello.firmware}, {hello.clock_hz / 1e6:g} MHz, model {hello.model_hash:016x}: HELLO")
    return DONE
