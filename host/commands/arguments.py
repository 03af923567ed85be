"""What several commands are told alike: the board and its port, the run, numbers in their ranges."""

import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from host.control import Control
    from host.session import Options
    from host.view import View
    from host.view.web import Web

ANY_PORT: Final = 0  # of the page: one that is free

PORT: Final = "DEMUR_PORT"
"""The environment variable that names the port, or several with commas in between, where --port does not."""


def add_board(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """The options of commands that stream samples through a board."""
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a name or alias of `python -m boards`")
    parser.add_argument(
        "--port",
        action="append",
        metavar="URL",
        help="device, socket://HOST:PORT, `emulator`, `renode`, or `auto`: by the board's USB id; "
        + ("several times, or as `emulator:8`, for several boards; " if several else "")
        + f"default ${PORT}, else auto",
    )
    parser.add_argument(
        "--frames-per-push",
        type=positive,
        metavar="N",
        help="frames that a recurrent model gets at once; default: as many as fit in a message, of a --source 1",
    )
    parser.add_argument(
        "--large",
        default="checkpoint",
        metavar="MODEL",
        help="what answers abstained samples: checkpoint (the run's own, default), a file *.pt or *.onnx, or "
        "http://HOST:PORT/v2/models/NAME (host/backend)",
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=2.0,
        metavar="S",
        help="how long an abstained sample waits for the large model before the board's own answer stands; default 2",
    )
    parser.add_argument(
        "--emulator",
        metavar="NAME",
        help="which emulator --port emulator boots: qemu, renode or rp2040js; default: the first of them that models the board",
    )
    parser.add_argument(
        "--faults", metavar="RATES", help="damage what goes over the link, as flip=0.01,drop=0.001,seed=7 (host/faults)"
    )
    parser.add_argument(
        "--reconnect-seconds",
        type=seconds,
        default=30.0,
        metavar="S",
        help="how long a port that is gone is tried again; default 30",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_views(parser: argparse.ArgumentParser) -> None:
    """How a session is shown."""
    group = parser.add_argument_group("what is shown")
    group.add_argument(
        "--view",
        default="auto",
        metavar="NAME",
        help="auto (default: terminal on a terminal, otherwise plain; none with --json), terminal, plain, none",
    )
    group.add_argument(
        "--web",
        type=whole,
        nargs="?",
        const=ANY_PORT,
        metavar="PORT",
        help="serve a page as well, on 127.0.0.1, until Ctrl-C; without a port on one that is free",
    )


@contextlib.contextmanager
def page(port: int | None, control: "Control") -> "Iterator[Web | None]":
    """The page of a session, if a port is given; it stays after the end of what it shows, until Ctrl-C."""
    from host.view import web

    if port is None:
        yield None
        return
    with web.serve(control, port=port) as served:
        print(f"page: {served.url}", file=sys.stderr)
        yield served
        if not control.stopping:
            print("the page stays until Ctrl-C", file=sys.stderr)
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()


@contextlib.contextmanager
def views(name: str, served: "Web | None", control: "Control") -> "Iterator[list[View]]":
    """The view of that name, and the page if there is one."""
    from rich.console import Console

    from host import view

    if name == view.AUTO and not sys.stdout.isatty():
        name = "plain"
    note = "" if served is None else f"page: {served.url}"
    with view.make(name, control, Console(stderr=not sys.stdout.isatty()), note) as shown:
        yield [shown] if served is None else [shown, served]


def ports(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Those of the command line, else of the environment, else `auto`."""
    named = arguments.port or [port for port in os.environ.get(PORT, "").split(",") if port]
    return tuple(named) or ("auto",)


def options(arguments: argparse.Namespace) -> "Options":
    """What `add_board` added, for a session."""
    import boards
    from contract.run_folder import RunFolder
    from host.emulator import usual
    from host.session import Options

    board = boards.load(arguments.board)
    return Options(
        run=RunFolder(arguments.run),
        board=board,
        ports=ports(arguments),
        large=arguments.large,
        emulator=arguments.emulator or usual(board),
        per_push=arguments.frames_per_push,
        faults=arguments.faults,
        deadline_seconds=arguments.deadline,
        reconnect_seconds=arguments.reconnect_seconds,
    )


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def share(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 0 and below 1")
    return number


def probability(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 1")
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 86400 seconds")
    return number
