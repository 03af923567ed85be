"""`python -m export large RUN [--onnx FILE]`: the run's large model as ONNX, for `python -m host run --large FILE` or a
server.

A line about the file on stdout; see `export.large`.
"""

import argparse
from pathlib import Path
from typing import Any

from contract.errors import DONE
from contract.run_folder import RunFolder


def add(commands: Any) -> None:
    parser = commands.add_parser("large", help="write a run's large model as ONNX, to serve it elsewhere")
    parser.add_argument("run", type=Path, help="run folder that python -m train wrote, e.g. runs/digits")
    parser.add_argument("--onnx", type=Path, metavar="FILE", help="where to (default: large.onnx in the run folder)")


def call(arguments: argparse.Namespace) -> int:
    from export.large import INPUT, OUTPUT, write

    folder = RunFolder(arguments.run)
    checkpoint = folder.large_checkpoint
    written = write(checkpoint, arguments.onnx or checkpoint.with_suffix(".onnx"))
    shape = ", ".join(str(size) for size in written.shape)
    print(
        f"{written.path}: {INPUT} [batch, {shape}] to {OUTPUT} [batch, {written.classes}], {written.bytes:,} bytes; "
        f"differs from PyTorch by {written.difference:.1e} at most"
    )
    return DONE
