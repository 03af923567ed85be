"""`python -m host sweep --run DIR --board BOARD`: the board's risk-coverage curve, beside that of the test vectors.
Exit code 1 if they differ."""

import argparse
import sys
from dataclasses import replace
from typing import Any

from contract.errors import CHECK_FAILED, DONE, INTERRUPTED
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser("sweep", help="the board's risk-coverage curve, beside that of the test vectors")
    shared.add_board(parser)
    parser.add_argument("--limit", type=shared.positive, metavar="N", help="stream only the first N samples")
    parser.add_argument(
        "--points", type=shared.positive, default=21, metavar="N", help="thresholds at most; default: 21"
    )


def call(arguments: argparse.Namespace) -> int:
    from host import sweep

    result = sweep.run(replace(shared.options(arguments), limit=arguments.limit), arguments.points)
    if arguments.json:
        print(sweep.to_json(result))
    else:
        sweep.show(result)
    if not result.passed:
        print(f"error: {sweep.explain(result)}", file=sys.stderr)
        return CHECK_FAILED
    return INTERRUPTED if result.interrupted else DONE
