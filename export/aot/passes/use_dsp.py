"""Choose the kernels for the DSP extension where their bounds are proven; everything else keeps the portable one."""

from dataclasses import replace

from export.aot.operators import (
    conv_2d_16_packed,
    conv_2d_grouped,
    conv_2d_packed,
    depthwise_planar,
    fully_connected_16_packed,
    fully_connected_packed,
)
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.fully_connected_16 import FullyConnected16
from export.aot.program import Node, Program


def use_dsp(program: Program) -> Program:
    return replace(program, nodes=tuple(fast(node) for node in program.nodes))


def fast(node: Node) -> Node:
    """The node itself where none of them applies."""
    if isinstance(node, Conv2D):
        return conv_2d_packed.pack(node) or conv_2d_grouped.pack(node) or node
    if isinstance(node, Conv2D16):
        return conv_2d_16_packed.pack(node) or conv_2d_grouped.pack_16(node) or node
    if isinstance(node, DepthwiseConv2D):
        return depthwise_planar.plane(node) or node
    if isinstance(node, DepthwiseConv2D16):
        return depthwise_planar.plane_16(node) or node
    if isinstance(node, FullyConnected):
        return fully_connected_packed.pack(node) or node
    if isinstance(node, FullyConnected16):
        return fully_connected_16_packed.pack(node) or node
    return node
