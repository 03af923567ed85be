"""The pseudo-random inputs of a benchmark: the same bytes as bench/harness.c makes on the board."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

SEED: Final = 0x2545F491  # any number but 0


def stream(seed: int = SEED) -> Iterator[int]:
    """Low bytes of xorshift32 (Marsaglia 2003, "Xorshift RNGs", triple 13, 17, 5)."""
    state = seed
    while True:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield state & 0xFF


def take(source: Iterator[int], shape: tuple[int, ...], dtype: str) -> NDArray[np.generic]:
    """The next bytes of the stream as a tensor."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(bytes(next(source) for _ in range(count)), dtype).reshape(shape)
