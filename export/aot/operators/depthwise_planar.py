"""DEPTHWISE_CONV_2D through planes of one channel, for cores with the DSP extension."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, prove

MOST_WORDS = 32  # NN_DEPTHWISE_KERNEL of firmware/lib/nn/depthwise_planar.h
MOST_PLANE_BYTES = 8192  # a larger plane would cost more memory than the fast path is worth
SCALE_BITS = 2  # weights and bias are scaled by 4 with a ReLU, by 2 without


@dataclass(frozen=True)
class DepthwisePlanar(Node):
    """`weights` int8 [kernel row, kernel column, output channel]; `shape` are the fields of struct nn_depthwise_shape."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    shape: dict[str, int]
    in_place: bool
    requantisation: ShortRequantisation
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: 0} if self.in_place else {}

    @property
    def scratch_bytes(self) -> int:
        return 2 * self.shape["plane_rows"] * self.shape["plane_columns"]

    def emit(self, layer: Layer) -> None:
        layer.kernel("depthwise_planar.h")
        fields = "".join(f"    .{name} = {value},\n" for name, value in self.shape.items())
        function = layer.function(
            "depthwise",
            f"static const struct nn_depthwise_shape @_shape = {{\n{fields}}};\n"
            "static void @(const uint32_t *stream, const int8_t *input, int8_t *output, int16_t *plane) {\n"
            "    nn_depthwise_planar(&@_shape, stream, input, output, plane);\n}\n",
        )
        stream = layer.array("stream", "uint32_t", self._stream())
        layer.call(function, stream, *layer.inputs, layer.output, f"(int16_t *)({layer.scratch})")

    def _stream(self) -> NDArray[np.uint32]:
        _, columns, channels = self.weights.shape
        factor = 1 << SCALE_BITS if self.requantisation.relu else 2
        even = np.pad(factor * self.weights.astype(np.int64), ((0, 0), (0, columns % 2), (0, 0)))
        if columns == 3 and self.shape["column_stride"] == 1:
            pairs = [even[:, [0, 1]], even[:, [1, 2]]]  # two outputs share the middle weight
        else:
            pairs = [even[:, [column, column + 1]] for column in range(0, even.shape[1], 2)]
        words = np.stack([(pair[:, 0] & 0xFFFF) | (pair[:, 1] & 0xFFFF) << 16 for pair in pairs], axis=1)
        flat = words.reshape(-1, channels).T
        bias = factor * self.bias[:, None] & 0xFFFFFFFF
        return np.asarray(np.concatenate([flat, bias, self.requantisation.words], axis=1), np.uint32)


def plane(node: DepthwiseConv2D) -> DepthwisePlanar | None:
    """The planar form, or None where it does not apply or would not be exact."""
    window, weights = node.window, node.weights
    rows, columns, channels = weights.shape
    if window.dilation != (1, 1) or rows * ((max(rows, columns) + 1) // 2) > MOST_WORDS:
        return None
    wide = weights.astype(np.int64)
    bias = node.bias.astype(np.int64) - node.input_zero_point * wide.sum(axis=(0, 1))
    largest = np.abs(bias) + 128 * np.abs(wide).sum(axis=(0, 1))
    short = prove(node.requantisation, largest, SCALE_BITS, limit=1 << 29)
    swap = columns == 1 and rows > 1
    first, second = (1, 0) if swap else (0, 1)
    if swap:
        weights, (rows, columns) = weights.transpose(1, 0, 2), (columns, rows)
    depth = channels // node.depth_multiplier
    steps = {"input": (window.input[1] * depth, depth), "output": (window.output[1] * channels, channels)}
    pairs = (columns + 1) // 2
    plane_rows = (window.output[first] - 1) * window.stride[first] + rows
    # The last output of a row reads whole pairs; two outputs at a time of a three-column kernel read four inputs.
    plane_columns = (window.output[second] - 1) * window.stride[second] + 2 * pairs
    plane_rows = max(plane_rows, window.pad[first] + window.input[first])
    plane_columns = max(plane_columns, window.pad[second] + window.input[second])
    plane_columns += plane_columns % 2
    if short is None or 2 * plane_rows * plane_columns > MOST_PLANE_BYTES:
        return None
    shape = {
        "channels": depth,
        "multiplier": node.depth_multiplier,
        **{f"{which}_rows": getattr(window, which)[first] for which in ("input", "output")},
        **{f"{which}_columns": getattr(window, which)[second] for which in ("input", "output")},
        **{f"{which}_row_step": steps[which][first] for which in ("input", "output")},
        **{f"{which}_column_step": steps[which][second] for which in ("input", "output")},
        "kernel_rows": rows,
        "kernel_columns": columns,
        "row_stride": window.stride[first],
        "column_stride": window.stride[second],
        "plane_rows": plane_rows,
        "plane_columns": plane_columns,
        "pad_rows": window.pad[first],
        "pad_columns": window.pad[second],
        "zero_point": node.input_zero_point,
        "relu": int(short.relu),
    }
    in_place = window.input == window.output and node.depth_multiplier == 1
    return DepthwisePlanar(
        node.op, node.name, node.inputs, node.output, weights, bias, shape, in_place, short, node.macs
    )
