"""A reshape moves no bytes: drop it and let its output share the input's buffer."""

from dataclasses import replace

from export.aot.operators.reshape import Reshape
from export.aot.program import Program


def alias_reshape(program: Program) -> Program:
    aliases = dict(program.aliases)
    for node in program.nodes:
        if isinstance(node, Reshape):
            aliases[node.output] = node.inputs[0]
    nodes = tuple(node for node in program.nodes if not isinstance(node, Reshape))
    return replace(program, nodes=nodes, aliases=aliases)
