"""A float .tflite with all of its activations, sample by sample: for ranges, for accuracy, for the error of each layer.

    for activations in FloatModel(content).run(images):     # float32 [N, 8, 8, 1]
        activations["conv_2d_0"]                            # float32 [1, 8, 8, 16]

LiteRT's reference kernels are used: plain loops, whose sums do not depend on the processor, so that ranges and with
them the quantised file are the same on every PC.
"""

import warnings
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from export.graph import parse


def interpreter(content: bytes) -> Any:
    """A LiteRT interpreter in which every tensor keeps its value."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns that keeping tensors takes memory
        made = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
    made.allocate_tensors()
    return made


class FloatModel:
    """Runs the content of a float .tflite whose tensors have a batch of one."""

    def __init__(self, content: bytes) -> None:
        graph = parse(content, "the float model")
        self._interpreter = interpreter(content)
        self._inputs = graph.inputs
        self._activations = [(tensor.name, tensor.index) for tensor in graph.tensors if tensor.data is None]

    def run(self, *inputs: NDArray[Any]) -> Iterator[dict[str, NDArray[Any]]]:
        """`inputs`: one float32 array [N, ...] for each input. Yields activations by name for each of the N samples."""
        for sample in zip(*inputs, strict=True):
            yield self.call(*(values[None] for values in sample))

    def call(self, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Activations by name after one inference: an array of the tensor's own shape for each input."""
        for index, values in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, values)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._activations}
