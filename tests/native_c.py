"""Compiles generated C for this PC, with the project's warnings and the sanitizers, and calls it."""

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot import Compiled, compile_model
from export.graph import Graph, parse

WARNINGS: Final = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]
# Undefined behaviour ends the process; the address sanitizer would have to be loaded before Python.
SANITIZE: Final = ["-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan"]


class NativeModel:
    """A model compiled ahead of time, as a shared library."""

    def __init__(self, graph: Graph, folder: Path, *, keep_inputs: bool = True, core: str | None = None) -> None:
        self.compiled = compile_model(graph, "test model", keep_inputs, core)
        (library,) = build([self.compiled], folder)
        self._native = library
        self._graph = graph

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """One inference: arrays in the order of the graph's inputs to its outputs."""
        return self._native.run(self._graph, inputs)

    def input(self, index: int) -> NDArray[Any]:
        """The codes of an input buffer as they stand."""
        tensor = self._graph.tensors[self._graph.inputs[index]]
        return self._native.read(self._native.input(index), tensor)


class NativeFunctions:
    """`model_input`, `model_output` and `model_invoke` of one model among those of a library."""

    def __init__(self, library: ctypes.CDLL, number: int) -> None:
        self.input, self.output, self.invoke = (library[f"model_{name}_{number}"] for name in ENTRIES)
        self.input.restype = self.output.restype = ctypes.c_void_p
        self.input.argtypes = self.output.argtypes = [ctypes.c_size_t]

    def run(self, graph: Graph, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for index, (tensor, values) in enumerate(zip(graph.inputs, inputs, strict=True)):
            content = np.ascontiguousarray(values, graph.tensors[tensor].dtype)
            ctypes.memmove(self.input(index), content.ctypes.data, content.nbytes)
        self.invoke()
        return [self.read(self.output(index), graph.tensors[tensor]) for index, tensor in enumerate(graph.outputs)]

    @staticmethod
    def read(pointer: int, tensor: Any) -> NDArray[Any]:
        return np.frombuffer(ctypes.string_at(pointer, tensor.bytes), tensor.dtype).reshape(tensor.shape)


ENTRIES: Final = ("input", "output", "invoke")


def build(models: Sequence[Compiled], folder: Path) -> list[NativeFunctions]:
    """All models in one library, with one call of the compiler."""
    units = []
    for number, model in enumerate(models):
        inside = folder / str(number)
        inside.mkdir(parents=True, exist_ok=True)
        (inside / "model.h").write_text(model.header)
        (inside / "model.c").write_text(model.source)
        names = "".join(f"#define model_{name} model_{name}_{number}\n" for name in ENTRIES)
        units.append(folder / f"model_{number}.c")
        units[-1].write_text(f'{names}#include "{number}/model.c"\n')
    library = folder / "models.so"
    command = ["gcc", *WARNINGS, *SANITIZE, "-O1", "-shared", "-fPIC", "-o", library, *units]
    subprocess.run([str(word) for word in command], check=True)
    loaded = ctypes.CDLL(str(library))
    return [NativeFunctions(loaded, number) for number in range(len(models))]


def differing(contents: Sequence[bytes], folder: Path, rng: np.random.Generator, runs: int,
              cores: Sequence[str | None] = (None, "cortex-m4")) -> dict[tuple[int, str | None], int]:  # fmt: skip
    """Where our C and the TensorFlow Lite Micro interpreter differ, over the smallest, the largest and `runs` random inputs.

    {(number of the model, core that it is compiled for): differing output codes}, without the ones that agree.
    """
    from tflite_micro import runtime

    graphs = [parse(content, f"model {number}") for number, content in enumerate(contents)]
    places: dict[str, int] = {}  # many a model is the same for all cores: compile each text once
    models: list[Compiled] = []
    chosen = {}
    for number, graph in enumerate(graphs):
        for core in cores:
            compiled = compile_model(graph, f"model {number}", keep_inputs=False, core=core)  # buffers overlap
            if compiled.source not in places:
                places[compiled.source] = len(models)
                models.append(compiled)
            chosen[number, core] = places[compiled.source]
    functions = build(models, folder)
    wrong = dict.fromkeys(chosen, 0)
    for number, (content, graph) in enumerate(zip(contents, graphs, strict=True)):
        micro = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)  # too small an arena would crash it
        for run in range(runs + 2):
            inputs = [_codes(rng, graph.tensors[index], run) for index in graph.inputs]
            for index, values in enumerate(inputs):
                micro.set_input(values, index)
            micro.invoke()
            expected = [micro.get_output(index) for index in range(len(graph.outputs))]
            for core in cores:
                outputs = functions[chosen[number, core]].run(graph, inputs)
                wrong[number, core] += sum(int((a != b).sum()) for a, b in zip(expected, outputs, strict=True))
    return {place: count for place, count in wrong.items() if count}


def _codes(rng: np.random.Generator, tensor: Any, run: int) -> NDArray[Any]:
    limits = np.iinfo(tensor.dtype)
    if run < 2:
        return np.full(tensor.shape, limits.max if run else limits.min, tensor.dtype)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype)
