"""A model from elsewhere, in a file or behind a server, as a large model: what it calls its tensors is looked up, how
it has them is found out.

    large = load("large.onnx", inputs, outputs, infer, options, manifest)

`infer(input, output, values)` runs it: values [N, ...] of the input to values [N, ...] of the output. It raises
NoAnswer if it cannot. The classes are those of the manifest, in their order: nobody but the person who names the model
can know that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from host.backend import NoAnswer, layout
from host.backend.layout import Layout
from host.backend.spec import LOGITS, PROBABILITIES, Options
from host.errors import HostError

ROWS: Final = 32
"""Samples in one request, at most: more gain little, and a whole test split in one may be more than a server takes."""

PROBES: Final = 4
"""Pseudo-random samples from whose answers we tell probabilities from logits."""

TOLERANCE: Final = 1e-3
"""By how much probabilities may miss 1: float16 has 11 bits, and a sum of some hundred of them is a few parts in 10,000
off."""


@dataclass(frozen=True)
class Tensor:
    """An input or output as the model declares it: `shape` [N, ...], None for any size; `dtype` is NumPy's, None if it
    is no floating-point type that we can send; `datatype` is its name in errors."""

    name: str
    shape: tuple[int | None, ...]
    datatype: str
    dtype: str | None


Infer = Callable[[Tensor, Tensor, NDArray[Any]], NDArray[Any]]


class Foreign:
    """See host.backend.LargeModel."""

    def __init__(
        self, infer: Infer, source: Tensor, output: Tensor, arrangement: Layout, classes: int, softmax: bool
    ) -> None:
        self._infer = infer
        self._input = source
        self._output = output
        self._layout = arrangement
        self._rows = source.shape[0] or ROWS
        self._classes = classes
        self._softmax = softmax

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        answers = self.raw(samples)
        if not np.isfinite(answers).all():
            raise NoAnswer("its answer has numbers that are not finite")
        if self._softmax:
            powers = np.exp(answers - answers.max(axis=1, keepdims=True))
            answers = powers / powers.sum(axis=1, keepdims=True)
        return np.clip(answers, 0.0, 1.0)

    def raw(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the model says, [N, classes]."""
        values = self._layout.arrange(samples).astype(self._input.dtype, copy=False)
        parts = [self._part(values[at : at + self._rows]) for at in range(0, len(values), self._rows)]
        return np.concatenate(parts)

    def _part(self, values: NDArray[Any]) -> NDArray[np.float32]:
        answers = self._infer(self._input, self._output, values)
        if answers.shape != (len(values), self._classes):
            raise NoAnswer(
                f"its output {self._output.name!r} is {list(answers.shape)} for {len(values)} samples, expected {[len(values), self._classes]}"
            )
        return answers.astype(np.float32)


def load(
    where: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], infer: Infer, options: Options, manifest: Manifest
) -> Foreign:
    """Try the model and come to terms with it. Raises HostError, in which `where` names it, if that is no model for
    these samples."""
    source, output = _input(where, inputs), _output(where, outputs, options.tensor, len(manifest.classes))
    arrangement = layout.fit(source.shape, manifest, options.layout, where)
    sample = manifest.inputs[0].shape[1:]
    shape = sample if manifest.stream is None else (manifest.stream.steps, *sample)
    probes = np.random.default_rng(0).random((PROBES, *shape), dtype=np.float32)
    classes = len(manifest.classes)
    try:
        answers = Foreign(infer, source, output, arrangement, classes, softmax=False).raw(probes)
    except NoAnswer as reason:
        raise HostError(
            f"{where}: it was given {PROBES} samples to try it: {reason}.", "See what it logs, or take another model."
        ) from None
    probabilities = _are_probabilities(answers)
    if options.output == PROBABILITIES and not probabilities:
        raise HostError(
            f"{where}: its answers are no probabilities: they lie between {answers.min():.4g} and {answers.max():.4g}, and the first sums to "
            f"{answers[0].sum():.4g}.",
            f"Say output={LOGITS} if they are logits.",
        )
    softmax = not probabilities if options.output is None else options.output == LOGITS
    return Foreign(infer, source, output, arrangement, classes, softmax)


def _input(where: str, inputs: Sequence[Tensor]) -> Tensor:
    if len(inputs) != 1:
        raise HostError(
            f"{where}: it declares {len(inputs)} inputs{_names(inputs)}, and a sample is one tensor.",
            "Take a model with one input, or declare it (MLServer: `inputs` in model-settings.json).",
        )
    source = inputs[0]
    if source.dtype is None:
        raise HostError(
            f"{where}: its input {source.name!r} is {source.datatype}, and samples are floating-point numbers.",
            "Put the conversion into the model.",
        )
    if not source.shape or source.shape[0] not in (None, 1):
        raise HostError(
            f"{where}: its input is {layout.described(source.shape)}, expected a first dimension of any size or of 1, for the batch.",
            "Write the model with a dynamic batch.",
        )
    return source


def _output(where: str, outputs: Sequence[Tensor], wanted: str | None, classes: int) -> Tensor:
    """The output with the classes."""
    named = [tensor for tensor in outputs if wanted in (None, tensor.name)]
    if not named:
        asked = f"no output {wanted!r}" if wanted else "no output"
        raise HostError(
            f"{where}: it declares {asked}{_names(outputs)}.",
            "Name one that it has with ?tensor=NAME, or declare it (MLServer: `outputs` in model-settings.json).",
        )
    shapes = ((None, classes), (1, classes), (None, None), (1, None), ())  # () is one that is not declared
    fitting = [tensor for tensor in named if tensor.dtype and tensor.shape in shapes]
    if not fitting:
        found = ", ".join(f"{tensor.name!r} is {tensor.datatype} {layout.described(tensor.shape)}" for tensor in named)
        raise HostError(
            f"{where}: its output {found}, expected floating-point numbers [any, {classes}], one for each class of the manifest.",
            "Take a model of these classes.",
        )
    if len(fitting) > 1:
        raise HostError(
            f"{where}: {len(fitting)} of its outputs could be the classes{_names(fitting)}.",
            "Say which with ?tensor=NAME.",
        )
    return fitting[0]


def _are_probabilities(answers: NDArray[np.float32]) -> bool:
    return bool((answers >= 0.0).all()) and all(
        math.isclose(total, 1.0, abs_tol=TOLERANCE) for total in answers.sum(axis=1).tolist()
    )


def _names(tensors: Sequence[Tensor]) -> str:
    return f" ({', '.join(tensor.name for tensor in tensors)})" if tensors else ""
