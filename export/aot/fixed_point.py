"""The fixed-point arithmetic of TensorFlow Lite Micro's reference kernels, at compile time.

A real multiplier m becomes a mantissa q in [2^30, 2^31) and a shift s with m = q * 2^(s - 31); the kernels then scale
an int32 accumulator by it with two roundings (`firmware/lib/nn/requantise.h`). Every float in the file is a float32,
and the last bit of a product or quotient of scales decides bit-exactness: they are doubles, but for activation ranges,
which are float32. (The sources of TensorFlow Lite Micro as of August 2026 round to float32 in SUB, RELU, HARD_SWISH and
per-tensor FULLY_CONNECTED, too. The interpreter of the wheel does not: tests/aot/test_rounding.py tells both apart.)
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from export.graph import GraphError, Tensor

# FusedActivationFunction of the schema.
NONE: Final = 0
RELU: Final = 1
RELU_N1_TO_1: Final = 2
RELU6: Final = 3

INT32: Final = 1 << 31


@dataclass(frozen=True)
class Requantisation:
    """From an int32 accumulator to a code. `multipliers` and `shifts` hold one entry, or one an output channel."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    zero_point: int
    minimum: int
    maximum: int


def quantize_multiplier(multiplier: float) -> tuple[int, int]:
    """Real multiplier >= 0 to (mantissa, shift); below 2^-32 both are 0, as in QuantizeMultiplier.

    Raises GraphError above 2^30, where the kernels' left shift would leave 32 bits.
    """
    if multiplier == 0:
        return 0, 0
    fraction, shift = math.frexp(multiplier)
    mantissa = math.floor(fraction * (1 << 31) + 0.5)
    if mantissa == 1 << 31:
        mantissa, shift = mantissa // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise GraphError(f"a rescaling by {multiplier:g} is beyond 2^30.", "Check the scales of the model's tensors.")
    return mantissa, shift


def multiply(value: int, mantissa: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier: rounded half up at bit 31, then half away from zero at bit -shift."""
    left, right = max(shift, 0), max(-shift, 0)
    high = (wrap(value << left) * mantissa + (1 << 30)) >> 31
    return divide_by_power(high, right)


def divide_by_power(value: int, exponent: int) -> int:
    """Divide by 2^exponent, rounded half away from zero (RoundingDivideByPOT)."""
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


def wrap(value: int, bits: int = 32) -> int:
    """The signed integer of `bits` bits that a register keeps of a value."""
    half = 1 << (bits - 1)
    return ((value + half) & (2 * half - 1)) - half


def requantise(values: Requantisation, accumulator: int) -> int:
    """The code of an accumulator, as nn_requantise_code of firmware/lib/nn/requantise.h computes it."""
    scaled = wrap(multiply(accumulator, values.multipliers[0], values.shifts[0]) + values.zero_point)
    return min(max(scaled, values.minimum), values.maximum)


def requantised(values: Requantisation, low: int, high: int, channel: int) -> tuple[int, int]:
    """Least and greatest code of a channel's accumulators within `low` .. `high`.

    Codes do not decrease with the accumulator, as long as nothing wraps; where something might, any code is possible.
    """
    entry = channel if len(values.multipliers) > 1 else 0
    multiplier, shift = values.multipliers[entry], values.shifts[entry]
    if max(-low, high) << max(shift, 0) >= INT32 - 256:  # 256: room for the zero point
        return values.minimum, values.maximum
    alone = replace(values, multipliers=(multiplier,), shifts=(shift,))
    return requantise(alone, low), requantise(alone, high)


def activation_range(activation: int, output: Tensor) -> tuple[int, int]:
    """Smallest and largest code of an output with a fused activation (CalculateActivationRangeQuantized)."""
    limits = np.iinfo(output.dtype)
    low, high = int(limits.min), int(limits.max)

    def code(value: float) -> int:
        # f / scale is a float32 division, rounded half away from zero.
        quotient = float(np.float32(value) / np.float32(output.scale))
        if abs(quotient) >= 1 << 31:
            raise GraphError(f"{value:g} is no int32 code on the scale {output.scale:g} of {output.name!r}.",
                             "Calibrate the output's range: TensorFlow Lite Micro stops at this model, too.")  # fmt: skip
        return output.zero_point + math.floor(abs(quotient) + 0.5) * (1 if quotient >= 0 else -1)

    if activation == NONE:
        return low, high
    if activation == RELU:
        return max(low, code(0.0)), high
    if activation == RELU6:
        return max(low, code(0.0)), min(high, code(6.0))
    if activation == RELU_N1_TO_1:
        return max(low, code(-1.0)), min(high, code(1.0))
    raise GraphError(
        f"{output.name!r} has the fused activation {activation} of the schema, which TensorFlow Lite Micro does not run.",
        "Use no activation, RELU, RELU6 or RELU_N1_TO_1.",
    )


def channel_requantisation(source: Tensor, weights: Tensor, output: Tensor, activation: int) -> Requantisation:
    """Multipliers of convolutions and fully connected layers, per output channel or for all of them."""
    assert weights.quantization is not None
    pairs = [quantize_multiplier(source.scale * scale / output.scale) for scale in weights.quantization.scales]
    minimum, maximum = activation_range(activation, output)
    return Requantisation(
        tuple(mantissa for mantissa, _ in pairs),
        tuple(shift for _, shift in pairs),
        output.zero_point,
        minimum,
        maximum,
    )
