"""The vanilla RNN of Elman: h <- phi(W x + U h + b). Equals `torch.nn.RNNCell`, whose two biases are one here.

`initial` is what U is at first: "uniform" is PyTorch's, "orthogonal" keeps the state's norm over many steps, and
"identity", with relu, is that of Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified
Linear Units", 2015.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State, nonlinearity
from train.cells.matrix import Matrix
from train.errors import TrainError

INITIAL = ("uniform", "orthogonal", "identity")


class Rnn(Cell):
    def __init__(
        self,
        inputs: int,
        *,
        hidden: int = 32,
        activation: str = "tanh",
        initial: str = "uniform",
        rank_w: int = 0,
        rank_u: int = 0,
    ) -> None:
        super().__init__(inputs, hidden)
        if initial not in INITIAL:
            raise TrainError(
                f"initial is {initial!r}, expected one of {', '.join(INITIAL)}.", "Correct it under options."
            )
        if rank_u and initial != "uniform":
            raise TrainError(
                f"initial is {initial!r} for a matrix U of rank {rank_u}, expected 'uniform'.",
                "Correct it under options, or set rank_u to 0.",
            )
        self.phi = nonlinearity(activation)
        self.w = Matrix(inputs, hidden, rank_w, bias=True)
        self.u = Matrix(hidden, hidden, rank_u)
        if initial == "orthogonal":
            nn.init.orthogonal_(self.u.whole)
        elif initial == "identity":
            nn.init.eye_(self.u.whole)

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        return (self.phi(from_x + self.u(h)),)

    def macs(self) -> int:
        return self.w.macs() + self.u.macs()
