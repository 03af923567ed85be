"""A PAD of height and width in front of convolutions becomes their padding.

Exact, because the pad value is the zero point, and a position outside the image contributes (zero point - zero point) =
0. Saves the padded copy and its buffer.
"""

from dataclasses import replace

from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.operators.pad import Pad
from export.aot.program import Node, Program

WINDOWED = Conv2D | DepthwiseConv2D | Conv2D16 | DepthwiseConv2D16


def fold_pad(program: Program) -> Program:
    for pad in program.nodes:
        if isinstance(pad, Pad) and _foldable(program, pad):
            nodes = tuple(_padded(node, pad) for node in program.nodes if node is not pad)
            program = replace(program, nodes=nodes)
    return program


def _foldable(program: Program, pad: Pad) -> bool:
    readers = program.readers(pad.output)
    source = program.tensors[pad.inputs[0]]
    return (
        pad.before[0] == pad.after[0] == pad.before[3] == pad.after[3] == 0
        and source.zero_point == pad.value
        and source.scale == program.tensors[pad.output].scale
        and pad.output not in program.outputs
        and pad.output not in program.aliases.values()
        and bool(readers)
        and all(isinstance(reader, WINDOWED) for reader in readers)
    )


def _padded(node: Node, pad: Pad) -> Node:
    if not (isinstance(node, WINDOWED) and node.inputs[0] == pad.output):
        return node
    window = replace(
        node.window,
        input=(pad.shape[1], pad.shape[2]),
        pad=(node.window.pad[0] + pad.before[1], node.window.pad[1] + pad.before[2]),
    )
    return replace(node, inputs=pad.inputs, window=window)
