"""`python -m export bench MODEL.tflite ... --board BOARD [--inputs N] [--json|--markdown|--profile]`: what a model costs on a board.

Instructions, modelled cycles, flash, RAM and exactness; see `export.bench`. Exit code 1 if any output byte differs from
TensorFlow Lite Micro's.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console

import boards
from contract.errors import CHECK_FAILED, DONE
from contract.progress import Progress


def add(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure .tflite files in the emulator of a board")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="int8 or 16x8 .tflite files")
    parser.add_argument("--board", required=True, help="a board with a QEMU machine")
    parser.add_argument("--inputs", type=int, default=2, help="number of pseudo-random inputs (default: 2)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object a model and line instead of tables")
    form.add_argument("--profile", action="store_true", help="print instructions by C function")
    form.add_argument("--markdown", action="store_true", help="print one Markdown table of all models")


def call(arguments: argparse.Namespace) -> int:
    board = boards.load(arguments.board)

    from export.bench import bench, plan, report

    console = Console(highlight=False)
    found = []
    with Progress("bench", total=len(arguments.models)) as progress:
        for model in arguments.models:
            found.append(bench(model, board, max(arguments.inputs, 1)))
            progress.advance(note=model.name)
    for result in found:
        if arguments.json:
            print(json.dumps(dataclasses.asdict(result)))
        elif arguments.profile:
            console.print(result.profile())
        elif not arguments.markdown:
            console.print(result.table())
            print(plan.draw(result.memory, len(result.layers)))
            print(result.totals())
    if arguments.markdown:
        print(report.markdown(found))
    return CHECK_FAILED if any(result.differing_outputs for result in found) else DONE
