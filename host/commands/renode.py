"""`python -m host renode --run DIR --board BOARD`: tests/renode/board.robot on the built image, by renode-test; and,
where QEMU has the board as well, both emulators held against each other. Exit code 1 if they differ, or a test
fails."""

import argparse
import sys
from pathlib import Path
from typing import Any

from contract.errors import CHECK_FAILED, DONE


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "renode", help="run tests/renode/board.robot on the built image (needs renode-test), and compare with QEMU"
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a board with a Renode platform")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import agreement, renode_suite

    run, board = RunFolder(arguments.run), boards.load(arguments.board)
    renode_suite.run(run, board)
    if board.emulator.qemu is None:
        print(f"QEMU has no machine for {board.name} to compare with", file=sys.stderr)
        return DONE
    found = agreement.run(run, board)
    agreement.show(found)
    if not found.passed:
        print(f"error: {agreement.explain(found)}", file=sys.stderr)
        return CHECK_FAILED
    return DONE
