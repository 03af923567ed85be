"""Give the inner products of blocked convolutions and fully connected layers unsigned weights, which Armv6-M loads
faster."""

from dataclasses import fields, replace

from export.aot.operators.conv_2d_blocked import Conv2DBlocked
from export.aot.operators.conv_2d_unsigned import Conv2DUnsigned
from export.aot.operators.fully_connected_blocked import FullyConnectedBlocked
from export.aot.operators.fully_connected_unsigned import FullyConnectedUnsigned
from export.aot.program import Node, Program


def use_unsigned(program: Program) -> Program:
    return replace(program, nodes=tuple(_unsigned(node) for node in program.nodes))


def _unsigned(node: Node) -> Node:
    values = {field.name: getattr(node, field.name) for field in fields(node)}
    if isinstance(node, Conv2DBlocked):
        return Conv2DUnsigned(**values)
    if isinstance(node, FullyConnectedBlocked):
        return FullyConnectedUnsigned(**values)
    return node
