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
    """`weights` int8 [output, input], rounded up to what the kernel computes together, and takes at once, with zeros;
    `bias`, rounded up alike, has the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    batches: int
    input_count: int
    output_count: int

    @property
    def macs(self) -> int:
        return self.batches * self.input_count * self.output_count

    def call(
        self,
        layer: Layer,
        kernel: str,
        matmul: str,
        stream: NDArray[np.uint32],
        words: int,
        pairs: str = "NULL",
        scratch: str = "int8_t",
    ) -> None:
        """Write the parameters and the call of `kernel`; `stream` holds `words` for each octet of outputs, then what
        the function `pairs` needs for the others. `scratch` is the type that the kernel takes scratch memory as."""
        layer.kernel(f"{kernel}.h")
        parameters = layer.parameters(
            "nn_fully_connected_rows",
            {
                "stream": layer.array("stream", "uint32_t", stream),
                "matmul": matmul,
                "pairs": pairs,
                "batches": self.batches,
                "inputs": self.input_count,
                "outputs": self.output_count,
                "words": words,
            },
        )
        layer.call(f"nn_{kernel}", parameters, *layer.inputs, layer.output, f"({scratch} *)({layer.scratch})")


def row_fields(
    dense: FullyConnected, bias: NDArray[np.int64], constant: NDArray[np.bool_], unit: int, together: int = OCTET
) -> dict[str, Any]:
    """The fields of a FullyConnectedRows, some of whose outputs are constant; its kernel takes `unit` inputs at once,
    and computes a multiple of `together` outputs."""
    outputs, inputs = dense.weights.shape
    return {
        "op": dense.op,
        "name": dense.name,
        "inputs": dense.inputs,
        "output": dense.output,
        "weights": np.pad(silence(dense.weights, constant), ((0, -outputs % together), (0, -inputs % unit))),
        "bias": np.pad(silence(bias, constant), (0, -outputs % together)),
        "batches": dense.batches,
        "input_count": inputs,
        "output_count": outputs,
    }
