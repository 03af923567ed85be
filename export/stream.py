"""Sequences: a recurrent model as one time step, whose state is fed back from one frame to the next. See `export.kind`.

Inputs are (frame, *state), outputs (logits, *others that the gate reads, *next state). A state's input and output get
one range, the union of both, so that they share scale and zero point and feeding back is a copy: with a scale of its
own each, every step would multiply the state by their ratio.

An int8 state cannot hold small increments: with h + eta d where eta d is less than half a step of the scale, the state
freezes. So both are made, int8 and 16x8, run over the validation split, and int8 is taken only if it loses little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Candidate, Quantisation, State, Stream, Tensor
from export import interface
from export.convert import to_float_tflite
from export.edges import int8_copy, int8_edges
from export.errors import ExportError
from export.float_model import FloatModel
from export.kind import FEATURES, LOGITS, Activations, Answers, Kind, Part, Quantized, Trained, described
from export.micro import Micro
from export.quantize import RECIPES, Ranges, calibrate, quantize, range_of, to_codes

if TYPE_CHECKING:
    from train.models.recurrent import Recurrent

INT8_MAY_LOSE: Final = 0.005  # of accuracy on the validation split, to be preferred for its smaller state
CALIBRATED_ON: Final = 300  # sequences of the train split: more do not move the extremes of thousands of frames
COMPARED_ON: Final = 50  # sequences of the validation split, for the table of layers and for what freezes

FRAME: Final = "frame"


class Sequences(Kind):
    def __init__(self, trained: Trained) -> None:
        from train.models.recurrent import OneStep, Recurrent

        super().__init__(trained)
        self.model = cast("Recurrent", trained.model)
        assert isinstance(self.model, Recurrent)
        self.step: OneStep = OneStep(self.model).eval()

    @property
    def states(self) -> tuple[State, ...]:
        return tuple(State(before, after) for before, after in self.step.states)

    @property
    def stream(self) -> Stream:
        low, high = self.model.input_range
        steps = self.model.input_shape[1]
        return Stream(steps, min(self.trained.gate.minimum_steps, steps), low, high, self.trained.data.features)

    def quantize(self, log: Path, activations: str | None) -> Quantized:
        candidates = self.candidates(log, [activations] if activations else list(RECIPES))
        part = self.trained.parts["validation"]
        reference = self.accuracy(self.trained.run(part.images)[LOGITS], part.labels)
        found = {
            name: self.accuracy(self.answers(made, self.codes(made, part))[LOGITS][:, -1], part.labels)
            for name, made in candidates.items()
        }
        if activations:
            chosen, reason = activations, "asked for"
        else:
            lost = reference - found["int8"]
            chosen = "int8" if lost <= INT8_MAY_LOSE else "int16"
            reason = f"int8 is {100 * lost:.2f} points below float on the validation split, "
            reason += f"{100 * INT8_MAY_LOSE:g} are allowed"
        changes = self._changes(next(iter(candidates.values())).floating, part)
        measured = tuple(
            Candidate(name, accuracy, _frozen(changes, candidates[name].inputs[1:])) for name, accuracy in found.items()
        )
        return replace(candidates[chosen], quantisation=Quantisation(chosen, reason, measured))

    def candidates(self, log: Path, names: Sequence[str]) -> dict[str, Quantized]:
        """The model with each of these activations. Ranges are from sequences of the train split that the float model
        reads."""
        floating = self._convert(log)
        train = self._frames(self.trained.parts["train"])
        ranges = calibrate(self._float(floating, train[:: max(1, len(train) // CALIBRATED_ON)]))
        ranges[FRAME] = self.model.input_range  # known, not estimated
        for state in self.states:
            both = [0.0, *ranges[state.input], *ranges[state.output]]  # 0 is the state before the first frame
            ranges[state.input] = ranges[state.output] = (min(both), max(both))
        return {name: self._tied(floating, ranges, name, log.with_name("model.tflite")) for name in names}

    def _tied(self, floating: bytes, ranges: Ranges, activations: str, path: Path) -> Quantized:
        """Quantised so that each state's input has the scale of its output. An operator may decide that: a TANH has a
        scale of its own, a reshape that of its input; so the input follows what came out the first time."""
        for last in (False, True):
            content = quantize(floating, ranges, activations)
            if activations != "int8":
                outputs = {name: ranges[name] for name in self._said if name in ranges}
                content = int8_edges(content, {FRAME: ranges[FRAME]}, outputs)
            if (
                self.trained.router is not None
            ):  # its features are the state's first tensor, which no two outputs can be
                first = self.states[0].output
                content = int8_copy(content, first, FEATURES, ranges[first], len(self._said) - 1)
            made = described(floating, content, path, Quantisation(activations, "", ()))
            tensors = {tensor.name: tensor for tensor in (*made.inputs, *made.outputs)}
            untied = [state for state in self.states if not _equal(tensors[state.input], tensors[state.output])]
            if not untied:
                break
            if last:
                raise ExportError(
                    f"state {untied[0].input!r} has the scale {tensors[untied[0].input].scale:g} and comes back as "
                    f"{untied[0].output!r} with {tensors[untied[0].output].scale:g}, expected one.",
                    "This is a fault in export/stream.py: report it with the model.",
                )
            ranges = ranges | {state.input: range_of(tensors[state.output]) for state in untied}
        return made

    @property
    def _said(self) -> list[str]:
        """Names of the outputs that are no state, of which `FEATURES` is one that only the quantised model has."""
        states = {state.output for state in self.states}
        outputs = [name for name in self.step.output_names if name not in states]
        return [*outputs, *([FEATURES] if self.trained.router is not None else [])]

    def _convert(self, log: Path) -> bytes:
        import torch

        step, shapes = self.step, [(1, size) for size in self.step.input_sizes]
        converted = to_float_tflite(step, step.input_names, step.output_names, shapes, log)
        noise = np.random.default_rng(0)
        probe = {name: noise.uniform(-1, 1, shape).astype(np.float32)
                 for name, shape in zip(step.input_names, shapes, strict=True)}  # fmt: skip
        with torch.inference_mode():
            outputs = step(*(torch.from_numpy(value) for value in probe.values()))
        answers = {name: value.numpy() for name, value in zip(step.output_names, outputs, strict=True)}
        return interface.arrange(converted, probe, answers)

    def _frames(self, part: Part) -> NDArray[np.float32]:
        """Sequences [N, T, frame] in the range of the model's inputs."""
        import torch

        frames: NDArray[np.float32] = self.model.frames(torch.from_numpy(part.images)).numpy()
        return frames

    def _float(self, floating: bytes, sequences: NDArray[np.float32]) -> Iterator[dict[str, NDArray[Any]]]:
        """Activations of the float model, frame by frame, each sequence from a state of zeros."""
        model = FloatModel(floating)
        for sequence in sequences:
            state = [np.zeros((1, size), np.float32) for size in self.step.input_sizes[1:]]
            for frame in sequence:
                activations = model.call(frame[np.newaxis], *state)
                state = [activations[pair.output] for pair in self.states]
                yield activations

    def _changes(self, floating: bytes, part: Part) -> list[NDArray[np.float32]]:
        """How much each element of each state changes from one frame to the next, over some sequences of the float
        model."""
        frames = self._float(floating, self._frames(part)[:COMPARED_ON])
        moved = [[np.abs(real[pair.output] - real[pair.input]) for pair in self.states] for real in frames]
        return [np.stack(changes) for changes in zip(*moved, strict=True)]

    def codes(self, quantized: Quantized, part: Part) -> NDArray[np.int8]:
        return to_codes(self._frames(part), quantized.inputs[0])

    def answers(self, quantized: Quantized, codes: NDArray[np.int8]) -> Answers:
        tensors = {tensor.name: tensor for tensor in quantized.outputs}
        running = {name: np.empty((*codes.shape[:2], tensors[name].shape[-1]), np.int8) for name in self._said}
        micro, start = Micro(quantized.content), self._start(quantized)
        for number, sequence in enumerate(codes):
            state = start
            for place, frame in enumerate(sequence):
                said = dict(zip(tensors, micro.call(frame[np.newaxis], *state), strict=True))
                state = [said[pair.output] for pair in self.states]
                for name, codes_of in running.items():
                    codes_of[number, place] = said[name][0]
        return running

    def _start(self, quantized: Quantized) -> list[NDArray[Any]]:
        """Codes of the state before the first frame."""
        return [np.full(tensor.shape, tensor.zero_point, tensor.dtype) for tensor in quantized.inputs[1:]]

    def inputs(self, quantized: Quantized, codes: NDArray[np.int8]) -> tuple[NDArray[Any], ...]:
        frames = codes[:, 0]
        states = (np.repeat(state, len(frames), axis=0) for state in self._start(quantized))
        return (frames, *states)

    def activations(self, quantized: Quantized, part: Part) -> Iterator[tuple[Activations, Activations]]:
        some = Part(part.images[:COMPARED_ON], part.labels[:COMPARED_ON])
        micro = Micro(quantized.content, keep_tensors=True)
        real = self._float(quantized.floating, self._frames(some))
        for sequence in self.codes(quantized, some):
            state = self._start(quantized)
            for frame in sequence:
                micro.call(frame[np.newaxis], *state)
                codes = micro.activations()
                state = [codes[pair.output] for pair in self.states]
                activations = next(real)
                yield {**activations, FEATURES: activations[self.states[0].output]}, codes

    def float_logits(self, floating: bytes, part: Part) -> NDArray[np.float32]:
        steps = self.model.input_shape[1]
        frames = self._float(floating, self._frames(part))
        answers = [activations[LOGITS] for place, activations in enumerate(frames) if (place + 1) % steps == 0]
        return np.concatenate(answers)


def _frozen(changes: list[NDArray[np.float32]], states: Sequence[Tensor]) -> float:
    """Share of the changes that are less than half a step, among those that are any."""
    below = sum(
        int(((change > 0) & (change < state.scale / 2)).sum()) for change, state in zip(changes, states, strict=True)
    )
    return below / max(1, sum(int((change > 0).sum()) for change in changes))


def _equal(one: Tensor, other: Tensor) -> bool:
    return (one.dtype, one.scale, one.zero_point) == (other.dtype, other.scale, other.zero_point)
