"""Accumulators of 16x8 layers and how they become int16 codes; see firmware/lib/nn/requantise_16.h."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation
from export.aot.layer import Layer
from export.aot.weights import constant
from export.graph import Graph, GraphError, Operator

LIMIT = 1 << 47  # of an accumulator with one rounding, in TensorFlow Lite Micro's contract (common.cc)


@dataclass(frozen=True)
class WideRequantisation:
    """`narrow` layers keep the multipliers and shifts of int8; the others reduce them to 16 bits."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    narrow: bool
    minimum: int
    maximum: int

    def initialiser(self, layer: Layer) -> str:
        """The arrays of a `struct nn_requantisation_16`, and its initialiser."""
        multipliers = layer.array("multiplier", "int32_t", self.multipliers)
        shifts = layer.array("shift", "int8_t", self.shifts)
        step = 0 if len(self.multipliers) == 1 else 1
        return f"{{{multipliers}, {shifts}, {step}, {int(self.narrow)}, {self.minimum}, {self.maximum}}}"


def wide_bias(
    graph: Graph, operator: Operator, channels: int, types: tuple[str, ...]
) -> tuple[NDArray[np.int64], bool]:
    """The bias as int64, zeros where there is none, and whether the accumulator has 32 bits because of its type."""
    if len(operator.inputs) < 3 or operator.inputs[2] == -1:
        narrow = operator.options.get("QuantizedBiasType") == tflite.TensorType.INT32
        return np.zeros(channels, np.int64), narrow and "int32" in types
    values = constant(graph, operator, 2, *types)
    if values.size != channels:
        raise GraphError(f"bias of {values.size} values, expected {channels}.",
                         "Make the file again with the converter that wrote it.")  # fmt: skip
    return values.ravel().astype(np.int64), values.dtype == np.int32


def wide_requantisation(
    values: Requantisation, bias: NDArray[np.int64], weights: NDArray[Any], narrow: bool
) -> WideRequantisation:
    """`weights` [output channel, ...] are what multiplies inputs. Raises GraphError where an accumulator could leave
    what the reference kernel allows."""
    if narrow:
        return WideRequantisation(values.multipliers, values.shifts, True, values.minimum, values.maximum)
    sums = np.abs(weights.astype(np.int64)).reshape(len(bias), -1).sum(axis=1)
    largest = max((abs(int(start)) + (int(total) << 15) for start, total in zip(bias, sums, strict=True)), default=0)
    if largest >= LIMIT or max(values.shifts) > 7:
        raise GraphError(
            f"sums up to {largest:.3g}, rescaled by up to 2^{max(values.shifts)}, are beyond 2^47 or 2^7.",
            "Check the scales of the layer's tensors.",
        )
    # The reduced multiplier has 15 fraction bits, and may not become 2^15.
    reduced = tuple(min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1) for multiplier in values.multipliers)
    return WideRequantisation(
        reduced, tuple(15 - shift for shift in values.shifts), False, values.minimum, values.maximum
    )
