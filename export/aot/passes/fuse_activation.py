"""A table that only clamps, such as a RELU that keeps the scale, becomes part of the operator in front of it.

Exact, because both are a requantisation's last step: the narrower bounds win. Not where somebody else needs what was
not clamped.
"""

from dataclasses import replace

from export.aot.fixed_point import Requantisation
from export.aot.operators.add import Sum
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.lookup import Lookup
from export.aot.program import Program

Clamped = Conv2D | DepthwiseConv2D | FullyConnected | Sum


def fuse_activation(program: Program) -> Program:
    for table in program.nodes:
        if isinstance(table, Lookup) and (writer := _writer(program, table)) is not None:
            bounds = _narrowed(writer.requantisation, table.table)
            if bounds is not None:
                fused = replace(writer, output=table.output, name=table.name, requantisation=bounds)
                kept = [node for node in program.nodes if node is not table]
                program = replace(program, nodes=tuple(fused if node is writer else node for node in kept))
    return program


def _writer(program: Program, table: Lookup) -> Clamped | None:
    """What computes the codes that the table is for, unless they are of use elsewhere."""
    (source,) = table.inputs
    if source in program.outputs or source in program.aliases.values() or program.readers(source) != [table]:
        return None
    for node in program.nodes:
        if node.output == source and isinstance(node, Clamped):
            return node
    return None


def _narrowed(values: Requantisation, table: tuple[int, ...]) -> Requantisation | None:
    """The requantisation with the table's clamp, None if the table does anything else to the codes that it can meet."""
    met = range(values.minimum, values.maximum + 1)
    minimum, maximum = table[values.minimum + 128], table[values.maximum + 128]
    if any(table[code + 128] != min(max(code, minimum), maximum) for code in met):
        return None
    return replace(values, minimum=minimum, maximum=maximum)
