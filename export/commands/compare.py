"""`python -m export compare FOLDER --board BOARD [--seeds N] [--json]`: the cells of a comparison on a board, in int8
and in 16x8.

A Markdown table, or the JSON with every seed's accuracy, on stdout. See `export.comparison`.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import boards
from contract.errors import DONE


def add(commands: Any) -> None:
    parser = commands.add_parser("compare", help="measure the cells of a comparison on a board")
    parser.add_argument("folder", type=Path, help="folder that python -m train.compare_cells wrote")
    parser.add_argument("--board", required=True, help="a board with a QEMU machine")
    parser.add_argument("--seeds", type=int, help="how many of each cell's seeds (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a cell and line")


def call(arguments: argparse.Namespace) -> int:
    board = boards.load(arguments.board)

    from export.comparison import measure, table

    rows = measure(arguments.folder, board, max(arguments.seeds, 1) if arguments.seeds else None)
    if arguments.json:
        for row in rows:
            print(json.dumps(dataclasses.asdict(row)))
    else:
        print(table(rows))
    return DONE
