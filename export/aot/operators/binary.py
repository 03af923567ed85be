"""Operators of two operands, element by element: how their shapes broadcast, and operands that are constants.

A node derives from `Binary` and adds its constants, the arithmetic of one pair of codes and the call. `tabulated` turns
a node that is a function of one code, such as one with a constant of one value, into a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.aot.codes import bits, code_type
from export.aot.layer import Layer
from export.aot.operators.lookup import lookup
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator, Tensor

AXES = 5  # NN_BROADCAST_AXES of firmware/lib/nn/broadcast.h


@dataclass(frozen=True)
class Broadcast:
    """Sizes of the merged axes, outermost first, and the steps of either operand along them, in codes."""

    counts: tuple[int, ...]
    steps: tuple[tuple[int, ...], tuple[int, ...]]

    def whole(self, operand: int) -> bool:
        """Whether every code of the operand is used once, in order."""
        return all(step for count, step in zip(self.counts, self.steps[operand], strict=True) if count > 1)

    def fields(self) -> dict[str, str]:
        """The fields of a `struct nn_broadcast`."""
        counts, first, second = (f"{{{', '.join(map(str, values))}}}" for values in (self.counts, *self.steps))
        return {"count": counts, "step": f"{{{first}, {second}}}"}

    def initialiser(self) -> str:
        return f"{{{', '.join(self.fields().values())}}}"


@dataclass(frozen=True)
class Repeat:
    """Both operands in order, by lines after which one of them may start again; see firmware/lib/nn/repeat.h."""

    lines: int
    length: int
    steps: tuple[int, int]

    def initialiser(self) -> str:
        """The fields of a `struct nn_repeat`."""
        return f"{{{self.lines}, {self.length}, {{{self.steps[0]}, {self.steps[1]}}}}}"


@dataclass(frozen=True)
class Binary(Node):
    """`inputs` are the operands that are activations; `constants` holds, by position, the codes of one that is not."""

    dtype: str
    constants: tuple[NDArray[Any] | None, NDArray[Any] | None]
    broadcast: Broadcast

    @property
    def elements(self) -> int:
        """Codes of the output."""
        return int(np.prod(self.broadcast.counts))

    @property
    def overlaps(self) -> Mapping[int, int]:
        activations = [position for position, values in enumerate(self.constants) if values is None]
        pairs = zip(self.inputs, activations, strict=True)
        return {tensor: 0 for tensor, position in pairs if self.broadcast.whole(position)}

    @property
    def repeat(self) -> Repeat | None:
        """The walk over the operands if it is as simple as that. An operand of one value does not count."""
        steps = [
            None if values is not None and values.size == 1 else steps
            for values, steps in zip(self.constants, self.broadcast.steps, strict=True)
        ]
        axes = [axis for axis, count in enumerate(self.broadcast.counts) if count > 1] or [AXES - 1]
        lengths = [self.broadcast.counts[axis] for axis in axes]
        if len(axes) > 2 or any(which and which[axes[-1]] != 1 and lengths[-1] > 1 for which in steps):
            return None
        if len(axes) == 1:
            return Repeat(1, lengths[0], (0, 0))
        first, second = (which[axes[0]] if which else 0 for which in steps)
        return Repeat(lengths[0], lengths[1], (first, second))

    def code(self, first: int, second: int) -> int:
        """The output's code of one pair of codes."""
        raise NotImplementedError

    def operands(self, layer: Layer) -> list[str]:
        """The C expressions of both operands."""
        pointers = iter(layer.inputs)
        return [
            next(pointers) if values is None else layer.array("constant", f"{self.dtype}_t", values)
            for values in self.constants
        ]

    def kernel(self, name: str) -> str:
        """The name of the C function for this type of codes."""
        return f"nn_{name}_{bits(self.dtype)}"


def operands(graph: Graph, operator: Operator) -> tuple[Tensor, Tensor, Tensor]:
    """Both operands and the output. Raises GraphError unless they are of one type, and at least one operand is
    computed."""
    a, b, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    code_type(a, b, output)
    if a.data is not None and b.data is not None:
        raise GraphError(f"both operands, {a.name!r} and {b.name!r}, are constants.",
                         "Let the converter fold operators on constants.")  # fmt: skip
    return a, b, output


def binary(operator: Operator, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Any]:
    """The fields of a `Binary`."""
    return {
        "op": operator.op,
        "name": output.name,
        "inputs": tuple(tensor.index for tensor in (a, b) if tensor.data is None),
        "output": output.index,
        "dtype": output.dtype,
        "constants": (a.data, b.data),
        "broadcast": broadcast(a.shape, b.shape, output.shape),
    }


def tabulated(node: Binary) -> Node:
    """A table instead of the node, where one operand is a single int8 constant, or both are the same int8 codes."""
    if node.dtype == "int8" and len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]:
        return lookup(
            node.op, node.name, node.inputs[:1], node.output, node.elements, lambda code: node.code(code, code)
        )
    for position, values in enumerate(node.constants):
        if values is not None and values.size == 1 and node.dtype == "int8":
            constant = int(values.ravel()[0])

            def code(other: int, position: int = position, constant: int = constant) -> int:
                return node.code(constant, other) if position == 0 else node.code(other, constant)

            return lookup(node.op, node.name, node.inputs, node.output, node.elements, code)
    return node


def broadcast(a: tuple[int, ...], b: tuple[int, ...], output: tuple[int, ...]) -> Broadcast:
    """Merge neighbouring axes along which both operands advance, or repeat, alike.

    Raises GraphError if the shapes do not fit together, or more than AXES axes remain.
    """
    rank = max(len(a), len(b), len(output))
    shapes = [(1,) * (rank - len(shape)) + shape for shape in (a, b, output)]
    if 0 in output or any({x, y} - {1, size} or max(x, y) != size for x, y, size in zip(*shapes, strict=True)):
        raise GraphError(f"shapes {a} and {b} do not give {output}.", "Make the file again.")
    axes: list[tuple[int, int, int]] = []  # count and both steps, innermost first
    strides = [1, 1]
    for x, y, size in zip(*(reversed(shape) for shape in shapes), strict=True):
        if size == 1:
            continue
        steps = [0 if found == 1 else stride for found, stride in zip((x, y), strides, strict=True)]
        strides = [stride * found for found, stride in zip((x, y), strides, strict=True)]
        if axes and all(step == inner * axes[-1][0] for step, inner in zip(steps, axes[-1][1:], strict=True)):
            axes[-1] = (axes[-1][0] * size, *axes[-1][1:])
        else:
            axes.append((size, *steps))
    if len(axes) > AXES:
        raise GraphError(f"shapes {a} and {b} broadcast along {len(axes)} axes, expected at most {AXES}.",
                         "Broadcast along fewer axes at once.")  # fmt: skip
    counts, first, second = zip(*axes, *[(1, 0, 0)] * (AXES - len(axes)), strict=True)
    return Broadcast(counts[::-1], (first[::-1], second[::-1]))
