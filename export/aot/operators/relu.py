"""RELU and RELU6 as operators of their own. Converters fuse nearly all of them."""

from export.aot.codes import code_type
from export.aot.fixed_point import RELU, RELU6, Requantisation, activation_range, quantize_multiplier
from export.aot.operators.rescale import rescale
from export.aot.program import Node
from export.graph import Graph, Operator

IDENTITY = (1 << 30, 1)  # multiplier and shift of 1


def lower_relu(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    code_type(source, output)
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    low, high = activation_range(RELU, output)
    return rescale(operator, source, output, Requantisation((multiplier,), (shift,), output.zero_point, low, high))


def lower_relu6(graph: Graph, operator: Operator) -> Node:
    """Clamps codes between those of 0 and 6 on the input's scale; TensorFlow Lite Micro ignores the output's."""
    source, output = graph.input(operator, 0), graph.output(operator)
    code_type(source, output)
    low, high = activation_range(RELU6, source)
    multiplier, shift = IDENTITY
    values = Requantisation((multiplier,), (shift,), source.zero_point, low, high)
    return rescale(operator, source, output, values)
