"""FastGRNN: a gated cell whose gate and candidate share their matrices.

    z = sigmoid(W x + U h + bz),   c = tanh(W x + U h + bh)
    h <- z h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) c

Source: Kusupati et al., "FastGRNN", NeurIPS 2018, section 3.2; initial values are those of the authors' EdgeML library.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State
from train.cells.matrix import Matrix


class FastGrnn(Cell):
    """`zeta` and `nu` are the first values before the sigmoid."""

    def __init__(
        self, inputs: int, *, hidden: int = 32, zeta: float = 1.0, nu: float = -4.0, rank_w: int = 0, rank_u: int = 0
    ) -> None:
        super().__init__(inputs, hidden)
        self.w = Matrix(inputs, hidden, rank_w)
        self.u = Matrix(hidden, hidden, rank_u)
        self.b_gate = nn.Parameter(torch.ones(hidden))
        self.b_candidate = nn.Parameter(torch.ones(hidden))
        self.zeta = nn.Parameter(torch.tensor(zeta))
        self.nu = nn.Parameter(torch.tensor(nu))
        self.w.normal_()
        self.u.normal_()

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        shared = from_x + self.u(h)
        z = torch.sigmoid(shared + self.b_gate)
        candidate = torch.tanh(shared + self.b_candidate)
        return (z * h + (torch.sigmoid(self.zeta) * (1 - z) + torch.sigmoid(self.nu)) * candidate,)

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
