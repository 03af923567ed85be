"""A recurrent cell that reads an image row by row, and a head that sees its state h: a classifier of sequences.

    model = models.build("irnn", input_shape=(1, 64, 32), classes=10, options={"hidden": 64})
    logits = model(images)                     # [N, 1, 64, 32] -> [N, 10], after the last row
    logits, *state = model.step(frame, *state) # one time step, on frames in `model.input_range`; a gate follows the logits

A row is a time step and what it holds (all channels) is the input, so a sequence [T, d] is an image [1, T, d]: a
spectrogram, a window of sensor samples, or the rows of a picture. The board runs `OneStep`, whose state it keeps.
"""

from typing import Any

import torch
from torch import nn

from train.cells.cell import Cell, State
from train.heads.head import as_tuple
from train.models.classifier import Classifier


class Recurrent(Classifier):
    """`make_cell(inputs, **options)` makes the cell.

    Images in 0 .. 1 become inputs in `low` .. `high`. Training wants inputs about 0; the board does not pay for it,
    since only scale and zero point of the quantised input change.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        classes: int,
        make_cell: type[Cell],
        head: str,
        *,
        low: float = 0.0,
        high: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(input_shape, classes, head)
        channels, _, columns = input_shape
        self.input_range = (low, high)
        self.cell = make_cell(channels * columns, **options)
        self.end_with(self.cell.hidden)

    def frames(self, image: torch.Tensor) -> torch.Tensor:
        """Inputs of the cell [N, T, inputs], in `input_range`, of images [N, C, T, W] in [0, 1]."""
        low, high = self.input_range
        return low + (high - low) * image.transpose(1, 2).flatten(2)

    def run(self, frames: torch.Tensor, state: State) -> State:
        """The state after frames [N, T, inputs], from the state before them."""
        for driven in zip(*(part.unbind(1) for part in self.cell.drive(frames)), strict=True):
            state = self.cell.advance(driven, state)
        return state

    def step(self, frame: torch.Tensor, *state: torch.Tensor) -> State:
        """The outputs, logits [N, classes] first, and the tensors of the state after one frame [N, inputs]."""
        following = self.cell(frame, state)
        return (*as_tuple(self.head(following[0])), *following)

    def macs_per_step(self) -> int:
        """Multiply-accumulates of one frame, the head included."""
        return self.cell.macs() + self.head.macs()

    def features(self, image: torch.Tensor) -> torch.Tensor:
        return self.run(self.frames(image), self.cell.initial(len(image)))[0]

    def running(self, image: torch.Tensor, tail: int | None = None) -> tuple[torch.Tensor, ...]:
        """The outputs after each of the last `tail` rows (None: of all), [N, tail, ...] each, logits [N, tail, classes]
        first: the decision in time."""
        frames = self.frames(image)
        first = frames.shape[1] - (tail or frames.shape[1])
        state, running = self.run(frames[:, :first], self.cell.initial(len(image))), []
        for driven in zip(*(part.unbind(1) for part in self.cell.drive(frames[:, first:])), strict=True):
            state = self.cell.advance(driven, state)
            running.append(as_tuple(self.head(state[0])))
        return tuple(torch.stack(output, dim=1) for output in zip(*running, strict=True))


class OneStep(nn.Module):
    """`Recurrent.step` as a module for export: (frame, *state) -> (*outputs, *next state), with names and sizes.

    A tensor of the state is an input named after it, "h" for one, and an output named "h_next".
    """

    def __init__(self, model: Recurrent) -> None:
        super().__init__()
        self.model = model
        sizes = model.cell.state_sizes
        self.input_names = ("frame", *sizes)
        self.input_sizes = (model.cell.inputs, *sizes.values())
        self.output_names = (*model.output_names, *(f"{name}_next" for name in sizes))
        self.states = tuple((name, f"{name}_next") for name in sizes)

    def forward(self, frame: torch.Tensor, *state: torch.Tensor) -> State:
        return self.model.step(frame, *state)
