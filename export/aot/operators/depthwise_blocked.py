"""DEPTHWISE_CONV_2D four outputs of a line at a time, for cores without the DSP extension."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_plane import MOST_WORDS, DepthwisePlane, Taps, plane_fields, upright
from export.aot.output_form import OutputForm, choose
from export.aot.short_requantisation import accumulators
from export.aot.weights import folded_bias


@dataclass(frozen=True)
class DepthwiseBlocked(DepthwisePlane):
    form: OutputForm

    def emit(self, layer: Layer) -> None:
        self.call(layer, "depthwise_blocked", self._stream())

    def _stream(self) -> NDArray[np.uint32]:
        channels = self.weights.shape[2]
        taps = self.weights.reshape(-1, channels).T
        padded = np.pad(taps, ((0, 0), (0, -taps.shape[1] % 4)))
        words = np.ascontiguousarray(padded).view(np.uint32)
        bias = np.asarray(self.bias, np.int32).view(np.uint32)[:, None]
        return np.concatenate([words, bias, self.form.words], axis=1)


def block(node: DepthwiseConv2D) -> DepthwiseBlocked | None:
    """The blocked form, or None for very large kernels and where accumulators could leave 32 bits."""
    bias = folded_bias(node.weights, node.bias, node.input_zero_point, axis=2)
    form = choose(node.requantisation, *accumulators(node.weights, bias, axis=2))
    swap = upright(node)
    second = 0 if swap else 1
    columns, dilation = node.weights.shape[second], node.window.dilation[second]
    rows = node.weights.shape[1 - second]
    taps = Taps(columns, dilation, (columns - 1) * dilation + 1, words=-(-rows * columns // 4))
    if form is None or taps.words > MOST_WORDS:
        return None
    return DepthwiseBlocked(**plane_fields(node, bias, form.constant, taps, form.name, swap), form=form)
