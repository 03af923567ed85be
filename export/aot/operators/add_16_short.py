"""ADD and SUB in int16 with short requantisations."""

from dataclasses import dataclass

from export.aot.fixed_point import multiply
from export.aot.layer import Layer
from export.aot.operators.add import HALF, HEADROOM_16, Sum
from export.aot.operators.binary import Repeat
from export.aot.short_requantisation_16 import CODES, POSITIVE_CODES


@dataclass(frozen=True)
class Add16Short(Sum):
    """`shifted` is the operand of the larger scale, `walk` how both are read."""

    shifted: int
    walk: Repeat

    def emit(self, layer: Layer) -> None:
        layer.kernel("add_16_short.h")
        scaled = 1 - self.shifted
        signs = (1, 1 if self.op == "ADD" else -1)
        right, shift = -self.shifts[scaled], -self.requantisation.shifts[0]
        arguments = (signs[self.shifted], signs[scaled], right, shift, int(self.requantisation.minimum == 0))
        names = ("shifted" if self._single(self.shifted) is None else "NULL",
                 "scaled" if self._single(scaled) is None else "NULL")  # fmt: skip
        function = layer.function(
            self.op.lower(),
            "static void @(const struct nn_add_16_short *l, const int16_t *shifted, const int16_t *scaled, int16_t *output) {\n"
            "    (void)shifted, (void)scaled;\n"
            f"    nn_add_16_short(l, {', '.join(names)}, output, {', '.join(map(str, arguments))});\n}}\n",
        )
        values = [self._single(which) for which in (0, 1)]
        constants = [
            2 * signs[which] * multiply(value << HEADROOM_16, self.multipliers[which], self.shifts[which])
            for which, value in enumerate(values)
            if value is not None
        ]
        steps = (self.walk.steps[self.shifted], self.walk.steps[scaled])
        parameters = layer.parameters(
            "nn_add_16_short",
            {
                "shape": Repeat(self.walk.lines, self.walk.length, steps).initialiser(),
                "multiplier": self.multipliers[scaled],
                "constant": sum(constants),
                "output": f"{{{self.requantisation.multipliers[0]}, {1 << (shift - 1)}, {shift}}}",
            },
        )
        if values == [None, None]:
            pointers = self.operands(layer)
        else:  # the single constant is among the parameters, so the other operand is the only input
            pointers = [layer.inputs[0] if value is None else "NULL" for value in values]
        layer.call(function, parameters, pointers[self.shifted], pointers[scaled], layer.output)

    def _single(self, which: int) -> int | None:
        """The value of an operand that is one constant."""
        values = self.constants[which]
        return int(values.ravel()[0]) if values is not None and values.size == 1 else None


def shorten(node: Sum) -> Add16Short | None:
    """The short form, or None where it does not apply or would not be exact."""
    walk = node.repeat
    limits = (node.requantisation.minimum, node.requantisation.maximum)
    if node.dtype != "int16" or walk is None or limits not in (CODES, POSITIVE_CODES):
        return None
    shifted = list(zip(node.multipliers, node.shifts, strict=True)).index(HALF)
    # A shift of 0 would add the half unit that the kernel takes off negative results.
    if not 1 <= -node.requantisation.shifts[0] <= 30:
        return None
    return Add16Short(**vars(node), shifted=shifted, walk=walk)
