"""What a sample looks like: its codes as grey levels, colours, a spectrogram or a trace.

    picture = of(began, sampled.codes)
    picture.kind, picture.levels.shape        # "image", (8, 8, 1)

A code c stands for scale * (c - zero_point); `low` .. `high` of the session become the levels 0 .. 255, what is beyond
them saturates. How a level is painted is the view's affair.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from host.events import Began

TRACES_MAX: Final = 8
"""Frames of more values than this are a spectrogram; up to it each value is a line of its own."""


@dataclass(frozen=True)
class Picture:
    """Levels 0 .. 255 by kind:

    image        [H, W, C], C is 1 (grey) or 3 (red, green, blue)
    spectrogram  [F, T, 1], time from left to right, the frame's last value at the top
    trace        [F, T, 1], one line for each row, time from left to right; of a sample without state one line [1, F, 1]
    """

    kind: str
    levels: NDArray[np.uint8]


def of(began: Began, codes: bytes) -> Picture | None:
    """The picture of a sample, None if its codes are unknown (it is still on its board) or not of the session's
    shape."""
    values = np.frombuffer(codes, {"int8": "<i1", "int16": "<i2"}[began.dtype]) if _whole(began, codes) else None
    if values is None:
        return None
    real = began.scale * (values.astype(np.float32) - began.zero_point)
    levels = np.clip((real - began.low) / (began.high - began.low) * 255 + 0.5, 0, 255).astype(np.uint8)
    if began.steps:
        frames = levels.reshape(-1, math.prod(began.shape)).T
        if len(frames) > TRACES_MAX:
            return Picture("spectrogram", frames[::-1, :, np.newaxis])
        return Picture("trace", frames[:, :, np.newaxis])
    sides = [side for side in began.shape[1:] if side > 1]
    if len(sides) < 2:
        return Picture("trace", levels.reshape(1, -1, 1))
    height, width, *channels = (*began.shape[1:], 1)[:3]
    levels = levels.reshape(height, width, -1)
    return Picture("image", levels if channels == [3] else levels[:, :, :1])


def resized(levels: NDArray[Any], axis: int, size: int) -> NDArray[np.float64]:
    """Levels repeated to more, or averaged to less, along one axis."""
    values, length = levels.astype(np.float64), levels.shape[axis]
    first = np.arange(size) * length // size
    if size >= length:
        return values.take(first, axis)
    counts = np.diff(np.append(first, length))
    sums: NDArray[np.float64] = np.add.reduceat(values, first, axis)
    means: NDArray[np.float64] = sums / counts.reshape([-1 if index == axis else 1 for index in range(levels.ndim)])
    return means


def _whole(began: Began, codes: bytes) -> bool:
    """Whether the codes are one sample, or whole frames of a sequence."""
    size = math.prod(began.shape) * {"int8": 1, "int16": 2}[began.dtype]
    return bool(codes) and (len(codes) % size == 0 if began.steps else len(codes) == size)
