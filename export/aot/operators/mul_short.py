"""MUL with a short requantisation."""

from dataclasses import dataclass

import numpy as np

from export.aot.codes import bits
from export.aot.fixed_point import multiply
from export.aot.layer import Layer
from export.aot.operators.binary import Repeat
from export.aot.operators.mul import Mul
from export.aot.short_requantisation_16 import CODES, POSITIVE_CODES

CODES_8 = (-128, 127)


@dataclass(frozen=True)
class MulShort(Mul):
    """`walk` is how the operands are read."""

    walk: Repeat

    def emit(self, layer: Layer) -> None:
        layer.kernel("mul_short.h")
        kind, shift = f"const int{bits(self.dtype)}_t", -self.requantisation.shifts[0]
        single = [values is not None and values.size == 1 for values in self.constants]
        arguments = (shift, int(self.requantisation.minimum == 0), bits(self.dtype))
        function = layer.function(
            "mul",
            f"static void @(const struct nn_mul_short *l, {kind} *a, {kind} *b, {kind[6:]} *output) {{\n"
            "    (void)b;\n"
            f"    nn_mul_short(l, a, {'NULL' if any(single) else 'b'}, output, {', '.join(map(str, arguments))});\n}}\n",
        )
        order = (1, 0) if single[0] else (0, 1)
        value = self.constants[order[1]]
        constant = 2 * (int(value.ravel()[0]) - self.zero_points[order[1]]) if any(single) and value is not None else 0
        steps = (self.walk.steps[order[0]], self.walk.steps[order[1]])
        zero_points = f"{{{self.zero_points[order[0]]}, {self.zero_points[order[1]]}}}"
        addend = (1 << (shift - 1)) + (self.requantisation.zero_point << shift)
        parameters = layer.parameters(
            "nn_mul_short",
            {
                "shape": Repeat(self.walk.lines, self.walk.length, steps).initialiser(),
                "zero_point": zero_points,
                "constant": constant,
                "output": f"{{{self.requantisation.multipliers[0]}, {addend}, {shift}}}",
            },
        )
        pointers = self.operands(layer)
        layer.call(function, parameters, pointers[order[0]], pointers[order[1]], layer.output)


def shorten(node: Mul) -> MulShort | None:
    """The short form, or None where it does not apply or would not be exact."""
    walk, rescale = node.repeat, node.requantisation
    limits = (rescale.minimum, rescale.maximum)
    right = -rescale.shifts[0]
    if walk is None or limits not in ((CODES, POSITIVE_CODES) if node.dtype == "int16" else (CODES_8,)):
        return None
    # A shift of 0 would add the half unit that the kernel takes off negative results.
    if not 1 <= right <= 31 or abs(rescale.zero_point << right) >= 1 << 30:
        return None
    lowest = [values.min() if values is not None else np.iinfo(node.dtype).min for values in node.constants]
    single = any(values is not None and values.size == 1 for values in node.constants)
    # The one product whose double leaves 32 bits, and saturates.
    if node.dtype == "int16" and lowest[0] == lowest[1] == -32768:
        rounded = (((1 << 31) - 1) * rescale.multipliers[0] + (1 << 31) >> 32) + (1 << (right - 1)) >> right
        exact = multiply(1 << 30, rescale.multipliers[0], -right)
        if single or min(rounded, rescale.maximum) != min(exact, rescale.maximum):
            return None
    return MulShort(**vars(node), walk=walk)
