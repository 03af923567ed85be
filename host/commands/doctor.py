"""`python -m host doctor [--run DIR] [--board BOARD] [--port URL]`: what is missing, and the one command that cures it;
see `host.doctor`. Exit code 1 if something needed is missing."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contract.errors import CHECK_FAILED, DONE


def add(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="check toolchain, emulators, port and board, and say what cures them")
    parser.add_argument("--run", type=Path, default=Path("runs/digits"), metavar="DIR", help="default: runs/digits")
    parser.add_argument("--board", default="nucleo", metavar="NAME", help="default: nucleo")
    parser.add_argument("--port", metavar="URL", help="a port that must answer; default: the board's, if it is there")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import doctor

    found = []
    for finding in doctor.examine(boards.load(arguments.board), RunFolder(arguments.run), arguments.port):
        found.append(finding)
        if not arguments.json:
            print(finding, flush=True)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return CHECK_FAILED if any(finding.status == doctor.FAILED for finding in found) else DONE
