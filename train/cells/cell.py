"""What every recurrent cell is: one time step, from an input and a state to the next state.

    cell = Irnn(inputs=9, hidden=64)
    state = cell.initial(batch=32)
    for x in sequences.unbind(1):  # sequences [N, T, inputs]
        state = cell(x, state)
    h = state[0]  # [N, hidden], what a readout sees

Training gets there faster with what the inputs contribute computed for all time steps at once:

    for driven in zip(*(part.unbind(1) for part in cell.drive(sequences))):
        state = cell.advance(driven, state)

A state is a tuple because some cells keep more than h: an LSTM its cell, a TARNN its previous input. Each tensor has a
name and a size of its own, so that on the board each has a scale of its own.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import nn

from train.errors import TrainError

State = tuple[torch.Tensor, ...]

ACTIVATIONS: Final[dict[str, Callable[[torch.Tensor], torch.Tensor]]] = {"relu": torch.relu, "tanh": torch.tanh}


class Cell(nn.Module):
    """One time step. A subclass takes `(inputs, *, hidden=..., option=default, ...)` and implements the last three."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.hidden = hidden

    @property
    def state_sizes(self) -> dict[str, int]:
        """Name and size of each tensor of the state, h first."""
        return {"h": self.hidden}

    def initial(self, batch: int) -> State:
        """The state before the first time step: zeros, [batch, size] each."""
        like = next(self.parameters())
        return tuple(like.new_zeros(batch, size) for size in self.state_sizes.values())

    def forward(self, x: torch.Tensor, state: State) -> State:
        """Input [N, inputs] and state to the next state."""
        return self.advance(self.drive(x), state)

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What inputs [..., inputs] contribute, whatever the state: tensors [..., size]."""
        raise NotImplementedError

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        """The next state, from what `drive` gave for one time step and the state before it."""
        raise NotImplementedError

    def macs(self) -> int:
        """Multiply-accumulates of one time step in products of matrix and vector."""
        raise NotImplementedError


def nonlinearity(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """The nonlinearity of that name. Raises TrainError if there is none."""
    if name not in ACTIVATIONS:
        raise TrainError(
            f"activation is {name!r}, expected one of {', '.join(ACTIVATIONS)}.", "Correct it under options."
        )
    return ACTIVATIONS[name]
