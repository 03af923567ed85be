"""`python -m export bench MODEL.tflite ... --board BOARD [--core CORE] [--small] [--inputs N]
[--json | --profile | --markdown [FILE]]`.

What a model costs on a board: instructions, modelled cycles, flash, RAM and exactness; see `export.bench`. Exit code 1
if any output byte differs from TensorFlow Lite Micro's.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import boards
from boards import cores
from contract.errors import CHECK_FAILED, DONE
from contract.progress import Progress

STDOUT: Final = Path("-")
PIPED_COLUMNS: Final = 120  # of a table that no terminal shows


def add(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure .tflite files in the emulator of a board")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="int8 or 16x8 .tflite files")
    parser.add_argument("--board", required=True, help="a board with a QEMU machine")
    parser.add_argument("--core", choices=sorted(cores.CORES),
                        help="measure the code for another core that the machine can run, as cortex-m0 on mps2_an385")  # fmt: skip
    parser.add_argument("--small", action="store_true", help="the kernels with the least code, compiled with -Os")
    parser.add_argument("--inputs", type=int, default=2, help="number of pseudo-random inputs (default: 2)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object a model and line instead of tables")
    form.add_argument("--profile", action="store_true", help="print instructions by C function")
    form.add_argument("--markdown", type=Path, nargs="?", const=STDOUT, metavar="FILE",
                      help="print one Markdown table of all models, fast and small; or put it into FILE")  # fmt: skip


def call(arguments: argparse.Namespace) -> int:
    board = boards.load(arguments.board)

    from export.bench import bench, markdown, plan, with_core

    if arguments.core:
        board = with_core(board, arguments.core)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    sizes = (False, True) if arguments.markdown else (arguments.small,)
    found = []
    with Progress("bench", total=len(arguments.models) * len(sizes)) as progress:
        for model in arguments.models:
            for small in sizes:
                found.append(bench(model, board, max(arguments.inputs, 1), small=small))
                progress.advance(note=model.name)
    for result in found:
        if arguments.json:
            print(json.dumps(dataclasses.asdict(result)))
        elif arguments.profile:
            console.print(result.profile())
        elif not arguments.markdown:
            console.print(result.table())
            print(plan.draw(result.memory, len(result.layers)))
            print(result.flash_by_part())
            print(result.totals())
    if arguments.markdown == STDOUT:
        print(markdown.table(found))
    elif arguments.markdown:
        markdown.put(arguments.markdown, found)
        print(arguments.markdown)
    return CHECK_FAILED if any(result.differing_outputs for result in found) else DONE
