"""Fold the input's zero point into the bias: sum w (x - z) + b = sum w x + (b - z sum w).

Exact where every output sums over all weights, so for convolutions without padding and for fully connected layers, and
where no sum can leave 32 bits, which is proven from the weights before the rewrite.
"""

from dataclasses import replace

import numpy as np

from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.program import Node, Program


def fold_zero_point(program: Program) -> Program:
    return replace(program, nodes=tuple(_folded(node) for node in program.nodes))


def _folded(node: Node) -> Node:
    if isinstance(node, Conv2D | DepthwiseConv2D):
        if node.window.padded:
            return node
        reduced: tuple[int, ...] = (1, 2, 3) if isinstance(node, Conv2D) else (0, 1)
    elif isinstance(node, FullyConnected) and node.weights_zero_point == 0:
        reduced = (1,)
    else:
        return node
    weights = node.weights.astype(np.int64)
    bias = node.bias.astype(np.int64) - node.input_zero_point * weights.sum(axis=reduced)
    largest = np.abs(bias) + 128 * np.abs(weights).sum(axis=reduced)  # 128: the largest int8 magnitude
    if largest.max(initial=0) >= 1 << 31:
        return node
    return replace(node, bias=bias.astype(np.int32), input_zero_point=0)
