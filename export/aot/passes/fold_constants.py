"""Operators on constants, computed at compile time. A shape is constant here: nothing in the model has another one at
run time.

    graph = fold_constants(graph)

Converters leave such operators behind where the source computes shapes, as a Keras model does that flattens: SHAPE,
STRIDED_SLICE and PACK in front of a RESHAPE. What they compute is known, so they become data.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.graph import Graph, Operator, Tensor

Values = NDArray[Any]


def fold_constants(graph: Graph) -> Graph:
    """The graph without the operators whose result is known; what they wrote is constant. An output of the model is not
    folded."""
    tensors = list(graph.tensors)
    left = []
    for operator in graph.operators:
        values = _result(operator, tensors)
        (output,) = operator.outputs if len(operator.outputs) == 1 else (None,)
        if values is None or output is None or output in graph.outputs or values.shape != tensors[output].shape:
            left.append(operator)
        else:
            tensors[output] = replace(tensors[output], data=values.astype(tensors[output].dtype))
    return replace(graph, tensors=tuple(tensors), operators=tuple(left))


def _result(operator: Operator, tensors: Sequence[Tensor]) -> Values | None:
    """What the operator computes, or None if that is not known."""
    inputs = [tensors[index] for index in operator.inputs if index != -1]
    if operator.op == "SHAPE":
        return np.array(inputs[0].shape)
    if operator.op not in COMPUTED or any(tensor.data is None for tensor in inputs):
        return None
    try:
        return COMPUTED[operator.op](operator, [tensor.data for tensor in inputs if tensor.data is not None], tensors)
    except (ValueError, IndexError, KeyError):  # inputs that do not fit together: the operator itself is refused
        return None


def _slice(operator: Operator, inputs: list[Values], tensors: Sequence[Tensor]) -> Values | None:
    values, begin, end, stride = inputs
    options = operator.options
    if options["EllipsisMask"] or options["NewAxisMask"] or options["Offset"]:
        return None
    parts: list[Any] = []
    for axis, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), stride.tolist(), strict=True)):
        if options["ShrinkAxisMask"] >> axis & 1:
            parts.append(first)
        else:
            begins, ends = (
                None if options[name] >> axis & 1 else at for name, at in (("BeginMask", first), ("EndMask", last))
            )
            parts.append(slice(begins, ends, step))
    return np.asarray(values[tuple(parts)])


def _reshape(operator: Operator, inputs: list[Values], tensors: Sequence[Tensor]) -> Values:
    return inputs[0].reshape(tensors[operator.outputs[0]].shape)


# Operator -> its result of the operator, the values of its inputs and the model's tensors.
COMPUTED: Final[dict[str, Callable[[Operator, list[Values], Sequence[Tensor]], Values | None]]] = {
    "EXPAND_DIMS": _reshape,
    "FILL": lambda operator, inputs, tensors: np.full(inputs[0].tolist(), inputs[1]),
    "PACK": lambda operator, inputs, tensors: np.stack(inputs, operator.options["Axis"]),
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _slice,
    "TRANSPOSE": lambda operator, inputs, tensors: np.transpose(inputs[0], inputs[1].tolist()),
}
