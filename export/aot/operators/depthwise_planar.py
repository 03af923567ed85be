"""DEPTHWISE_CONV_2D through planes of one channel, for cores with the DSP extension."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten, silence

MOST_WORDS = 32  # NN_DEPTHWISE_KERNEL of firmware/lib/nn/depthwise_planar.h
BAND_BYTES = 1536  # of the plane: more rows save little, since only kernel_rows - 1 of a band are widened twice
SCALE_BITS = 2  # weights and bias are scaled by 4 with a ReLU, by 2 without


@dataclass(frozen=True)
class DepthwisePlanar(Node):
    """`weights` int8 [kernel row, kernel column, output channel]; `shape` are the fields of struct nn_depthwise_shape.

    `distance` is how far the output must start before the input, None where it may not overlap.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    shape: dict[str, int]
    distance: int | None
    requantisation: ShortRequantisation
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {} if self.distance is None else {self.inputs[0]: self.distance}

    @property
    def overlap_unit(self) -> int:
        return self.shape["channels"]  # so that a channel's outputs fall on its own inputs only

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
        scaled = factor * self.weights.astype(np.int64)
        even = np.pad(scaled, ((0, 0), (0, columns % 2), (0, 0)))
        if self.shape["two"]:
            pairs = [even[:, [0, 1]], even[:, [1, 2]]]  # two outputs share the middle weight
        elif 1 < columns == self.shape["pairs"]:  # dilated
            nothing = np.zeros_like(scaled[:, 0])
            pairs = [np.stack([scaled[:, column], nothing], axis=1) for column in range(columns)]
        else:
            pairs = [even[:, [column, column + 1]] for column in range(0, even.shape[1], 2)]
        words = np.stack([(pair[:, 0] & 0xFFFF) | (pair[:, 1] & 0xFFFF) << 16 for pair in pairs], axis=1)
        flat = words.reshape(-1, channels).T
        bias = factor * self.bias[:, None] & 0xFFFFFFFF
        return np.asarray(np.concatenate([flat, bias, self.requantisation.words], axis=1), np.uint32)


def plane(node: DepthwiseConv2D) -> DepthwisePlanar | None:
    """The planar form, or None where it does not apply or would not be exact."""
    window, weights = node.window, node.weights
    channels = weights.shape[2]
    wide = weights.astype(np.int64)
    bias = node.bias.astype(np.int64) - node.input_zero_point * wide.sum(axis=(0, 1))
    low, high = accumulators(weights, bias, axis=2)
    short = shorten(node.requantisation, low, high, SCALE_BITS, limit=1 << 29)
    # Pairs are formed along the second axis: swap the axes where the kernel has one column only.
    swap = weights.shape[1] == 1 and weights.shape[0] > 1
    first, second = (1, 0) if swap else (0, 1)
    if swap:
        weights = weights.transpose(1, 0, 2)
    rows, columns, _ = weights.shape
    dilated = window.dilation[second] > 1 and columns > 1
    pairs, pair_step = (columns, window.dilation[second]) if dilated else ((columns + 1) // 2, 2)
    two = columns == 3 and window.stride[second] == 1 and not dilated
    if short is None or rows * pairs > MOST_WORDS:
        return None
    weights, bias = silence(weights, short.constant, axis=2), silence(bias, short.constant)
    # The last output of a row reads whole pairs; two outputs at a time read four inputs.
    reach = (pairs - 1) * pair_step + 2
    plane_columns = max(
        (window.output[second] - 1) * window.stride[second] + reach, window.pad[second] + window.input[second]
    )
    plane_columns += plane_columns % 2
    extent = (rows - 1) * window.dilation[first] + 1
    fitting = (BAND_BYTES // (2 * plane_columns) - extent) // window.stride[first] + 1
    band = min(max(fitting, 1), window.output[first])
    depth = channels // node.depth_multiplier
    steps = {"input": (window.input[1] * depth, depth), "output": (window.output[1] * channels, channels)}
    shape = {
        "channels": depth,
        "multiplier": node.depth_multiplier,
        **{f"{which}_rows": getattr(window, which)[first] for which in ("input", "output")},
        **{f"{which}_columns": getattr(window, which)[second] for which in ("input", "output")},
        **{f"{which}_row_step": steps[which][first] for which in ("input", "output")},
        **{f"{which}_column_step": steps[which][second] for which in ("input", "output")},
        "kernel_rows": rows,
        "pairs": pairs,
        "pair_step": pair_step,
        "two": int(two),
        "row_stride": window.stride[first],
        "column_stride": window.stride[second],
        "row_dilation": window.dilation[first],
        "band": band,
        "plane_rows": (band - 1) * window.stride[first] + extent,
        "plane_columns": plane_columns,
        "pad_rows": window.pad[first],
        "pad_columns": window.pad[second],
        "zero_point": node.input_zero_point,
        "relu": int(short.relu),
    }
    distance = None
    if node.depth_multiplier == 1 and not (swap and band < window.output[first]):
        pixels = band * window.output[1] if not swap else window.output[0] * window.output[1]
        distance = window.overlap(depth, channels, group=pixels, whole=True)
    return DepthwisePlanar(
        node.op, node.name, node.inputs, node.output, weights, bias, shape, distance, short, node.macs
    )
