"""`python -m export bench MODEL.tflite --board BOARD [--inputs N] [--json]`: instructions, cycles, flash, RAM, exactness.

Exit code 1 if any output byte differs from TensorFlow Lite Micro's.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console

import boards
from contract.errors import CHECK_FAILED, DONE


def add(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure a .tflite in the emulator of a board")
    parser.add_argument("model", type=Path, help="an int8 .tflite file")
    parser.add_argument("--board", required=True, help="a board with a QEMU machine")
    parser.add_argument("--inputs", type=int, default=2, help="number of pseudo-random inputs (default: 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def call(arguments: argparse.Namespace) -> int:
    board = boards.load(arguments.board)

    from export.bench import bench

    report = bench(arguments.model, board, max(arguments.inputs, 1))
    if arguments.json:
        print(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        Console(highlight=False).print(report.table())
        print(report.totals())
    return CHECK_FAILED if report.differing_outputs else DONE
