"""Float .tflite to integers, with ranges that are ours to see and to change.

    ranges = calibrate(FloatModel(content).run(images))     # {"image": (0.0, 1.0), "conv_2d_0": (0.0, 3.1), ...}
    ranges["image"] = (0.0, 1.0)                            # any range can be imposed
    content = quantize(content, ranges)

Weights are symmetric with a scale for each output channel, activations asymmetric with one scale a tensor; real = scale
* (code - zero_point) (Jacob et al. 2018, arXiv 1712.05877, equation 1). Activations of 16 bits (16x8) are symmetric. A
range is the least and the largest value seen: the quantizer's default, a moving average, collapses for tensors of a
single value, and clips.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Tensor
from export import flatbuffer
from export.errors import ExportError

Ranges = dict[str, tuple[float, float]]  # tensor -> least and largest value

INT8: Final = (-128, 127)

RECIPES: Final = {
    "int8": "static_wi8_ai8",
    "int16": "static_wi8_ai16",
}  # ai_edge_quantizer's, by type of the activations


def calibrate(inferences: Iterable[Mapping[str, NDArray[Any]]]) -> Ranges:
    """Range of every activation over inferences of the float model (export.float_model)."""
    ranges: Ranges = {}
    for activations in inferences:
        for name, values in activations.items():
            least, largest = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (min(least, float(values.min())), max(largest, float(values.max())))
    return ranges


def quantize(content: bytes, ranges: Ranges, activations: str = "int8") -> bytes:
    """Float .tflite to int8 weights and to inputs, outputs and activations of one of RECIPES.

    Raises ExportError if a tensor lacks a range, a range lacks a tensor, or an operator stays in float.
    """
    from ai_edge_quantizer import quantizer, recipe

    tensors = {tensor.name.decode(): tensor for tensor in flatbuffer.unpack(content).subgraphs[0].tensors}
    statistics: dict[str, dict[str, Any]] = {}
    for name, extremes in ranges.items():
        if name not in tensors:
            raise ExportError(
                f"a range is given for {name!r}, which is no tensor of the model.",
                f"Known: {', '.join(sorted(tensors))}.",
            )
        shape = (1,) * len(tensors[name].shape)  # the quantizer broadcasts them over the tensor
        least, largest = (np.full(shape, value, np.float32) for value in extremes)
        statistics[name] = {"min": least, "max": largest}
    try:
        with _quiet():
            result = quantizer.Quantizer(bytearray(content), getattr(recipe, RECIPES[activations])()).quantize(
                statistics
            )
    except (ValueError, KeyError, RuntimeError) as error:
        raise ExportError(
            f"ai-edge-quantizer could not quantise the model ({error}).",
            "Calibrate every tensor; if it names an operator, use one that it quantises.",
        ) from None
    model = flatbuffer.unpack(bytes(result.quantized_model))
    _check_integer(model)
    return flatbuffer.pack(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what LiteRT, which the quantizer starts, says of delegates and memory: to warnings, and to descriptor 2 from
    C++."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _check_integer(model: Any) -> None:
    from ai_edge_litert.schema_py_generated import TensorType

    for tensor in model.subgraphs[0].tensors:
        if tensor.type == TensorType.FLOAT32:
            raise ExportError(
                f"tensor {tensor.name.decode()!r} is still float32 after quantisation.",
                "Replace its operator by one that ai-edge-quantizer quantises.",
            )


def to_codes(values: NDArray[np.float32], tensor: Tensor) -> NDArray[np.int8]:
    """Real values to int8 codes, to nearest with halves away from zero as TFLite's QUANTIZE rounds; clipped to int8."""
    scaled = values / np.float32(tensor.scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    codes: NDArray[np.int8] = np.clip(rounded + tensor.zero_point, *INT8).astype(np.int8)
    return codes


def to_real(codes: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.float32]:
    """Codes to the real values they stand for."""
    return ((codes.astype(np.int32) - zero_point) * np.float32(scale)).astype(np.float32)


def range_of(tensor: Tensor) -> tuple[float, float]:
    """The range that quantises to this tensor's scale and zero point."""
    limits = np.iinfo(tensor.dtype)
    least = int(-limits.max if tensor.dtype == "int16" else limits.min)  # 16 bits are symmetric
    return tensor.scale * (least - tensor.zero_point), tensor.scale * (int(limits.max) - tensor.zero_point)
