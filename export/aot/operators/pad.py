"""PAD and its value: the zero point, so that padding means 0. `passes.fold_pad` removes most of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.aot.codes import bits, code_type
from export.aot.interval import Interval
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.weights import constant
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Pad(Node):
    """Four axes, outermost first: sizes of the input, and what comes before and after it, in codes of `dtype`."""

    dtype: str
    shape: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        if self.before[3] or self.after[3]:
            return None
        return Interval(np.minimum(inputs[0].low, self.value), np.maximum(inputs[0].high, self.value))

    def emit(self, layer: Layer) -> None:
        layer.kernel("pad.h")
        sizes = {"input": self.shape, "before": self.before, "after": self.after}
        item = bits(self.dtype) // 8
        fields = {name: f"{{{', '.join(map(str, (*values[:3], values[3] * item)))}}}" for name, values in sizes.items()}
        layer.call("nn_pad", layer.parameters("nn_pad", {**fields, "value": self.value}), *layer.inputs, layer.output)


def lower_pad(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    dtype = code_type(source, output)
    if len(operator.inputs) != 2:
        raise GraphError(f"{len(operator.inputs)} inputs, expected 2.", "Pad with the value 0.")
    pads = constant(graph, operator, 1, "int32")
    rank = len(source.shape)
    if rank > 4 or pads.shape != (rank, 2) or pads.min(initial=0) < 0:
        raise GraphError(f"paddings {pads.tolist()} of shape {source.shape}, expected up to four axes, none negative.",
                         "Crop with STRIDED_SLICE instead of negative padding.")  # fmt: skip
    if output.shape != tuple(size + int(pad.sum()) for size, pad in zip(source.shape, pads, strict=True)):
        raise GraphError(f"output shape {output.shape} does not follow from the paddings.", "Make the file again.")
    front = (0,) * (4 - rank)
    return Pad(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        dtype,
        (1,) * (4 - rank) + source.shape,
        front + tuple(int(value) for value in pads[:, 0]),
        front + tuple(int(value) for value in pads[:, 1]),
        output.zero_point,
    )
