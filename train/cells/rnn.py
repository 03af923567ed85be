"""The vanilla RNN of Elman: h <- phi(W x + U h + b). Equals `torch.nn.RNNCell`, whose two biases are one here."""

import torch

from train.cells.cell import Cell, State, nonlinearity
from train.cells.matrix import Matrix


class Rnn(Cell):
    def __init__(
        self, inputs: int, *, hidden: int = 32, activation: str = "tanh", rank_w: int = 0, rank_u: int = 0
    ) -> None:
        super().__init__(inputs, hidden)
        self.phi = nonlinearity(activation)
        self.w = Matrix(inputs, hidden, rank_w, bias=True)
        self.u = Matrix(hidden, hidden, rank_u)

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        return (self.phi(from_x + self.u(h)),)

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
