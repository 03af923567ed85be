"""Choose the kernels with register blocking where their bounds are proven; everything else keeps the plain one."""

from dataclasses import replace

from export.aot.operators import (
    add_16_short,
    conv_2d_blocked,
    conv_2d_grouped,
    depthwise_blocked,
    fully_connected_blocked,
    mul_short,
    rescale_short,
    sum_table,
)
from export.aot.operators.add import Sum
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.mul import Mul
from export.aot.operators.rescale import Rescale
from export.aot.program import Node, Program


def use_blocked(program: Program) -> Program:
    return replace(program, nodes=tuple(_fast(node) for node in program.nodes))


def _fast(node: Node) -> Node:
    if isinstance(node, Conv2D):
        return conv_2d_blocked.block(node) or conv_2d_grouped.block(node) or node
    if isinstance(node, DepthwiseConv2D):
        return depthwise_blocked.block(node) or node
    if isinstance(node, FullyConnected):
        return fully_connected_blocked.block(node) or node
    if isinstance(node, Sum):
        return add_16_short.shorten(node) or sum_table.tabulate(node) or node
    if isinstance(node, Mul):
        return mul_short.shorten(node) or node
    if isinstance(node, Rescale):
        return rescale_short.shorten(node) or node
    return node
