"""QUANTIZE, RELU and RELU6 between int8 and int16 with a short requantisation."""

from dataclasses import dataclass

from export.aot.codes import bits
from export.aot.layer import Layer
from export.aot.operators.rescale import Rescale


@dataclass(frozen=True)
class RescaleShort(Rescale):
    def emit(self, layer: Layer) -> None:
        layer.kernel("rescale_short.h")
        rescale, shift = self.requantisation, self.requantisation.shifts[0]
        left, right = max(shift, 0) + 1, max(-shift, 0)
        source, target = (f"int{bits(dtype)}_t" for dtype in self.types)
        arguments = (left, right, rescale.minimum, rescale.maximum, *map(bits, self.types))
        function = layer.function(
            "rescale",
            f"static void @(const struct nn_rescale_short *l, const {source} *input, {target} *output) {{\n"
            f"    nn_rescale_short(l, input, output, {', '.join(map(str, arguments))});\n}}\n",
        )
        half = 1 << (right - 1) if right else 0
        parameters = layer.parameters(
            "nn_rescale_short",
            {
                "elements": self.elements,
                "multiplier": rescale.multipliers[0],
                "constant": half + (rescale.zero_point << right),
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call(function, parameters, *layer.inputs, layer.output)


def shorten(node: Rescale) -> RescaleShort | None:
    """The short form, or None where it would not be exact."""
    shift = node.requantisation.shifts[0]
    # A difference of codes has at most 16 bits: shifted, and in the sum with the zero point, it must fit 32.
    if not -22 <= shift <= 13:
        return None
    return RescaleShort(**vars(node))
