"""CONV_2D in blocks of two output pixels and four channels, for cores without the DSP extension."""

from dataclasses import dataclass

from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_panel import QUAD, Conv2DPanel, panel_fields
from export.aot.output_form import OutputForm, blocked_stream, choose
from export.aot.short_requantisation import accumulators
from export.aot.weights import folded_bias


@dataclass(frozen=True)
class Conv2DBlocked(Conv2DPanel):
    form: OutputForm

    @property
    def panel_bytes(self) -> int:
        return 2  # int8 of two pixels

    def emit(self, layer: Layer) -> None:
        matrix = self.weights.reshape(len(self.weights), -1)
        words = blocked_stream(matrix, self.bias, self.form.words, QUAD)
        self.call(layer, "conv_2d_blocked", f"nn_blocked_2x4_{self.form.name}", words)


def block(conv: Conv2D) -> Conv2DBlocked | None:
    """The blocked form, or None for grouped convolutions and where accumulators could leave 32 bits."""
    if conv.weights.shape[3] != conv.input_channels:
        return None
    bias = folded_bias(conv.weights, conv.bias, conv.input_zero_point)
    form = choose(conv.requantisation, *accumulators(conv.weights, bias))
    return Conv2DBlocked(**panel_fields(conv, bias, form.constant), form=form) if form else None
