"""DEPTHWISE_CONV_2D in 16x8: int16 activations, int8 weights, an int64 bias."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.wide_requantisation import WideRequantisation


@dataclass(frozen=True)
class DepthwiseConv2D16(Node):
    """`weights` int8 [kernel y, kernel x, output channel], `bias` int64 [output channel]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    window: Window
    depth_multiplier: int
    requantisation: WideRequantisation

    @property
    def macs(self) -> int:
        return self.window.output[0] * self.window.output[1] * self.weights.size

    @property
    def overlaps(self) -> Mapping[int, int]:
        channels = self.weights.shape[2]
        pixels = (2 * channels // self.depth_multiplier, 2 * channels)  # bytes
        return {self.inputs[0]: self.window.overlap(*pixels, group=1, whole=False)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("depthwise_conv_2d_16.h")
        parameters = layer.parameters(
            "nn_depthwise_conv_2d_16",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int64_t", self.bias),
                "output": self.requantisation.initialiser(layer),
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.weights.shape[2] // self.depth_multiplier,
                "depth_multiplier": self.depth_multiplier,
            },
        )
        layer.call("nn_depthwise_conv_2d_16", parameters, *layer.inputs, layer.output)
