"""Input codes and the real values that they stand for: real = scale * (code - zero_point)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Tensor


def codes_of(values: NDArray[np.float32], manifest: Manifest) -> bytes:
    """Codes of values in [0, 1], as data sets have them: those of a sequence's frames are stretched to what the model
    was trained on."""
    stream = manifest.stream
    real = values if stream is None else stream.low + (stream.high - stream.low) * values
    return quantise(real.astype(np.float32), manifest.inputs[0])


def quantise(values: NDArray[np.float32], tensor: Tensor) -> bytes:
    """Codes of real values [...]: to the nearest, halves away from zero, clipped to the type, as the export makes its
    own."""
    limits = np.iinfo(tensor.dtype)
    scaled = values.astype(np.float32) / np.float32(tensor.scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    codes: NDArray[Any] = np.clip(rounded + tensor.zero_point, limits.min, limits.max).astype(tensor.dtype)
    return codes.tobytes()


def dequantise(codes: bytes, tensor: Tensor) -> NDArray[np.float32]:
    """Real values [N, ...] of the codes of one or more samples."""
    numbers = np.frombuffer(codes, dtype=tensor.dtype).reshape(-1, *tensor.shape[1:])
    return (np.float32(tensor.scale) * (numbers.astype(np.float32) - np.float32(tensor.zero_point))).astype(np.float32)
