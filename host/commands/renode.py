"""`python -m host renode --run DIR --board BOARD`: tests/renode/board.robot on the built image, by renode-test."""

import argparse
from pathlib import Path
from typing import Any

from contract.errors import DONE


def add(commands: Any) -> None:
    parser = commands.add_parser("renode", help="run tests/renode/board.robot on the built image (needs renode-test)")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a board with a Renode platform")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import renode_suite

    renode_suite.run(RunFolder(arguments.run), boards.load(arguments.board))
    return DONE
