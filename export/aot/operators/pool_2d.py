"""AVERAGE_POOL_2D and MAX_POOL_2D. Input and output share scale and zero point."""

from collections.abc import Mapping
from dataclasses import dataclass

from export.aot.fixed_point import activation_range
from export.aot.geometry import Window, expect_int8, window
from export.aot.layer import Layer
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Pool2D(Node):
    window: Window
    channels: int
    minimum: int
    maximum: int

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: self.window.overlap(self.channels, self.channels, group=1, whole=False)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("pool_2d.h")
        fields = {
            **self.window.fields(),
            "channels": self.channels,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        average = "1" if self.op == "AVERAGE_POOL_2D" else "0"
        layer.call("nn_pool_2d", layer.parameters("nn_pool_2d", fields), *layer.inputs, layer.output, average)


def lower_pool_2d(graph: Graph, operator: Operator) -> Node:
    source, output = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    expect_int8(source, output)
    if (source.scale, source.zero_point) != (output.scale, output.zero_point):
        raise GraphError("input and output differ in scale or zero point.", "Quantise the pool with one range.")
    kernel = (int(operator.options["FilterHeight"]), int(operator.options["FilterWidth"]))
    view = window(source, output, kernel, operator.options)
    if source.shape[3] != output.shape[3]:
        raise GraphError(f"{source.shape[3]} channels become {output.shape[3]}.", "Make the file again.")
    low, high = activation_range(operator.options["FusedActivationFunction"], output)
    return Pool2D(operator.op, output.name, (source.index,), output.index, view, source.shape[3], low, high)
