"""Weights and biases of the operators that multiply and accumulate."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation
from export.aot.layer import Layer
from export.graph import Graph, GraphError, Operator, Tensor


def constant(graph: Graph, operator: Operator, position: int, *dtypes: str) -> NDArray[Any]:
    """A constant input of an operator. Raises GraphError if it is absent, computed at run time or of another type."""
    tensor = graph.input(operator, position)
    if tensor.data is None or tensor.dtype not in dtypes:
        found = "computed at run time" if tensor.data is None else tensor.dtype
        raise GraphError(f"tensor {tensor.name!r} is {found}, expected a constant of {' or '.join(dtypes)}.",
                         "Quantise the model fully; weights must be constants.")  # fmt: skip
    return tensor.data


def symmetric(tensor: Tensor) -> None:
    """Raises GraphError unless all zero points are 0, as the quantisation specification demands of weights."""
    if tensor.quantization is None or any(tensor.quantization.zero_points):
        raise GraphError(f"weights {tensor.name!r} are not quantised symmetrically.", "Use zero point 0 for weights.")


def per_channel(tensor: Tensor, axis: int) -> bool:
    """Whether weights have a scale for each output channel, which lie along `axis`, or one for all.

    Raises GraphError if the scales belong to another axis.
    """
    scales = 0 if tensor.quantization is None else len(tensor.quantization.scales)
    if scales > 1 and scales != tensor.shape[axis]:
        raise GraphError(f"weights {tensor.name!r} have {scales} scales for {tensor.shape[axis]} output channels.",
                         "Quantise weights per tensor, or per output channel.")  # fmt: skip
    return scales > 1


def bias(graph: Graph, operator: Operator, channels: int) -> NDArray[np.int32]:
    """The int32 bias, or zeros where the operator has none."""
    if len(operator.inputs) < 3 or operator.inputs[2] == -1:
        return np.zeros(channels, np.int32)
    values = constant(graph, operator, 2, "int32")
    if values.size != channels:
        raise GraphError(f"bias of {values.size} values, expected {channels}.",
                         "Make the file again with the converter that wrote it.")  # fmt: skip
    return values.ravel()


def folded_bias(
    weights: NDArray[np.int8], values: NDArray[np.int32], zero_point: int, axis: int = 0
) -> NDArray[np.int64]:
    """Biases with the input's zero point folded in: sum w (x - z) + b = sum w x + (b - z sum w).

    `axis` of the weights is the output channel's.
    """
    axes = tuple(other for other in range(weights.ndim) if other != axis)
    return np.asarray(values.astype(np.int64) - zero_point * weights.astype(np.int64).sum(axis=axes), np.int64)


def requantisation_field(layer: Layer, values: Requantisation) -> str:
    """The arrays of a `struct nn_requantisation`, and its initialiser."""
    multipliers = layer.array("multiplier", "int32_t", values.multipliers)
    shifts = layer.array("shift", "int8_t", values.shifts)
    step = 0 if len(values.multipliers) == 1 else 1
    return f"{{{multipliers}, {shifts}, {step}, {values.zero_point}, {values.minimum}, {values.maximum}}}"


def unsigned(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Bytes that are 128 more than the weights when they are read as unsigned."""
    return weights ^ np.int8(-128)
