"""A convolution with one input channel in each group is a depthwise one, for which there are faster kernels."""

from dataclasses import replace

import numpy as np

from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.program import Node, Program


def group_to_depthwise(program: Program) -> Program:
    return replace(program, nodes=tuple(_depthwise(node) for node in program.nodes))


def _depthwise(node: Node) -> Node:
    if not isinstance(node, Conv2D | Conv2D16) or node.weights.shape[3] != 1 or node.input_channels == 1:
        return node
    weights = np.ascontiguousarray(node.weights[..., 0].transpose(1, 2, 0))
    multiplier = len(node.weights) // node.input_channels
    place = (node.op, node.name, node.inputs, node.output, weights)
    if isinstance(node, Conv2D16):
        return DepthwiseConv2D16(*place, node.bias, node.window, multiplier, node.requantisation)
    return DepthwiseConv2D(*place, node.bias, node.window, multiplier, node.input_zero_point, node.requantisation)
