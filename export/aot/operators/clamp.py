"""Codes between two bounds, in place: the part of a fused activation that `passes.split_clamp` takes off an
operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.aot.interval import Interval
from export.aot.layer import Layer
from export.aot.program import Node


@dataclass(frozen=True)
class Clamp(Node):
    """int8 codes, at least `minimum` and at most `maximum`."""

    elements: int
    minimum: int
    maximum: int

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return inputs[0].clipped(self.minimum, self.maximum)

    def emit(self, layer: Layer) -> None:
        layer.kernel("clamp.h")
        fields = {"elements": self.elements, "minimum": self.minimum, "maximum": self.maximum}
        layer.call("nn_clamp_codes", layer.parameters("nn_clamp_codes", fields), *layer.inputs, layer.output)
