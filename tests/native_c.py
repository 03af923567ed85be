"""Compiles generated C for this PC, with the project's warnings and the sanitizers, and calls it."""

import ctypes
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot import compile_model
from export.graph import Graph, parse

WARNINGS: Final = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]
# Undefined behaviour ends the process; the address sanitizer would have to be loaded before Python.
SANITIZE: Final = ["-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan"]


class NativeModel:
    """A model compiled ahead of time, as a shared library."""

    def __init__(self, graph: Graph, folder: Path, *, keep_inputs: bool = True, core: str | None = None) -> None:
        self._graph = graph
        self.compiled = compile_model(graph, "test model", keep_inputs, core)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.h").write_text(self.compiled.header)
        (folder / "model.c").write_text(self.compiled.source)
        library = folder / "model.so"
        command = ["gcc", *WARNINGS, *SANITIZE, "-O1", "-g", "-shared", "-fPIC", "-o", library, folder / "model.c"]
        subprocess.run([str(word) for word in command], check=True)
        self._library = ctypes.CDLL(str(library))
        self._library.model_input.restype = self._library.model_output.restype = ctypes.c_void_p
        self._library.model_input.argtypes = self._library.model_output.argtypes = [ctypes.c_size_t]

    def run(self, *inputs: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        """One inference: int8 arrays in the order of the graph's inputs to its outputs."""
        for index, values in enumerate(inputs):
            content = np.ascontiguousarray(values, np.int8)
            ctypes.memmove(self._library.model_input(index), content.ctypes.data, content.nbytes)
        self._library.model_invoke()
        outputs = []
        for index, tensor in enumerate(self._graph.tensors[i] for i in self._graph.outputs):
            raw = ctypes.string_at(self._library.model_output(index), tensor.bytes)
            outputs.append(np.frombuffer(raw, np.int8).reshape(tensor.shape))
        return outputs

    def input(self, index: int) -> NDArray[np.int8]:
        """The bytes of an input buffer as they stand."""
        tensor = self._graph.tensors[self._graph.inputs[index]]
        raw = ctypes.string_at(self._library.model_input(index), tensor.bytes)
        return np.frombuffer(raw, np.int8).reshape(tensor.shape)


def differing(content: bytes, folder: Path, rng: np.random.Generator, runs: int, core: str | None) -> int:
    """Output bytes in which our C and the TensorFlow Lite Micro interpreter differ, over `runs` random inputs."""
    from tflite_micro import runtime

    graph = parse(content, "built model")
    ours = NativeModel(graph, folder, core=core, keep_inputs=False)  # so that buffers overlap where they may
    micro = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)  # too small an arena would crash it
    count = 0
    for _ in range(runs):
        inputs = [rng.integers(-128, 128, graph.tensors[index].shape).astype(np.int8) for index in graph.inputs]
        for index, values in enumerate(inputs):
            micro.set_input(values, index)
        micro.invoke()
        for index, output in enumerate(ours.run(*inputs)):
            count += int((micro.get_output(index) != output).sum())
    return count
