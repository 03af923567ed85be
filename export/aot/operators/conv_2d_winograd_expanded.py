"""CONV_2D in Winograd's form with weights that are transformed when they are needed: no larger than they were, at the
price of RAM.

See firmware/lib/nn/conv_2d_winograd_expanded.h.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.conv_2d_panel import QUAD
from export.aot.operators.conv_2d_winograd import Conv2DWinograd, epilogue, overlap, scratch


@dataclass(frozen=True)
class Conv2DWinogradExpanded(Conv2DWinograd):
    """`batch` pairs of tiles use the weights each time that they are transformed."""

    batch: int

    @property
    def scratch_bytes(self) -> int:
        """The batch's transformed tiles; the words of a quad of output channels, and its outputs of eight pixels."""
        depth = self.weights.shape[3]
        return 64 * depth * self.batch + 4 * (QUAD * (4 + 8 * depth) + 3 * QUAD) + 8 * QUAD

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: overlap(self.window, self.input_channels, self.output_channels, self.batch)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("conv_2d_winograd_expanded.h")
        parameters = self.parameters(layer, self._stream())
        layer.call(
            "nn_conv_2d_winograd_expanded", parameters, str(self.batch), *layer.inputs, layer.output, scratch(layer)
        )

    def _stream(self) -> NDArray[np.uint32]:
        """A row for each quad of channels."""
        channels, _, _, depth = self.weights.shape
        quads = channels // QUAD
        bytes_of_four = self.weights.reshape(quads, QUAD, 9, depth // 4, 4).transpose(0, 3, 1, 2, 4)
        words = np.ascontiguousarray(bytes_of_four).reshape(quads, -1).view(np.uint32)
        start = (4 * self.bias & 0xFFFFFFFF).reshape(quads, QUAD)
        return np.asarray(np.concatenate([start, words, epilogue(self.requantisation, quads)], axis=1), np.uint32)


def expand(winograd: Conv2DWinograd, batch: int) -> Conv2DWinogradExpanded:
    values = {field.name: getattr(winograd, field.name) for field in fields(winograd)}
    return Conv2DWinogradExpanded(**values, batch=batch)
