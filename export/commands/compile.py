"""`python -m export compile MODEL.tflite --board BOARD [--out DIR] [--keep-inputs] [--small]`: model.h and model.c.

Nothing is written unless all of the model can be compiled and fits the board (export.fit).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import boards
from contract.errors import DONE
from export import fit, graph
from export.aot import compile_model
from export.errors import ExportError


def add(commands: Any) -> None:
    parser = commands.add_parser("compile", help="compile a .tflite to C")
    parser.add_argument("model", type=Path, help="an int8 or 16x8 .tflite file")
    parser.add_argument(
        "--board", required=True, help="the board whose core the kernels are for, and whose memory must suffice"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="folder for model.h and model.c (default: this one)")
    parser.add_argument("--keep-inputs", action="store_true", help="inputs keep their bytes through an inference")
    parser.add_argument("--small", action="store_true", help="take the kernels with the least code, not the fastest")


def call(arguments: argparse.Namespace) -> int:
    board = boards.load(arguments.board)
    source = graph.read(arguments.model)
    title, core, size = arguments.model.name, board.chip.core, board.memory.flash.length
    compiled = compile_model(source, title, arguments.keep_inputs, core, arguments.small, size)
    made_of = fit.parts(compiled, board, arguments.small)
    fit.require(made_of, board, str(arguments.model))
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, text in (("model.h", compiled.header), ("model.c", compiled.source)):
            (arguments.out / name).write_text(text)
            print(arguments.out / name)
    except OSError as error:
        raise ExportError(
            f"{arguments.out}: cannot be written ({error.strerror}).", "Name another folder with --out."
        ) from None
    constants = sum(tensor.bytes for tensor in source.tensors if tensor.data is not None)
    macs = sum(operator.macs for operator in compiled.operators)
    print(f"ram {compiled.memory.arena_bytes}\nweights {constants}\nmacs {macs}")
    flash = {part.name: part.flash for part in made_of if part.flash}
    if flash:
        print(f"flash_code {flash[fit.CODE]}\nflash_const {flash[fit.CONSTANTS]}")
    else:
        print(f"{fit.COMPILER} is not on PATH: the flash is not known.", file=sys.stderr)
    return DONE
