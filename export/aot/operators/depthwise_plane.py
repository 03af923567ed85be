"""What the fast forms of DEPTHWISE_CONV_2D share: planes of one channel, widened a band of rows at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.program import Node
from export.aot.short_requantisation import silence

MOST_WORDS: Final = 32  # NN_DEPTHWISE_KERNEL of firmware/lib/nn/depthwise_plane.h
BAND_BYTES: Final = 1536  # of the plane: more rows save little, since only kernel_rows - 1 of a band are widened twice


@dataclass(frozen=True)
class Taps:
    """What is read of a row of the plane for one output: `count` taps `step` columns apart, `reach` columns in all.
    `words` hold the weights of a channel."""

    count: int
    step: int
    reach: int
    words: int


@dataclass(frozen=True)
class DepthwisePlane(Node):
    """`weights` int8 [kernel row, kernel column, output channel]; `shape` are the fields of struct nn_depthwise_shape.

    `distance` is how far the output must start before the input, None where it may not overlap.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    shape: dict[str, int | str]
    plane_bytes: int
    distance: int | None
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {} if self.distance is None else {self.inputs[0]: self.distance}

    @property
    def overlap_unit(self) -> int:
        # A channel's outputs fall on its own inputs only.
        return int(self.shape["channels"]) * int(self.shape["code_bytes"])

    @property
    def scratch_bytes(self) -> int:
        return self.plane_bytes

    def call(self, layer: Layer, line: str, stream: NDArray[np.uint32]) -> None:
        """Write a function for this shape, and its call. `line` is the kernel for one line of outputs."""
        layer.kernel(f"{line}.h")
        fields = "".join(f"    .{name} = {value},\n" for name, value in self.shape.items())
        function = layer.function(
            "depthwise",
            f"static const struct nn_depthwise_shape @_shape = {{\n{fields}}};\n"
            "static void @(const uint32_t *stream, const void *input, void *output, int16_t *plane) {\n"
            f"    nn_depthwise(&@_shape, nn_{line}, stream, input, output, plane);\n}}\n",
        )
        layer.call(function, layer.array("stream", "uint32_t", stream), *layer.inputs, layer.output,
                   f"(int16_t *)({layer.scratch})")  # fmt: skip


def upright(node: DepthwiseConv2D | DepthwiseConv2D16) -> bool:
    """Whether the kernel has one column only, so that lines should run along the first axis."""
    return node.weights.shape[1] == 1 and node.weights.shape[0] > 1


def plane_fields(
    node: DepthwiseConv2D | DepthwiseConv2D16,
    bias: NDArray[np.int64],
    constant: NDArray[np.bool_],
    taps: Taps,
    form: str,
    swap: bool,
) -> dict[str, Any]:
    """The fields of a DepthwisePlane, some of whose output channels are constant; `form` is one of enum nn_form, and
    with `swap` lines run along the first axis."""
    window = node.window
    first, second = (1, 0) if swap else (0, 1)
    weights = silence(node.weights.transpose(1, 0, 2) if swap else node.weights, constant, axis=2)
    rows, _, channels = weights.shape
    plane_columns = max(
        (window.output[second] - 1) * window.stride[second] + taps.reach, window.pad[second] + window.input[second]
    )
    plane_columns += plane_columns % 2
    extent = (rows - 1) * window.dilation[first] + 1
    fitting = (BAND_BYTES // (2 * plane_columns) - extent) // window.stride[first] + 1
    band = min(max(fitting, 1), window.output[first])
    plane_rows = (band - 1) * window.stride[first] + extent
    depth = channels // node.depth_multiplier
    code, zero_point = (1, node.input_zero_point) if isinstance(node, DepthwiseConv2D) else (2, 0)
    pixels = {"input": code * depth, "output": code * channels}  # bytes
    steps = {which: (getattr(window, which)[1] * pixel, pixel) for which, pixel in pixels.items()}
    shape = {
        "channels": depth,
        "multiplier": node.depth_multiplier,
        "code_bytes": code,
        **{f"{which}_rows": getattr(window, which)[first] for which in ("input", "output")},
        **{f"{which}_columns": getattr(window, which)[second] for which in ("input", "output")},
        **{f"{which}_row_step": steps[which][first] for which in ("input", "output")},
        **{f"{which}_column_step": steps[which][second] for which in ("input", "output")},
        "words": taps.words,
        "kernel_rows": rows,
        "taps": taps.count,
        "tap_step": taps.step,
        "row_stride": window.stride[first],
        "column_stride": window.stride[second],
        "row_dilation": window.dilation[first],
        "band": band,
        "plane_rows": plane_rows,
        "plane_columns": plane_columns,
        "pad_rows": window.pad[first],
        "pad_columns": window.pad[second],
        "zero_point": zero_point,
        "form": f"NN_FORM_{form.upper()}",
    }
    distance = None
    if node.depth_multiplier == 1 and not (swap and band < window.output[first]):
        group = band * window.output[1] if not swap else window.output[0] * window.output[1]
        distance = window.overlap(pixels["input"], pixels["output"], group=group, whole=True)
    return {
        "op": node.op,
        "name": node.name,
        "inputs": node.inputs,
        "output": node.output,
        "weights": weights,
        "bias": silence(bias, constant),
        "shape": shape,
        "plane_bytes": 2 * plane_rows * plane_columns,
        "distance": distance,
        "multiplications": node.macs,
    }
