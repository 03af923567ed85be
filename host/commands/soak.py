"""`python -m host soak --run DIR --board BOARD [--samples N] [--faults RATES]`: very many samples over a faulty cable;
see `host.soak`. Exit code 1 if a sample did not end, something wrong was said of one, or memory grew."""

import argparse
import sys
from pathlib import Path
from typing import Any

from contract.errors import CHECK_FAILED, DONE, INTERRUPTED
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser("soak", help="stream very many samples over a faulty cable and check each answer")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a name or alias of `python -m boards`")
    parser.add_argument("--port", default="emulator", metavar="URL", help="an emulator (default) or a port")
    parser.add_argument("--samples", type=shared.positive, default=100_000, metavar="N", help="default: 100000")
    parser.add_argument(
        "--faults", default="flip=0.01,seed=1", metavar="RATES", help="as host/faults; default: flip=0.01,seed=1"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import soak

    report = soak.run(
        soak.Options(
            run=RunFolder(arguments.run),
            board=boards.load(arguments.board),
            port=arguments.port,
            samples=arguments.samples,
            faults=arguments.faults,
        )
    )
    if arguments.json:
        print(soak.to_json(report))
    else:
        soak.show(report)
    if not report.passed:
        print(f"error: {soak.explain(report)}", file=sys.stderr)
        return CHECK_FAILED
    return INTERRUPTED if report.interrupted else DONE
