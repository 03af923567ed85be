"""What the fast forms of CONV_2D share: pairs of output pixels, whose patches the kernel brings together in a panel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.program import Node
from export.aot.short_requantisation import silence

MOST_COLUMNS = (1 << 15) - 1  # int16 in struct nn_conv_2d_panel
QUAD = 4  # output channels that the inner products of int8 compute together, and inputs that all of them take at once


@dataclass(frozen=True)
class Conv2DPanel(Node):
    """`weights` int8 [output channel, kernel row, codes of a row], the last rounded up to a multiple of 4 with zeros,
    the first to what the inner product computes together; `bias`, rounded up alike, has the zero point folded in."""

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
    def code_bytes(self) -> int:
        """Of an activation code."""
        return 1

    @property
    def panel_bytes(self) -> int:
        """Of the panel, for each code of a patch."""
        raise NotImplementedError

    @property
    def scratch_bytes(self) -> int:
        """The panel, one patch, the outputs of two pixels."""
        channels, rows, row = self.weights.shape
        return (self.panel_bytes + self.code_bytes) * rows * row + 2 * self.code_bytes * channels

    @property
    def overlaps(self) -> Mapping[int, int]:
        pixels = (self.code_bytes * self.input_channels, self.code_bytes * self.output_channels)
        return {self.inputs[0]: self.window.overlap(*pixels, group=2, whole=True)}

    def call(
        self, layer: Layer, kernel: str, matmul: str, stream: NDArray[np.uint32], tail: tuple[str, int] = ("NULL", 0)
    ) -> None:
        """Write the parameters and the call of `kernel`, which takes its inner product as a function. `tail` is the
        function for the channels beyond whole quads, and where its words are in `stream`."""
        layer.kernel(f"{kernel}.h")
        name = layer.array("stream", "uint32_t", stream)
        parameters = layer.parameters(
            "nn_conv_2d_panel",
            {
                "stream": name,
                "matmul": matmul,
                "tail": tail[0],
                "tail_stream": f"{name} + {tail[1]}" if tail[1] else name,
                **_flattened(self.window).fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.code_bytes * self.input_channels,
                "output_channels": self.code_bytes * self.output_channels,
                "row": self.code_bytes * self.weights.shape[2],
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call(f"nn_{kernel}", parameters, *layer.inputs, layer.output, f"(uint32_t *)({layer.scratch})")


def _flattened(window: Window) -> Window:
    """The same window over an image of one row, where the kernel is a pixel and every pixel is taken: rows cost
    time."""
    pixels = window.input[0] * window.input[1]
    if window.kernel != (1, 1) or window.stride != (1, 1) or window.output != window.input or pixels > MOST_COLUMNS:
        return window
    return replace(window, input=(1, pixels), output=(1, pixels))


def panel_fields(
    conv: Conv2D | Conv2D16, bias: NDArray[np.int64], constant: NDArray[np.bool_], together: int = QUAD
) -> dict[str, Any]:
    """The fields of a Conv2DPanel, some of whose output channels are constant; `together` are computed at once."""
    channels, height, width, depth = conv.weights.shape
    weights = silence(conv.weights, constant).reshape(channels, height, width * depth)
    return {
        "op": conv.op,
        "name": conv.name,
        "inputs": conv.inputs,
        "output": conv.output,
        "weights": np.pad(weights, ((0, -channels % together), (0, 0), (0, -weights.shape[2] % QUAD))),
        "bias": np.pad(silence(bias, constant), (0, -channels % together)),
        "window": conv.window,
        "input_channels": conv.input_channels,
        "output_channels": channels,
        "input_zero_point": conv.input_zero_point if isinstance(conv, Conv2D) else 0,
        "multiplications": conv.macs,
    }
