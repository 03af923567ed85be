"""STRIDED_SLICE, SPLIT and TRANSPOSE: the output is a strided view of the input, made dense."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.codes import code_type
from export.aot.layer import Layer
from export.aot.operators.reshape import Reshape
from export.aot.program import Node
from export.aot.strided_copy import StridedCopy, dense, strided_copy
from export.aot.weights import constant
from export.graph import Graph, GraphError, Operator, Tensor


@dataclass(frozen=True)
class View(Node):
    """`start` is the input code that becomes the output's first."""

    start: int
    copy: StridedCopy

    def emit(self, layer: Layer) -> None:
        layer.kernel("strided_copy.h")
        source = f"{layer.inputs[0]} + {self.start}" if self.start else layer.inputs[0]
        layer.call("nn_strided_copy", layer.parameters("nn_strided_copy", self.copy.fields()), source, layer.output)


def lower_strided_slice(graph: Graph, operator: Operator) -> Node:
    """Index arithmetic as in TensorFlow Lite Micro's strided_slice_logic.h."""
    source, output = graph.input(operator, 0), graph.output(operator)
    options = operator.options
    for option in ("EllipsisMask", "NewAxisMask", "Offset"):
        if options[option]:
            raise GraphError(f"option {option} is {options[option]}, expected 0.",
                             "Slice with begin, end and strides for every axis.")  # fmt: skip
    begins, ends, strides = (_indices(graph, operator, position, len(source.shape)) for position in (1, 2, 3))
    start = 0
    shape, steps, kept = [], [], []
    for axis, (size, step) in enumerate(zip(source.shape, dense(source.shape), strict=True)):
        stride, bit = int(strides[axis]), 1 << axis
        shrink = bool(options["ShrinkAxisMask"] & bit)
        lowest, highest = (0, size) if stride > 0 else (-1, size - 1)
        first = _clamp(int(begins[axis]), size, lowest, highest)
        if options["BeginMask"] & bit:
            first = lowest if stride > 0 else highest
        last = _clamp(int(ends[axis]), size, lowest, highest)
        if options["EndMask"] & bit:
            last = highest if stride > 0 else lowest
        if shrink:
            last = first + 1
        count = -((first - last) // stride) if stride else 0
        if stride == 0 or (shrink and (stride < 0 or first == size)):
            raise GraphError(f"begin {begins[axis]} with stride {stride} along axis {axis} of {size}.",
                             "Slice inside the tensor, forwards where an axis is dropped.")  # fmt: skip
        start += first * step
        shape.append(max(count, 0))
        steps.append(stride * step)
        if not shrink:
            kept.append(shape[-1])
    if tuple(kept) != output.shape:
        raise GraphError(f"output shape {output.shape}, expected {tuple(kept)}.", "Make the file again.")
    return _view(operator, source, output, start, tuple(shape), tuple(steps))


def lower_split(graph: Graph, operator: Operator) -> tuple[Node, ...]:
    source = graph.input(operator, 1)
    axis = _axis(constant(graph, operator, 0, "int32"), len(source.shape))
    parts = [graph.output(operator, position) for position in range(len(operator.outputs))]
    size = source.shape[axis] // max(len(parts), 1)
    shape = (*source.shape[:axis], size, *source.shape[axis + 1 :])
    if not parts or size * len(parts) != source.shape[axis] or any(part.shape != shape for part in parts):
        raise GraphError(f"{len(parts)} outputs of shape {parts[0].shape if parts else ()} do not split axis {axis} of "
                         f"{source.shape}.", "Split into equal parts.")  # fmt: skip
    steps = dense(source.shape)
    return tuple(
        _view(operator, source, part, number * size * steps[axis], shape, steps) for number, part in enumerate(parts)
    )


def lower_transpose(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    order = [int(axis) for axis in constant(graph, operator, 1, "int32").ravel()]
    if sorted(order) != list(range(len(source.shape))):
        raise GraphError(f"permutation {order} of {len(source.shape)} axes.", "Make the file again.")
    shape = tuple(source.shape[axis] for axis in order)
    if output.shape != shape:
        raise GraphError(f"output shape {output.shape}, expected {shape}.", "Make the file again.")
    steps = dense(source.shape)
    return _view(operator, source, output, 0, shape, tuple(steps[axis] for axis in order))


def _view(
    operator: Operator, source: Tensor, output: Tensor, start: int, shape: tuple[int, ...], steps: tuple[int, ...]
) -> Node:
    """The node of a view; no operation at all where it is the whole tensor in order."""
    dtype = code_type(source, output)
    copy = strided_copy(shape, steps, dense(shape), dtype)
    if start == 0 and copy.run == source.bytes:
        return Reshape(operator.op, output.name, (source.index,), output.index)
    return View(operator.op, output.name, (source.index,), output.index, start, copy)


def _indices(graph: Graph, operator: Operator, position: int, rank: int) -> NDArray[np.int32]:
    values = constant(graph, operator, position, "int32").ravel()
    if values.size != rank:
        raise GraphError(f"{values.size} indices for {rank} axes.", "Slice with begin, end and strides for every axis.")
    return values


def _clamp(index: int, size: int, lowest: int, highest: int) -> int:
    """An index of the file, where negative ones count from the end, to a position."""
    return min(max(index + size if index < 0 else index, lowest), highest)


def _axis(values: NDArray[np.int32], rank: int) -> int:
    axis = int(values.ravel()[0]) if values.size == 1 else rank
    if not -rank <= axis < rank:
        raise GraphError(f"axis {values.tolist()} of {rank} axes.", "Make the file again.")
    return axis % rank
