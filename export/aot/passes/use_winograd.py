"""Choose Winograd's form of 3x3 convolutions, where it saves the most for each byte of flash that its weights take more."""

from dataclasses import replace
from typing import Any, Final

from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_winograd import added_bytes, saved_cycles, transform
from export.aot.program import Program

FLASH_SHARE: Final = (
    0.5  # of the target's flash, for weights: the rest is for code, and for the firmware around the model
)


def use_winograd(program: Program) -> Program:
    free = float("inf") if program.flash is None else FLASH_SHARE * program.flash - _weights(program)
    nodes = list(program.nodes)
    convolutions = [(place, node) for place, node in enumerate(nodes) if isinstance(node, Conv2D)]
    for place, conv in sorted(convolutions, key=lambda item: -saved_cycles(item[1]) / added_bytes(item[1])):
        if added_bytes(conv) <= free and (winograd := transform(conv)):
            nodes[place] = winograd
            free -= added_bytes(conv)
    return replace(program, nodes=tuple(nodes))


def _weights(program: Program) -> int:
    """Bytes of the weights as they are."""
    nodes: tuple[Any, ...] = program.nodes
    return sum(node.weights.nbytes for node in nodes if hasattr(node, "weights"))
