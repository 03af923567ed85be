"""The TensorFlow Lite Micro interpreter over arrays of samples: the oracle of everything that is exported.

    model = Micro(Path("model.tflite").read_bytes())
    (logits,) = model.run(codes)          # int8 [N, 8, 8, 1] -> int8 [N, 10]

It runs TFLite Micro's portable reference kernels, whose rounding neither tf.lite nor LiteRT reproduces.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.graph import parse

# The interpreter crashes when its arena is too small, and untouched memory costs nothing on a PC: be generous.
ARENA_BYTES: Final = 64 << 20


class Micro:
    """One model in the interpreter.

    `model` is the content of a .tflite whose tensors have a batch of one. With `keep_tensors` no tensor shares memory
    with another and `tensor` can be called. Raises GraphError if the content is damaged, ExportError if the interpreter
    refuses it.
    """

    def __init__(self, model: bytes, keep_tensors: bool = False) -> None:
        from tflite_micro import runtime

        graph = parse(model, "the model")
        self._outputs = len(graph.outputs)
        self._activations = [(tensor.name, tensor.index) for tensor in graph.tensors if tensor.data is None]
        kind = runtime.InterpreterConfig
        config = kind.kPreserveAllTensors if keep_tensors else kind.kAllocationRecording
        try:
            self._interpreter = runtime.Interpreter.from_bytes(
                model, arena_size=ARENA_BYTES, intrepreter_config=config  # the library's own spelling
            )  # fmt: skip
        except RuntimeError as error:
            raise ExportError(
                f"TensorFlow Lite Micro refuses the model ({error}).",
                "Use operators that it supports, in int8.",
            ) from None

    def run(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Run the model on each sample. `inputs`: one array [N, ...] of codes for each input; returns the same of
        outputs.

        Raises ExportError on a shape or dtype that the model does not take.
        """
        results = [self.call(*(codes[np.newaxis] for codes in sample)) for sample in zip(*inputs, strict=True)]
        return tuple(np.concatenate(outputs) for outputs in zip(*results, strict=True))

    def call(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """One inference: an array of the tensor's own shape for each input to the same of outputs.

        Raises ExportError on a shape or dtype that the model does not take.
        """
        for index, codes in enumerate(inputs):
            try:
                self._interpreter.set_input(codes, index)
            except ValueError as error:
                raise ExportError(
                    f"input {index} of the model does not take {codes.dtype} {codes.shape} ({error}).",
                    "Quantise the samples with the manifest's scale and zero point, one array [N, ...] an input.",
                ) from None
        self._interpreter.invoke()
        return tuple(self._interpreter.get_output(index) for index in range(self._outputs))

    def activations(self) -> dict[str, NDArray[Any]]:
        """Codes of all activations by name after the last inference. Needs `keep_tensors`."""
        return {name: self._interpreter.GetTensor(index, 0)["tensor_data"] for name, index in self._activations}
