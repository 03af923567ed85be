"""AVERAGE_POOL_2D and MAX_POOL_2D, in int8 and int16. Input and output share scale and zero point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.aot.codes import bits, code_type
from export.aot.fixed_point import activation_range
from export.aot.geometry import Window, window
from export.aot.interval import Interval
from export.aot.layer import Layer
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Pool2D(Node):
    dtype: str
    window: Window
    channels: int
    minimum: int
    maximum: int

    @property
    def overlaps(self) -> Mapping[int, int]:
        pixel = self.channels * bits(self.dtype) // 8
        return {self.inputs[0]: self.window.overlap(pixel, pixel, group=1, whole=False)}

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return inputs[0].clipped(self.minimum, self.maximum)

    def emit(self, layer: Layer) -> None:
        layer.kernel("pool_2d.h")
        fields = {
            **self.window.fields(),
            "channels": self.channels,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        parameters = layer.parameters("nn_pool_2d", fields)
        layer.call(f"nn_{self.op.lower()}_{bits(self.dtype)}", parameters, *layer.inputs, layer.output)


def lower_pool_2d(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    dtype = code_type(source, output)
    # The tolerance is the reference's (PoolingPrepare).
    if abs(source.scale - output.scale) > 1e-6 or source.zero_point != output.zero_point:
        raise GraphError("input and output differ in scale or zero point.", "Quantise the pool with one range.")
    kernel = (int(operator.options["FilterHeight"]), int(operator.options["FilterWidth"]))
    view = window(source, output, kernel, operator.options)
    if source.shape[3] != output.shape[3]:
        raise GraphError(f"{source.shape[3]} channels become {output.shape[3]}.", "Make the file again.")
    low, high = activation_range(operator.options["FusedActivationFunction"], output)
    return Pool2D(operator.op, output.name, (source.index,), output.index, dtype, view, source.shape[3], low, high)
