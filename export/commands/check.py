"""`python -m export check MODEL.tflite ... [--inputs N] [--emulated N] [--json]`: is the C exact?

Compiles the C for every core and board on this PC, and for boards in their emulators, and compares its outputs with
those of TensorFlow Lite Micro; see `export.check`. Exit code 1 if any output byte differs.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from contract.errors import CHECK_FAILED, DONE
from contract.progress import Progress


def add(commands: Any) -> None:
    parser = commands.add_parser("check", help="compare the C of .tflite files with TensorFlow Lite Micro")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="int8 or 16x8 .tflite files")
    parser.add_argument("--inputs", type=int, default=1000, help="number of pseudo-random inputs (default: 1000)")
    parser.add_argument("--emulated", type=int, default=0, metavar="N",
                        help="also N inputs in the emulator of every board that the model fits")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a JSON object a model and line")


def call(arguments: argparse.Namespace) -> int:
    from export.check import check

    differing = 0
    with Progress("check", total=len(arguments.models)) as progress:
        for model in arguments.models:
            found = check(model, max(arguments.inputs, 1), max(arguments.emulated, 0))
            differing += found.differing
            progress.advance(note=model.name)
            if arguments.json:
                print(json.dumps(dataclasses.asdict(found)), flush=True)
                continue
            for variant in found.variants:
                print(
                    f"{found.model}: {variant.differing} of {found.output_bytes:,} bytes differ, {found.inputs:,} inputs, "
                    f"on this PC the C for {', '.join(variant.targets)}"
                )
            for board in found.boards:
                result = "does not fit" if board.differing is None else f"{board.differing} bytes differ"
                print(f"{found.model}: {result}, {found.emulated_inputs} inputs, on {board.board} ({board.core})")
    return CHECK_FAILED if differing else DONE
