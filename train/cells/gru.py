"""The gated recurrent unit, as `torch.nn.GRUCell` has it: the reset gate acts after the product with the state.

    r = sigmoid(Wr x + Ur h + br),   z = sigmoid(Wz x + Uz h + bz)
    n = tanh(Wn x + bn + r (Un h + bu))
    h <- (1 - z) n + z h

Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, section 2.3; the place of
the reset gate as in PyTorch, whose biases of Ur and Uz are part of br and bz here.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State
from train.cells.matrix import Matrix


class Gru(Cell):
    def __init__(self, inputs: int, *, hidden: int = 32, rank_w: int = 0, rank_u: int = 0) -> None:
        super().__init__(inputs, hidden)
        self.w = Matrix(inputs, 3 * hidden, rank_w, bias=True)  # r, z, n
        self.u = Matrix(hidden, 3 * hidden, rank_u)
        self.b_reset = nn.Parameter(torch.zeros(hidden))  # bu

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        reset_x, update_x, new_x = from_x.chunk(3, dim=1)
        reset_h, update_h, new_h = self.u(h).chunk(3, dim=1)
        reset, update = torch.sigmoid(reset_x + reset_h), torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + reset * (new_h + self.b_reset))
        return ((1 - update) * new + update * h,)

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
