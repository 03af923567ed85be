"""`python -m export mlperf MODEL.tflite --board BOARD [--out DIR] [--benchmark ID] [--small]`: a run folder from which
`python -m firmware build --app mlperf` builds the image that MLPerf Tiny's runner measures.

The folder gets the model as C for both engines and model_mlperf.h, which says what the runner sends and expects
(export/mlperf.py). Nothing is written unless all of the model can be compiled and fits the board (export.fit).
"""

import argparse
from pathlib import Path
from typing import Any, Final

import boards
from contract.errors import DONE
from contract.run_folder import RunFolder
from export import arena, carray, fit, graph, mlperf, resolver
from export.aot import compile_model
from export.errors import ExportError

RUNS: Final = Path("runs")


def add(commands: Any) -> None:
    parser = commands.add_parser("mlperf", help="make a run folder of a .tflite for MLPerf Tiny's runner")
    parser.add_argument("model", type=Path, help="an int8 .tflite file")
    parser.add_argument("--board", required=True, help="the board that shall run it")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: runs/mlperf_MODEL)")
    parser.add_argument("--benchmark", choices=tuple(mlperf.BENCHMARKS),
                        help="whose samples the model takes (default: the one whose reference model has its shapes)")  # fmt: skip
    parser.add_argument("--small", action="store_true", help="take the kernels with the least code, not the fastest")


def call(arguments: argparse.Namespace) -> int:
    board, title = boards.load(arguments.board), arguments.model.name
    source, content = graph.read(arguments.model), arguments.model.read_bytes()
    benchmark = mlperf.BENCHMARKS[arguments.benchmark] if arguments.benchmark else mlperf.find(source)
    described = mlperf.render(source, benchmark, title)
    core, size = board.chip.core, board.memory.flash.length
    compiled = compile_model(source, title, core=core, small=arguments.small, flash=size)
    fit.require(fit.parts(compiled, board, arguments.small), board, str(arguments.model))
    data_header, data_source = carray.render(content)
    folder = RunFolder(arguments.out or RUNS / f"mlperf_{arguments.model.stem}")
    texts = {
        folder.path / "model_mlperf.h": described,
        folder.path / "model.h": compiled.header,
        folder.path / "model.c": compiled.source,
        folder.path / "model_data.h": data_header,
        folder.path / "model_data.cc": data_source,
        folder.path / "model_ops.h": resolver.render(source, arena.measure(source, content), title),
    }
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportError(
            f"{folder.path}: cannot be written ({error.strerror}).", "Name another folder with --out."
        ) from None
    print(f"{folder.path}: {title} as {benchmark.id}")
    return DONE
