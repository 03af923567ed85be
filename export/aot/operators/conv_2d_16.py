"""CONV_2D in 16x8: int16 activations, int8 weights, an int32 or int64 bias."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.wide_requantisation import WideRequantisation


@dataclass(frozen=True)
class Conv2D16(Node):
    """`weights` int8 [output channel, kernel y, kernel x, input channel of the group], `bias` int64 [output
    channel]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    window: Window
    input_channels: int
    requantisation: WideRequantisation

    @property
    def macs(self) -> int:
        return self.window.output[0] * self.window.output[1] * self.weights.size

    @property
    def overlaps(self) -> Mapping[int, int]:
        pixels = (2 * self.input_channels, 2 * self.weights.shape[0])  # bytes
        return {self.inputs[0]: self.window.overlap(*pixels, group=1, whole=False)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("conv_2d_16.h")
        parameters = layer.parameters(
            "nn_conv_2d_16",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int64_t", self.bias),
                "output": self.requantisation.initialiser(layer),
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.input_channels,
                "group_channels": self.weights.shape[3],
                "output_channels": self.weights.shape[0],
            },
        )
        layer.call("nn_conv_2d_16", parameters, *layer.inputs, layer.output)
