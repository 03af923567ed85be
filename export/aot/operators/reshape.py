"""RESHAPE: no code, the output is the input's bytes under another shape (`Program.aliases`)."""

from dataclasses import dataclass

from export.aot.codes import code_type
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Reshape(Node):
    """Replaced by an alias in `passes.alias_reshape`, so it never reaches `emit`."""


def lower_reshape(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    code_type(source, output)
    if source.elements != output.elements:
        raise GraphError(f"shape {source.shape} cannot become {output.shape}.", "Make the file again.")
    return Reshape(operator.op, output.name, (source.index,), output.index)
