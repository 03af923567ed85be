"""CONV_2D in blocks, with unsigned weights, for Armv6-M."""

from dataclasses import dataclass

from export.aot.layer import Layer
from export.aot.operators.conv_2d_blocked import Conv2DBlocked
from export.aot.operators.conv_2d_panel import QUAD
from export.aot.output_form import blocked_stream
from export.aot.weights import unsigned


@dataclass(frozen=True)
class Conv2DUnsigned(Conv2DBlocked):
    def emit(self, layer: Layer) -> None:
        matrix = unsigned(self.weights.reshape(len(self.weights), -1))
        words = blocked_stream(matrix, self.bias, self.form.words, QUAD)
        self.call(layer, "conv_2d_unsigned", f"nn_unsigned_2x4_{self.form.name}", words)
