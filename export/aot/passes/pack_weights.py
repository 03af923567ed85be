"""Choose the packed kernels where their bounds are proven; everything else keeps the portable one."""

from dataclasses import replace

from export.aot.operators import conv_2d_packed
from export.aot.operators.conv_2d import Conv2D
from export.aot.program import Node, Program


def pack_weights(program: Program) -> Program:
    return replace(program, nodes=tuple(_packed(node) for node in program.nodes))


def _packed(node: Node) -> Node:
    if isinstance(node, Conv2D):
        return conv_2d_packed.pack(node) or node
    return node
