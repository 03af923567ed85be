"""Images: one inference a sample. See `export.kind`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Quantisation
from export import interface
from export.convert import to_float_tflite
from export.edges import int8_edges
from export.float_model import FloatModel
from export.kind import LOGITS, Activations, Answers, Kind, Part, Quantized, Trained, described
from export.micro import Micro
from export.quantize import calibrate, quantize, to_codes

if TYPE_CHECKING:
    from train.models.classifier import Classifier

CALIBRATED_ON: Final = 4096  # images; the float model takes 4 ms for one of 32x32 with 4 M multiply-accumulates


class Still(Kind):
    def __init__(self, trained: Trained) -> None:
        """A router reads what the head sees, which then is one more output."""
        if trained.router is not None:
            from export.with_features import WithFeatures

            trained = replace(trained, model=cast("Classifier", WithFeatures(trained.model).eval()))
        super().__init__(trained)

    def quantize(self, log: Path, activations: str | None) -> Quantized:
        """Ranges are from the train split, of a large one from samples spread evenly over it; int8 unless asked for
        otherwise."""
        trained, model = self.trained, self.trained.model
        shape = (1, *trained.checkpoint.input_shape)
        converted = to_float_tflite(model, (model.input_name,), model.output_names, (shape,), log)
        probe = np.random.default_rng(0).random(shape, dtype=np.float32)
        floating = interface.arrange(converted, {model.input_name: probe}, trained.run(probe))
        images = _channels_last(trained.parts["train"])
        ranges = calibrate(FloatModel(floating).run(images[:: max(1, len(images) // CALIBRATED_ON)]))
        ranges[model.input_name] = trained.checkpoint.input_range  # known, not estimated
        chosen = activations or "int8"
        content = quantize(floating, ranges, chosen)
        if chosen != "int8":
            inputs, outputs = (
                {name: ranges[name] for name in names} for names in ([model.input_name], model.output_names)
            )
            content = int8_edges(content, inputs, outputs)
        reason = "asked for" if activations else "no state, in which rounding could add up"
        return described(floating, content, log.with_name("model.tflite"), Quantisation(chosen, reason, ()))

    def codes(self, quantized: Quantized, part: Part) -> NDArray[np.int8]:
        return to_codes(_channels_last(part), quantized.inputs[0])

    def answers(self, quantized: Quantized, codes: NDArray[np.int8]) -> Answers:
        said = Micro(quantized.content).run(codes)
        return {tensor.name: of[:, np.newaxis] for tensor, of in zip(quantized.outputs, said, strict=True)}

    def inputs(self, quantized: Quantized, codes: NDArray[np.int8]) -> tuple[NDArray[Any], ...]:
        return (codes,)

    def activations(self, quantized: Quantized, part: Part) -> Iterator[tuple[Activations, Activations]]:
        micro = Micro(quantized.content, keep_tensors=True)
        real = FloatModel(quantized.floating).run(_channels_last(part))
        for sample, activations in zip(self.codes(quantized, part), real, strict=True):
            micro.call(sample[np.newaxis])
            yield activations, micro.activations()

    def float_logits(self, floating: bytes, part: Part) -> NDArray[np.float32]:
        return np.concatenate([real[LOGITS] for real in FloatModel(floating).run(_channels_last(part))])


def _channels_last(part: Part) -> NDArray[np.float32]:
    """The images as the .tflite takes them: [N, H, W, C]."""
    return np.ascontiguousarray(interface.channels_last(part.images))
