"""`python -m export [run] RUN`: a trained run to int8 .tflite, C array, compiled C, gate, manifest and test vectors.

Tables, or the JSON, on stdout; progress on stderr. Exit codes: 0 done; 1 exported, but a check failed (accuracy lost by
quantisation, a board that is too small); 2 a known failure.
"""

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import boards
from contract.errors import CHECK_FAILED, DONE
from contract.run_folder import RunFolder
from export.errors import ExportError
from export.quantize import RECIPES

# One package of each tool in the chain; the extra installs them all.
NEEDED: Final = ("torch", "onnx2tf", "ai_edge_quantizer", "tflite_micro")


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="export a trained run (the default command)")
    parser.add_argument("run", type=Path, help="run folder that python -m train wrote, e.g. runs/digits")
    parser.add_argument(
        "--board", help="choose the kernels for this board and check that it fits (a name or alias of python -m boards)"
    )
    parser.add_argument(
        "--activations", choices=sorted(RECIPES), help="int8, or int16 for 16x8; by default what suits the model"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def call(arguments: argparse.Namespace) -> int:
    # The board first: a typing error should not cost the export.
    board = boards.load(arguments.board) if arguments.board else None
    if missing := [package for package in NEEDED if find_spec(package) is None]:
        raise ExportError(f"not installed: {', '.join(missing)}.", 'Run: pip install -e ".[export]"')

    from export import report
    from export.pipeline import export_run

    core, flash = (board.chip.core, board.memory.flash.length) if board else (None, None)
    result = export_run(RunFolder(arguments.run), core, arguments.activations, flash)
    if arguments.json:
        print(json.dumps(report.to_json(result, board), indent=2))
    else:
        report.show(result, board)
    return CHECK_FAILED if report.warnings(result, board) else DONE
