"""Remove channels that nobody needs: those that all readers multiply by 0, and what was computed for them alone.

From the outputs backwards: a convolution needs an input channel if one of its weights for it is not 0, in an output
channel that is needed itself. What computes channel by channel needs the channels that it is asked for; every other
operator, and the model's inputs and outputs, keep all of theirs.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation
from export.aot.operators.add import Add
from export.aot.operators.binary import broadcast
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.lookup import Lookup
from export.aot.operators.mean import Mean
from export.aot.operators.pad import Pad
from export.aot.operators.pool_2d import Pool2D
from export.aot.program import Node, Program

Mask = NDArray[np.bool_]  # by channel


def drop_dead_channels(program: Program) -> Program:
    needed = _needed(program)
    if all(mask.all() for mask in needed.values()):
        return program
    tensors = list(program.tensors)
    for tensor in program.tensors:
        if (root := program.root(tensor.index)) in needed:
            kept = int(needed[root].sum()) * tensor.channels // len(needed[root])
            tensors[tensor.index] = replace(tensor, shape=(*tensor.shape[:-1], kept))
    nodes = tuple(_narrowed(program, node, needed) for node in program.nodes)
    return replace(program, tensors=tuple(tensors), nodes=nodes)


def _needed(program: Program) -> dict[int, Mask]:
    """The channels that must stay, of every tensor that owns its bytes: the least set with which all operators
    agree."""
    needed = {node.output: np.zeros(program.tensors[node.output].channels, np.bool_) for node in program.nodes}
    for tensor in (*program.inputs, *program.outputs):
        root = program.root(tensor)
        needed[root] = np.ones(program.tensors[root].channels, np.bool_)
    before = -1
    while (count := sum(int(mask.sum()) for mask in needed.values())) != before:
        before = count
        for node in reversed(program.nodes):
            for tensor, mask in _demands(program, node, needed):
                kept = needed[program.root(tensor)]
                kept |= mask.reshape(-1, len(kept)).any(axis=0) if len(mask) % len(kept) == 0 else True
        for mask in needed.values():
            mask[0] |= not mask.any()  # a tensor without elements would be none
    return needed


def _demands(program: Program, node: Node, needed: dict[int, Mask]) -> list[tuple[int, Mask]]:
    """What a node needs, of its inputs and of its own output."""
    output = needed[node.output]
    if isinstance(node, Conv2D) and node.weights.shape[3] == node.input_channels:
        return [(node.inputs[0], (node.weights[output] != 0).any(axis=(0, 1, 2)))]
    if isinstance(node, FullyConnected) and _separable(program, node):
        return [(node.inputs[0], (node.weights[output] != 0).any(axis=0))]
    if _by_channel(program, node):
        source = program.tensors[node.inputs[0]].channels
        masks = [_of(program, tensor, needed).reshape(source, -1) for tensor in (*node.inputs, node.output)]
        both = np.any([mask.any(axis=1) for mask in masks], axis=0)
        return [
            (tensor, both.repeat(mask.shape[1]))
            for tensor, mask in zip((*node.inputs, node.output), masks, strict=True)
        ]
    return [(tensor, np.ones(program.tensors[tensor].channels, np.bool_)) for tensor in (*node.inputs, node.output)]


def _of(program: Program, tensor: int, needed: dict[int, Mask]) -> Mask:
    """The channels that must stay, of any tensor; those of a reshaped one repeat its root's."""
    root, count = needed[program.root(tensor)], program.tensors[tensor].channels
    return np.tile(root, count // len(root)) if count % len(root) == 0 else np.ones(count, np.bool_)


def _separable(program: Program, dense: FullyConnected) -> bool:
    """Whether each weight belongs to one channel of the input, and one of 0 adds nothing."""
    return dense.weights_zero_point == 0 and dense.weights.shape[1] % program.tensors[dense.inputs[0]].channels == 0


def _by_channel(program: Program, node: Node) -> bool:
    """Whether each channel of the output depends on the same channel of the inputs only, or several outputs do on
    one."""
    if isinstance(node, DepthwiseConv2D):
        return True
    if isinstance(node, Mean) and node.inner != program.tensors[node.inputs[0]].channels:
        return False
    if isinstance(node, Pad) and (node.before[3] or node.after[3]):
        return False
    shapes = {program.tensors[tensor].channels for tensor in (*node.inputs, node.output)}
    return isinstance(node, Add | Lookup | Mean | Pad | Pool2D) and len(shapes) == 1


def _narrowed(program: Program, node: Node, needed: dict[int, Mask]) -> Node:
    output = needed[node.output]
    if isinstance(node, Conv2D) and node.weights.shape[3] == node.input_channels:
        source = _of(program, node.inputs[0], needed)
        return replace(
            node,
            weights=node.weights[output][..., source],
            bias=node.bias[output],
            input_channels=int(source.sum()),
            requantisation=_chosen(node.requantisation, output),
        )
    if isinstance(node, FullyConnected) and _separable(program, node):
        source = _of(program, node.inputs[0], needed)
        source = np.tile(source, node.weights.shape[1] // len(source))
        return replace(
            node,
            weights=node.weights[output][:, source],
            bias=node.bias[output],
            requantisation=_chosen(node.requantisation, output),
        )
    if isinstance(node, DepthwiseConv2D):
        return replace(
            node,
            weights=node.weights[..., output],
            bias=node.bias[output],
            requantisation=_chosen(node.requantisation, output),
        )
    kept = int(output.sum())
    if isinstance(node, Add):
        shape = (program.tensors[node.output].elements // len(output) * kept,)
        return replace(node, broadcast=broadcast(shape, shape, shape))
    if isinstance(node, Lookup):
        return replace(node, elements=node.elements // len(output) * kept)
    if isinstance(node, Mean):
        return replace(node, inner=kept) if node.inner == len(output) else node
    if isinstance(node, Pad):
        return replace(node, shape=(*node.shape[:3], node.shape[3] * kept // len(output)))
    if isinstance(node, Pool2D):
        return replace(node, channels=kept)
    return node


def _chosen(values: Requantisation, mask: Mask) -> Requantisation:
    if len(values.multipliers) == 1:
        return values
    return replace(
        values,
        multipliers=tuple(np.array(values.multipliers)[mask].tolist()),
        shifts=tuple(np.array(values.shifts)[mask].tolist()),
    )
