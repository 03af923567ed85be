"""`python -m host bench --run DIR --board BOARD [--samples N] [--coverage P ...]`: operating points of a board beside
each other; see `host.bench`. Exit code 1 if a sample was lost."""

import argparse
from typing import Any

from contract.errors import CHECK_FAILED, DONE, INTERRUPTED
from host.commands import arguments as shared


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "bench", help="all on the board, hybrid at several thresholds, all on the PC: accuracy and latency"
    )
    shared.add_board(parser)
    parser.add_argument("--samples", type=shared.positive, metavar="N", help="of the test split; default: all")
    parser.add_argument("--warm-up", type=shared.whole, default=10, metavar="N",
                        help="samples that go through all points before anything is counted; default: 10")  # fmt: skip
    parser.add_argument("--coverage", type=shared.probability, action="append", metavar="P",
                        help="a hybrid point with this share of the test vectors on the board, several times for several; "
                        "default: 0.9, 0.8, 0.7 and 0.5")  # fmt: skip


def call(arguments: argparse.Namespace) -> int:
    from host import bench

    coverages = tuple(arguments.coverage) if arguments.coverage else bench.COVERAGES
    result = bench.run(shared.options(arguments), bench.Plan(arguments.samples, arguments.warm_up, coverages))
    if arguments.json:
        print(bench.to_json(result))
    else:
        bench.show(result)
    if result.interrupted:
        return INTERRUPTED
    silent = (
        result.points[-1].answered_by["host"] < result.samples
    )  # a large model that does not answer is none to compare with
    return CHECK_FAILED if silent or any(point.lost for point in result.points) else DONE
