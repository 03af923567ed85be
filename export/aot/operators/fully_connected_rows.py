"""What the fast forms of FULLY_CONNECTED share: eight outputs at a time of one row of inputs."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.fully_connected import FullyConnected
from export.aot.program import Node
from export.aot.short_requantisation import silence

OCTET: Final = 8  # outputs that the inner products compute together


@dataclass(frozen=True)
class FullyConnectedRows(Node):
    """`weights` int8 [output, input], rounded up to multiples of 8 and of `unit` with zeros; `bias`, rounded up alike, has
    the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    batches: int
    input_count: int
    output_count: int

    @property
    def macs(self) -> int:
        return self.batches * self.input_count * self.output_count

    def call(self, layer: Layer, kernel: str, matmul: str, stream: NDArray[np.uint32]) -> None:
        """Write the parameters and the call of `kernel`; `stream` holds a row for each octet of outputs."""
        layer.kernel(f"{kernel}.h")
        parameters = layer.parameters(
            "nn_fully_connected_rows",
            {
                "stream": layer.array("stream", "uint32_t", stream),
                "matmul": matmul,
                "batches": self.batches,
                "inputs": self.input_count,
                "outputs": self.output_count,
                "words": stream.shape[1],
            },
        )
        scratch = f"(int8_t *)({layer.scratch})"
        layer.call(f"nn_{kernel}", parameters, *layer.inputs, layer.output, scratch)


def row_fields(
    dense: FullyConnected, bias: NDArray[np.int64], constant: NDArray[np.bool_], unit: int
) -> dict[str, Any]:
    """The fields of a FullyConnectedRows, some of whose outputs are constant; its kernel takes `unit` inputs at once."""
    outputs, inputs = dense.weights.shape
    return {
        "op": dense.op,
        "name": dense.name,
        "inputs": dense.inputs,
        "output": dense.output,
        "weights": np.pad(silence(dense.weights, constant), ((0, -outputs % OCTET), (0, -inputs % unit))),
        "bias": np.pad(silence(bias, constant), (0, -outputs % OCTET)),
        "batches": dense.batches,
        "input_count": inputs,
        "output_count": outputs,
    }
