"""Compiles generated C for this PC, with the project's warnings and the sanitizers, and calls it."""

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot import Compiled, compile_model
from export.graph import Graph, Tensor, parse
from export.micro import Micro

WARNINGS: Final = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]
# Undefined behaviour ends the process; the address sanitizer would have to be loaded before Python.
SANITIZE: Final = ["-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan"]
ENTRIES: Final = ("input", "output", "invoke")


class NativeModel:
    """A model compiled ahead of time, as a shared library."""

    def __init__(self, graph: Graph, folder: Path, *, keep_inputs: bool = True, core: str | None = None) -> None:
        self.compiled = compile_model(graph, "test model", keep_inputs, core)
        (self._entries,) = build([(graph, self.compiled)], folder)

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """One inference: arrays in the order of the graph's inputs to its outputs."""
        return self._entries.run(*inputs)

    def input(self, index: int) -> NDArray[Any]:
        """The codes of an input buffer as they stand."""
        return self._entries.input(index)


class Entries:
    """`model_input`, `model_output` and `model_invoke` of one model among those of a library."""

    def __init__(self, library: ctypes.CDLL, number: int, graph: Graph) -> None:
        self._graph = graph
        self._input, self._output, self._invoke = (library[f"model_{name}_{number}"] for name in ENTRIES)
        self._input.restype = self._output.restype = ctypes.c_void_p
        self._input.argtypes = self._output.argtypes = [ctypes.c_size_t]

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        for index, (tensor, values) in enumerate(zip(self._graph.inputs, inputs, strict=True)):
            content = np.ascontiguousarray(values, self._graph.tensors[tensor].dtype)
            ctypes.memmove(self._input(index), content.ctypes.data, content.nbytes)
        self._invoke()
        outputs = [self._graph.tensors[tensor] for tensor in self._graph.outputs]
        return [_read(self._output(index), tensor) for index, tensor in enumerate(outputs)]

    def input(self, index: int) -> NDArray[Any]:
        return _read(self._input(index), self._graph.tensors[self._graph.inputs[index]])


def _read(pointer: int, tensor: Tensor) -> NDArray[Any]:
    return np.frombuffer(ctypes.string_at(pointer, tensor.bytes), tensor.dtype).reshape(tensor.shape)


def build(models: Sequence[tuple[Graph, Compiled]], folder: Path) -> list[Entries]:
    """All models in one library, with one call of the compiler."""
    units = []
    for number, (_, model) in enumerate(models):
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
    return [Entries(loaded, number, graph) for number, (graph, _) in enumerate(models)]


def differing(contents: Sequence[bytes], folder: Path, rng: np.random.Generator, runs: int,
              cores: Sequence[str | None] = (None, "cortex-m3", "cortex-m4")) -> dict[tuple[int, str | None], int]:  # fmt: skip
    """Where our C and the interpreter differ, over the smallest, the largest and `runs` random inputs.

    {(number of the model, core that it is compiled for): differing output codes}, without the ones that agree.
    """
    places: dict[str, int] = {}  # many a model is the same for all cores: compile each text once
    models: list[tuple[Graph, Compiled]] = []
    chosen = {}
    for number, content in enumerate(contents):
        graph = parse(content, f"model {number}")
        for core in cores:
            compiled = compile_model(graph, f"model {number}", keep_inputs=False, core=core)  # so that buffers overlap
            if compiled.source not in places:
                places[compiled.source] = len(models)
                models.append((graph, compiled))
            chosen[number, core] = places[compiled.source]
    entries = build(models, folder)
    wrong = dict.fromkeys(chosen, 0)
    for number, content in enumerate(contents):
        oracle = Micro(content)
        graph, _ = models[chosen[number, cores[0]]]
        for run in range(runs + 2):
            inputs = [_codes(rng, graph.tensors[index], run) for index in graph.inputs]
            expected = oracle.call(*inputs)
            for core in cores:
                found = entries[chosen[number, core]].run(*inputs)
                wrong[number, core] += sum(int((a != b).sum()) for a, b in zip(expected, found, strict=True))
    return {place: count for place, count in wrong.items() if count}


def _codes(rng: np.random.Generator, tensor: Tensor, run: int) -> NDArray[Any]:
    limits = np.iinfo(tensor.dtype)
    if run < 2:
        return np.full(tensor.shape, limits.max if run else limits.min, tensor.dtype)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype)
