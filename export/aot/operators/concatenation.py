"""CONCATENATION along any axis. Operands may be constant."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from export.aot.codes import code_type
from export.aot.fixed_point import NONE
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.strided_copy import StridedCopy, dense, strided_copy
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Concatenation(Node):
    """`parts` holds, for every operand in order, its codes if it is constant, the output code where it begins, and its
    copy into the output."""

    dtype: str
    parts: tuple[tuple[NDArray[Any] | None, int, StridedCopy], ...]

    def emit(self, layer: Layer) -> None:
        layer.kernel("strided_copy.h")
        pointers = iter(layer.inputs)
        for number, (values, start, copy) in enumerate(self.parts):
            source = next(pointers) if values is None else layer.array(f"constant_{number}", f"{self.dtype}_t", values)
            target = f"{layer.output} + {start}" if start else layer.output
            layer.call("nn_strided_copy", layer.parameters("nn_strided_copy", copy.fields(), number), source, target)


def lower_concatenation(graph: Graph, operator: Operator) -> Node:
    output = graph.output(operator)
    tensors = [graph.input(operator, position) for position in range(len(operator.inputs))]
    dtype = code_type(output, *tensors)
    rank = len(output.shape)
    axis = int(operator.options["Axis"])
    if operator.options["FusedActivationFunction"] != NONE or not -rank <= axis < rank:
        raise GraphError(f"axis {axis} of {rank} axes, fused activation "
                         f"{operator.options['FusedActivationFunction']}.",
                         "Use an axis of the output, and a separate activation.")  # fmt: skip
    axis %= rank
    steps = dense(output.shape)
    parts, position = [], 0
    for tensor in tensors:
        if dtype == "int8" and (tensor.scale, tensor.zero_point) != (output.scale, output.zero_point):
            raise GraphError(f"{tensor.name!r} and {output.name!r} differ in scale or zero point.",
                             "Quantise all operands of CONCATENATION with one range.")  # fmt: skip
        if (
            len(tensor.shape) != rank
            or position + tensor.shape[axis] > output.shape[axis]
            or any(
                found != expected
                for number, (found, expected) in enumerate(zip(tensor.shape, output.shape, strict=True))
                if number != axis
            )
        ):
            raise GraphError(f"{tensor.name!r} of shape {tensor.shape} does not fit into {output.shape}.",
                             "Make the file again.")  # fmt: skip
        parts.append(
            (tensor.data, position * steps[axis], strided_copy(tensor.shape, dense(tensor.shape), steps, dtype))
        )
        position += tensor.shape[axis]
    if position != output.shape[axis]:
        raise GraphError(f"operands fill {position} of {output.shape[axis]} along axis {axis}.", "Make the file again.")
    activations = tuple(tensor.index for tensor in tensors if tensor.data is None)
    return Concatenation(operator.op, output.name, activations, output.index, dtype, tuple(parts))
