"""SOFTMAX in int16 over the last axis, with the two tables of the reference kernel (softmax_common.cc)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from export.aot.fixed_point import quantize_multiplier
from export.aot.layer import Layer
from export.aot.program import Node
from export.graph import GraphError, Operator, Tensor

STEPS = 512  # of either table
RANGE = np.float32(65535)  # from the smallest to the largest int16
LOWEST = 10.0  # below exp(-10) a term does not count


@dataclass(frozen=True)
class Softmax16(Node):
    rows: int
    depth: int
    multiplier: int
    shift: int

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def emit(self, layer: Layer) -> None:
        layer.kernel("softmax_16.h")
        exponential = table(np.float32(LOWEST) / RANGE, 32767, math.exp)
        reciprocal = table(np.float32(1) / RANGE, -32768, lambda x: 1 / (1 + x))
        parameters = layer.parameters(
            "nn_softmax_16",
            {
                "exponential": layer.table("exponential", "int16_t", exponential),
                "reciprocal": layer.table("reciprocal", "int16_t", reciprocal),
                "rows": self.rows,
                "depth": self.depth,
                "multiplier": self.multiplier,
                "shift": self.shift,
            },
        )
        layer.call("nn_softmax_16", parameters, *layer.inputs, layer.output)


def softmax_16(operator: Operator, source: Tensor, output: Tensor) -> Node:
    depth = source.shape[-1]
    if abs(output.scale * 32768 - 1) > 0.001 or depth >= 1 << 16:
        raise GraphError(f"output scale {output.scale:g} or depth {depth}, expected 2^-15 and less than 65536.",
                         "Quantise SOFTMAX as the TFLite quantisation specification says.")  # fmt: skip
    beta = float(operator.options["Beta"])
    if beta <= 0:
        raise GraphError(f"beta {beta:g}, expected a positive number.", "Make the file again.")
    multiplier, shift = quantize_multiplier(source.scale * beta / (LOWEST / 65535))
    return Softmax16(
        operator.op, output.name, (source.index,), output.index, source.elements // depth, depth, multiplier, shift
    )


def table(scale: np.float32, zero_point: int, function: Callable[[float], float]) -> list[int]:
    """A function of int16 codes at every 128th of them, in Q0.15 (LUTPopulate of common.h, in float32). Entries are
    moved by half the error of linear interpolation in the middle of their step."""
    single = np.float32
    first, last = scale * single(-32768 - zero_point), scale * single(32767 - zero_point)
    step = (last - first) / single(STEPS)
    inverse = single(65536) / (single(2) / RANGE * single(32767) - single(2) / RANGE * single(-32768))

    def value(x: np.float32) -> np.float32:
        return single(function(float(x))) * inverse

    def rounded(x: np.float32) -> np.float32:
        return single(math.copysign(math.floor(abs(float(x)) + 0.5), x))

    entries = []
    for index in range(STEPS):
        sample = rounded(value(first + single(index) * step))
        middle = rounded(value(first + single(index) * step + step / single(2)))
        following = value(first + single(index + 1) * step)
        bend = rounded((rounded((following + sample) / single(2)) - middle) / single(2))
        entries.append(int(min(max(sample - bend, single(-32768)), single(32767))))
    return [*entries, int(min(max(rounded(value(last)), single(-32768)), single(32767)))]
