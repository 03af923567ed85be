"""FastRNN: a vanilla RNN with two learned scalars for a residual connection.

    h <- sigmoid(beta) h + sigmoid(alpha) phi(W x + U h + b)

Source: Kusupati et al., "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network",
NeurIPS 2018, section 3.1; initial values are those of the authors' EdgeML library.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State, nonlinearity
from train.cells.matrix import Matrix


class FastRnn(Cell):
    """`alpha` and `beta` are the first values before the sigmoid."""

    def __init__(
        self,
        inputs: int,
        *,
        hidden: int = 32,
        activation: str = "relu",
        alpha: float = -3.0,
        beta: float = 3.0,
        rank_w: int = 0,
        rank_u: int = 0,
    ) -> None:
        super().__init__(inputs, hidden)
        self.phi = nonlinearity(activation)
        self.w = Matrix(inputs, hidden, rank_w, bias=True)
        self.u = Matrix(hidden, hidden, rank_u)
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.beta = nn.Parameter(torch.tensor(beta))
        self.w.normal_()
        self.u.normal_()

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        return (torch.sigmoid(self.beta) * h + torch.sigmoid(self.alpha) * self.phi(from_x + self.u(h)),)

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
