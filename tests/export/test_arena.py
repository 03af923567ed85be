"""The arena's size: the interpreter itself runs in an arena of that size, and in one of what it reports it does not."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export import arena, graph
from export.arena import _report
from export.errors import ExportError
from export.pipeline import Exported
from random_models import MODELS
from tflite_builder import Builder

# In a process of its own: the interpreter ends it when its arena is too small.
RUN = "import sys; from tflite_micro import runtime\nfor path, size in zip(sys.argv[1::2], sys.argv[2::2]):\n" \
      "    print(path); runtime.Interpreter.from_file(path, arena_size=int(size)).invoke()"  # fmt: skip


def runs(*models: tuple[Path, int]) -> bool:
    """Whether every model runs in an arena of so many bytes."""
    words = [str(word) for pair in models for word in pair]
    return subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, check=False).returncode == 0


def test_the_interpreter_runs_in_it_but_not_in_what_it_reports(exported: Exported) -> None:
    path = exported.folder.tflite
    content = path.read_bytes()
    total = re.search(rb"Arena allocation total (\d+) bytes", _report(content))
    assert total is not None
    size = arena.measure(graph.read(path), content)
    assert int(total[1]) < size < 2 * int(total[1])
    assert runs((path, size))
    assert not runs((path, int(total[1])))


def test_models_of_every_operator_run_in_it(tmp_path: Path) -> None:
    models = []
    for name, make in MODELS.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(make(np.random.default_rng(7), "int8"))
        models.append((path, arena.measure(graph.read(path), path.read_bytes())))
    assert runs(*models)


def test_scratch_memory_of_kernels_for_a_core_is_counted(exported: Exported) -> None:
    # The widest layer of the run's model is a depthwise convolution, 3 x 3 on 16 channels, in 16 bits.
    assert arena._scratch(graph.read(exported.folder.tflite)) == 3 * 3 * 16 * 2


def test_a_model_that_the_interpreter_refuses() -> None:
    builder = Builder()
    source, result = builder.tensor("a", (1, 4), "int64"), builder.tensor("b", (1, 4), "int64")
    builder.operator("TANH", [source], [result])
    content = builder.bytes([source], [result])
    with pytest.raises(ExportError, match="refuses the model"):
        arena.measure(graph.parse(content, "the model"), content)
