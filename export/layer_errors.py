"""How far each layer of the quantised model is from the float one.

    for layer in measure(graph, kind.activations(quantized, part)): print(layer.name, layer.sqnr_db)

Both models run on the same samples from the start, so an error includes what the layers before, and the frames before,
have passed on: the layer to look at is the one where the figure drops. The codes are TensorFlow Lite Micro's own.
"""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.edges import INSIDE
from export.graph import Graph, Tensor
from export.kind import Activations
from export.quantize import to_real


@dataclass(frozen=True)
class LayerError:
    """The output of one operator over all samples.

    `sqnr_db` is the signal-to-quantisation-noise ratio, 10 log10(sum x^2 / sum (x - x')^2), None if there is no noise
    at all; `max_error` the largest |x - x'|, in the tensor's unit; `clipped` the share of float values that lie more
    than half a step outside of what the codes can express.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    scale: float
    sqnr_db: float | None
    max_error: float
    clipped: float


class _Sums:
    """Running sums of one tensor over the samples."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.signal, self.noise, self.max_error, self.clipped, self.count = 0.0, 0.0, 0.0, 0, 0
        half, limits = tensor.scale / 2, np.iinfo(tensor.dtype)
        self.least, self.largest = (
            tensor.scale * (int(code) - tensor.zero_point) + sign * half
            for code, sign in ((limits.min, -1), (limits.max, 1))
        )

    def add(self, real: NDArray[np.float32], codes: NDArray[Any]) -> None:
        error = real.astype(np.float64) - to_real(codes, self.tensor.scale, self.tensor.zero_point)
        self.signal += float(np.sum(real.astype(np.float64) ** 2))
        self.noise += float(np.sum(error**2))
        self.max_error = max(self.max_error, float(np.abs(error).max()))
        self.clipped += int(np.count_nonzero((real < self.least) | (real > self.largest)))
        self.count += real.size

    def result(self, op: str) -> LayerError:
        # A tensor of zeros has no signal: the smallest float64 stands for it, as JSON has no infinity.
        sqnr = 10 * math.log10(max(self.signal, sys.float_info.min) / self.noise) if self.noise else None
        tensor = self.tensor
        return LayerError(tensor.name, op, tensor.shape, tensor.scale, sqnr, self.max_error, self.clipped / self.count)


def measure(graph: Graph, inferences: Iterable[tuple[Activations, Activations]]) -> tuple[LayerError, ...]:
    """The model's input and every operator's output, in order of execution.

    Each inference gives the activations of the float model and those of the quantised one, which `graph` describes.
    Tensors are paired by name.
    """
    layers = [("INPUT", graph.tensors[graph.inputs[0]])]
    layers += [(operator.op, graph.tensors[operator.outputs[0]]) for operator in graph.operators]
    sums = [_Sums(tensor) for _, tensor in layers]
    for real, codes in inferences:
        for total in sums:
            name = total.tensor.name
            total.add(real[name.removesuffix(INSIDE)], codes[name])
    return tuple(total.result(op) for (op, _), total in zip(layers, sums, strict=True))
