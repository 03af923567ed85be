"""The compiler's typed intermediate form: a list of lowered operators over numbered activation tensors.

`lower` turns each .tflite operator into a `Node` with every constant computed; `export.aot.passes` rewrite the list;
`export.aot.memory` places the tensors; `Node.emit` writes C. One operator is one file in `export.aot.operators`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contract.errors import DemurError
from export.aot.interval import Interval
from export.aot.layer import Layer
from export.graph import Graph, GraphError, Operator, Tensor


class UnsupportedError(DemurError):
    """The model holds operators that the compiler cannot translate; all of them are listed."""


@dataclass(frozen=True)
class Node:
    """One lowered operator: `inputs` and `output` are indices of activation tensors, `name` is the output's name."""

    op: str
    name: str
    inputs: tuple[int, ...]
    output: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, padding not discounted."""
        return 0

    @property
    def overlaps(self) -> Mapping[int, int]:
        """Inputs that the output may run into: how many bytes it must start before each, so that nothing is overwritten
        before its last use. 0 is in place; a negative distance lets the output start later than the input."""
        return {}

    @property
    def overlap_unit(self) -> int:
        """The distance from an overlapping output to the input must also be a multiple of so many bytes."""
        return 1

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the arena needed while the operator runs, word aligned, beside inputs and output."""
        return 0

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        """What the output can hold if the inputs hold what they can, by channel; None if that is not known."""
        return None

    def emit(self, layer: Layer) -> None:
        """Write the constants and the call of this operator."""
        raise NotImplementedError


@dataclass(frozen=True)
class Program:
    """`aliases` maps a tensor to the one whose bytes it shares (a reshape); `flash` is the size of the target's flash,
    if known."""

    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    aliases: Mapping[int, int]
    flash: int | None = None

    def root(self, tensor: int) -> int:
        """The tensor that owns the bytes of `tensor`."""
        while tensor in self.aliases:
            tensor = self.aliases[tensor]
        return tensor

    def readers(self, tensor: int) -> list[Node]:
        return [node for node in self.nodes if tensor in node.inputs]


# What to change about operators that are no necessity. They compute nonsense in TensorFlow Lite Micro, too, if the
# batch is unknown.
UNKNOWN_BATCH: Final = (
    "written for a dilated convolution of an unknown batch; convert with a batch of one (batch_size=1)."
)
HINTS: Final = {"SPACE_TO_BATCH_ND": UNKNOWN_BATCH, "BATCH_TO_SPACE_ND": UNKNOWN_BATCH}

Lower = Callable[[Graph, Operator], Node | tuple[Node, ...]]


def lower(graph: Graph, table: Mapping[str, Lower]) -> Program:
    """Translate every operator. Raises UnsupportedError that lists each offending one with its tensors and the
    reason."""
    nodes: list[Node] = []
    problems: list[str] = []
    for operator in graph.operators:
        where = f"  {operator.index} {operator.op}: {_shapes(graph, operator)}"
        if operator.op not in table:
            problems.append(f"{where}: {HINTS.get(operator.op, 'not among the supported operators.')}")
            continue
        try:
            lowered = table[operator.op](graph, operator)
            nodes += _checked(graph, operator, lowered if isinstance(lowered, tuple) else (lowered,))
        except GraphError as error:
            problems.append(f"{where}: {error}")
    if problems:
        supported = ", ".join(sorted(table))
        raise UnsupportedError(
            "operators that cannot be compiled:\n" + "\n".join(problems) + "\n",
            f"Change the model to use only, in int8 or 16x8: {supported}.",
        )
    return Program(graph.tensors, tuple(nodes), graph.inputs, graph.outputs, {})


def _checked(graph: Graph, operator: Operator, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes, once they are known to write all that the operator writes and to read nothing that is never
    written."""
    if sorted(node.output for node in nodes) != sorted(operator.outputs):
        raise GraphError(f"{len(operator.outputs)} outputs, expected {len(nodes)}.", "Make the file again.")
    for node in nodes:
        for tensor in (graph.tensors[index] for index in node.inputs):
            if tensor.data is not None:
                raise GraphError(f"{tensor.name!r} is a constant, expected an activation.",
                                 "Let the converter fold operators on constants.")  # fmt: skip
    return nodes


def _shapes(graph: Graph, operator: Operator) -> str:
    def describe(index: int) -> str:
        tensor = graph.tensors[index]
        return f"{tensor.name!r} {tensor.dtype}{list(tensor.shape)}"

    reads = ", ".join(describe(index) for index in operator.inputs if index >= 0)
    return f"{reads} -> {', '.join(describe(index) for index in operator.outputs)}"
