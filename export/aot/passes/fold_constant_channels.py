"""Channels that hold one code whatever the inputs are: fold them into the biases of those who read them.

With an input channel that is always c, sum w (x - z) loses the terms of that channel and the bias gains w (c - z);
where a window reaches outside of the image this is exact for c = z only. An output channel that is constant needs no
weights. Nothing is smaller yet: `drop_dead_channels` removes what has become useless.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import INT32
from export.aot.interval import Interval, everything
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.program import Program
from export.aot.short_requantisation import silence

Weighted = Conv2D | DepthwiseConv2D | FullyConnected
CHANNEL_AXIS: Final = {Conv2D: 0, DepthwiseConv2D: 2, FullyConnected: 0}  # of the weights, the output's


def fold_constant_channels(program: Program) -> Program:
    known: dict[int, Interval] = {}  # of tensors that own their bytes

    def interval(tensor: int) -> Interval:
        root = program.tensors[program.root(tensor)]
        return known.get(root.index, everything(root)).spread(program.tensors[tensor].channels)

    nodes = []
    for node in program.nodes:
        inputs = [interval(tensor) for tensor in node.inputs]
        output = node.bounds(inputs)
        if output is not None:
            known[node.output] = output.spread(program.tensors[node.output].channels)
        if isinstance(node, Weighted):
            if output is not None:
                node = _without_constant_outputs(node, inputs[0], output.constant)
            node = _without_constant_inputs(node, inputs[0])
        nodes.append(node)
    return replace(program, nodes=tuple(nodes))


def _without_constant_outputs(node: Weighted, source: Interval, constant: NDArray[np.bool_]) -> Weighted:
    """Weights of 0, and for bias any sum that gives the code."""
    weights = silence(node.weights, constant, CHANNEL_AXIS[type(node)])
    if isinstance(node, FullyConnected) and node.weights_zero_point:
        return node  # a weight of 0 is not a product of 0
    return replace(node, weights=weights, bias=np.where(constant, node.sums(source).low, node.bias).astype(np.int32))


def _without_constant_inputs(node: Weighted, source: Interval) -> Weighted:
    if isinstance(node, Conv2D) and node.weights.shape[3] == node.input_channels:
        taps = node.weights.astype(np.int64).sum(axis=(1, 2))
        held = source.constant & ((source.low == node.input_zero_point) | (not node.window.padded))
    elif isinstance(node, FullyConnected) and node.weights_zero_point == 0:
        taps = node.weights.astype(np.int64)
        source = source.spread(taps.shape[1])
        held = source.constant
    else:
        return node
    bias = node.bias + (taps * np.where(held, source.low - node.input_zero_point, 0)).sum(axis=1)
    if np.abs(bias).max(initial=0) >= INT32:
        return node
    return replace(node, bias=bias.astype(np.int32), weights=np.where(held, 0, node.weights).astype(np.int8))
