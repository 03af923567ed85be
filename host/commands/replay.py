"""`python -m host replay runs/digits [--speed 2] [--web]`: a recorded session again, without a board; see
`host.replay`.

With --large the recorded samples go to another large model instead, and the two are compared.
"""

import argparse
from pathlib import Path
from typing import Any

from contract.errors import DONE
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "replay", help="show a recorded session again, or put its samples to another large model"
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="a session.jsonl, or the run folder that has one")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="X",
        help="times as fast as it was; 0: as fast as it goes; default 1",
    )
    shared.add_views(parser)
    parser.add_argument(
        "--large", metavar="MODEL", help="another large model, as of `run`; compares instead of showing"
    )
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="the run that the session is of; default: the session's folder"
    )
    parser.add_argument(
        "--every",
        action="store_true",
        help="with --large: all samples that could have left the board, not the abstained ones alone",
    )
    parser.add_argument("--json", action="store_true", help="with --large: print the comparison as JSON")


def call(arguments: argparse.Namespace) -> int:
    from contract.run_folder import RunFolder

    given: Path = arguments.session
    path = RunFolder(given).session if given.is_dir() else given
    run = RunFolder(arguments.run or path.parent)
    return _compare(arguments, path, run) if arguments.large else _show(arguments, path)


def _show(arguments: argparse.Namespace, path: Path) -> int:
    from host import replay
    from host.control import Control

    control = Control(steers=False)
    with shared.page(arguments.web, control) as page, shared.views(arguments.view, page, control) as shown:
        replay.replay(path, shown, arguments.speed, stopping=lambda: control.stopping)
    return DONE


def _compare(arguments: argparse.Namespace, path: Path, run: "Any") -> int:
    from contract import manifest as manifests
    from host import backend, replay

    manifest = manifests.load(run.manifest)
    large = backend.load(arguments.large, run, manifest)
    compared = replay.against(path, large, arguments.large, manifest, every=arguments.every)
    if arguments.json:
        print(replay.to_json(compared))
    else:
        replay.show(compared)
    return DONE
