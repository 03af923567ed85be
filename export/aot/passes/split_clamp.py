"""A fused activation that the short requantisation cannot do becomes an operator of its own, in place.

The fast kernels end in a saturation to int8, which is all there is to a ReLU whose zero point is -128, as ranges that
begin at 0 have it. Any other clamp, such as that of symmetric activations, would leave an operator to the slow kernels;
after a saturation it gives the same codes for two instructions each.
"""

from dataclasses import replace

from export.aot.operators.clamp import Clamp
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.passes.use_dsp import fast
from export.aot.program import Node, Program


def split_clamp(program: Program) -> Program:
    tensors = list(program.tensors)
    nodes: list[Node] = []
    for node in program.nodes:
        if not isinstance(node, Conv2D | DepthwiseConv2D | FullyConnected) or fast(node) is not node:
            nodes.append(node)
            continue
        limits, output = node.requantisation, tensors[node.output]
        free = replace(node, output=len(tensors), requantisation=replace(limits, minimum=-128, maximum=127))
        if fast(free) is free:
            nodes.append(node)
            continue
        tensors.append(replace(output, index=len(tensors), name=f"{output.name}, not clamped"))
        clamp = Clamp("CLAMP", node.name, (free.output,), node.output, output.elements, limits.minimum, limits.maximum)
        nodes += [free, clamp]
    return replace(program, tensors=tuple(tensors), nodes=tuple(nodes))
