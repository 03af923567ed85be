"""What the fast forms of CONV_2D share: pairs of output pixels, whose patches the kernel brings together in a panel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.program import Node
from export.aot.short_requantisation import silence

QUAD = 4  # output channels that the inner products compute together


@dataclass(frozen=True)
class Conv2DPanel(Node):
    """`weights` int8 [output channel, kernel row, bytes of a row], the first and the last rounded up to multiples of 4 with
    zeros; `bias`, rounded up alike, has the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    window: Window
    input_channels: int
    output_channels: int
    input_zero_point: int
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def panel_bytes(self) -> int:
        """Of the panel, for each byte of a patch."""
        raise NotImplementedError

    @property
    def scratch_bytes(self) -> int:
        """The panel, one patch in bytes, the outputs of two pixels."""
        channels, rows, row = self.weights.shape
        return (self.panel_bytes + 1) * rows * row + 2 * channels

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: self.window.overlap(self.input_channels, self.output_channels, group=2, whole=True)}

    def call(self, layer: Layer, kernel: str, matmul: str, stream: NDArray[np.uint32]) -> None:
        """Write the parameters and the call of `kernel`, which takes its inner product as a function."""
        layer.kernel(f"{kernel}.h")
        parameters = layer.parameters(
            "nn_conv_2d_panel",
            {
                "stream": layer.array("stream", "uint32_t", stream),
                "matmul": matmul,
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.input_channels,
                "output_channels": self.output_channels,
                "row": self.weights.shape[2],
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call(f"nn_{kernel}", parameters, *layer.inputs, layer.output, f"(uint32_t *)({layer.scratch})")


def panel_fields(conv: Conv2D, bias: NDArray[np.int64], constant: NDArray[np.bool_]) -> dict[str, Any]:
    """The fields of a Conv2DPanel, some of whose output channels are constant."""
    channels, height, width, depth = conv.weights.shape
    weights = silence(conv.weights, constant).reshape(channels, height, width * depth)
    return {
        "op": conv.op,
        "name": conv.name,
        "inputs": conv.inputs,
        "output": conv.output,
        "weights": np.pad(weights, ((0, -channels % QUAD), (0, 0), (0, -weights.shape[2] % 4))),
        "bias": np.pad(silence(bias, constant), (0, -channels % QUAD)),
        "window": conv.window,
        "input_channels": conv.input_channels,
        "output_channels": channels,
        "input_zero_point": conv.input_zero_point,
        "multiplications": conv.macs,
    }
