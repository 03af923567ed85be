"""FULLY_CONNECTED in blocks of eight outputs, for cores without the DSP extension."""

from dataclasses import dataclass
from typing import Final

from export.aot.layer import Layer
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.fully_connected_rows import OCTET, FullyConnectedRows, row_fields
from export.aot.output_form import OutputForm, blocked_stream, choose
from export.aot.short_requantisation import accumulators
from export.aot.weights import folded_bias

UNIT: Final = 8  # inputs that the kernel takes at once


@dataclass(frozen=True)
class FullyConnectedBlocked(FullyConnectedRows):
    form: OutputForm

    @property
    def scratch_bytes(self) -> int:
        """A row, where it could be read past the end of the arena."""
        return self.weights.shape[1] if self.input_count % UNIT else 0

    def emit(self, layer: Layer) -> None:
        words = blocked_stream(self.weights, self.bias, self.form.words, OCTET)
        self.call(layer, "fully_connected_blocked", f"nn_blocked_1x8_{self.form.name}", words, words.shape[1])


def block(dense: FullyConnected) -> FullyConnectedBlocked | None:
    """The blocked form, or None for weights with a zero point and where accumulators could leave 32 bits."""
    bias = folded_bias(dense.weights, dense.bias, dense.input_zero_point)
    form = choose(dense.requantisation, *accumulators(dense.weights, bias))
    if form is None or dense.weights_zero_point:
        return None
    return FullyConnectedBlocked(**row_fields(dense, bias, form.constant, UNIT), form=form)
