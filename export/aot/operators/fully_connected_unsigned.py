"""FULLY_CONNECTED in blocks of eight outputs, with unsigned weights, for Armv6-M."""

from dataclasses import dataclass

from export.aot.layer import Layer
from export.aot.operators.fully_connected_blocked import FullyConnectedBlocked
from export.aot.operators.fully_connected_rows import OCTET
from export.aot.output_form import blocked_stream
from export.aot.weights import unsigned


@dataclass(frozen=True)
class FullyConnectedUnsigned(FullyConnectedBlocked):
    def emit(self, layer: Layer) -> None:
        words = blocked_stream(unsigned(self.weights), self.bias, self.form.words, OCTET)
        self.call(layer, "fully_connected_unsigned", f"nn_unsigned_1x8_{self.form.name}", words, words.shape[1])
