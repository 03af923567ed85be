"""Long short-term memory, as `torch.nn.LSTMCell` has it, whose two biases are one here.

    i, f, o = sigmoid(W x + U h + b),   n = tanh(Wn x + Un h + bn)
    c <- f c + i n,   h <- o tanh(c)

Source: Hochreiter and Schmidhuber, 1997, with the forget gate of Gers, Schmidhuber and Cummins, 2000. Its bias starts
at 1, as Jozefowicz, Zaremba and Sutskever, "An Empirical Exploration of Recurrent Network Architectures", ICML 2015,
advise: at 0 half of the memory is gone after one time step.
"""

import torch

from train.cells.cell import Cell, State
from train.cells.matrix import Matrix


class Lstm(Cell):
    """State: h and c."""

    def __init__(self, inputs: int, *, hidden: int = 32, rank_w: int = 0, rank_u: int = 0) -> None:
        super().__init__(inputs, hidden)
        self.w = Matrix(inputs, 4 * hidden, rank_w, bias=True)  # i, f, n, o
        self.u = Matrix(hidden, 4 * hidden, rank_u)
        with torch.no_grad():
            self.w.bias[hidden : 2 * hidden] = 1.0

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"h": self.hidden, "c": self.hidden}

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        h, c = state
        into, forget, new, out = (from_x + self.u(h)).chunk(4, dim=1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(into) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(c), c

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
