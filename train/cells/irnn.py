"""iRNN, the incremental RNN: the state is an increment, found by Euler steps towards an equilibrium.

    g_0 = h  (start "previous")  or  0  (start "zero")
    g  <-  g + eta_i * ( phi(U (g + h) + W x + b) - alpha * (g + h) )        i = 1 .. K
    h  <-  g

At equilibrium dh_t / dh_{t-1} = -I, over any number of time steps. eta_i is one learned number per Euler step; alpha is
learned too. With K = 1 and start "previous" this is a FastRNN with alpha' = eta, beta' = 1 - 2 alpha eta, U' = 2 U.
What is learned of eta is its logarithm: an optimiser's step of 0.01 then changes it by a hundredth part, as it changes
the scalars that FastRNN learns before a sigmoid, where eta itself, often 0.02, would be thrown about. Source: Kag,
Zhang and Saligrama, "RNNs Incrementally Evolving on an Equilibrium Manifold", ICLR 2020; start, eta's first value and
the initialisation are those of the authors' code for TARNN, which learns eta itself. Not the identity-initialised RNN
of Le, Jaitly and Hinton, which shares the name.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State, nonlinearity
from train.cells.matrix import Matrix
from train.errors import TrainError


class Irnn(Cell):
    """`euler_steps` is K; `eta` and `alpha` are first values. A sensible eta is a few times 1 / T, divided by K. ReLU
    learns long memories, tanh seldom does."""

    def __init__(
        self,
        inputs: int,
        *,
        hidden: int = 32,
        euler_steps: int = 1,
        start: str = "previous",
        alpha: float = 1.0,
        eta: float = 0.01,
        activation: str = "relu",
        rank_w: int = 0,
        rank_u: int = 0,
    ) -> None:
        super().__init__(inputs, hidden)
        if start not in ("previous", "zero"):
            raise TrainError(f"start is {start!r}, expected 'previous' or 'zero'.", "Correct it under options.")
        if not eta > 0:
            raise TrainError(f"eta is {eta}, expected a number above 0.", "Correct it under options.")
        self.starts_at_zero = start == "zero"
        self.phi = nonlinearity(activation)
        self.w = Matrix(inputs, hidden, rank_w, bias=True)
        self.u = Matrix(hidden, hidden, rank_u)
        self.log_eta = nn.ParameterList(torch.tensor(eta).log() for _ in range(euler_steps))
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.w.normal_()
        self.u.normal_()

    @property
    def eta(self) -> tuple[torch.Tensor, ...]:
        """The size of each Euler step."""
        return tuple(value.exp() for value in self.log_eta)

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.w(x),)

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        (from_x,) = driven
        (h,) = state
        g = torch.zeros_like(h) if self.starts_at_zero else h
        for eta in self.eta:
            s = g + h
            g = g + eta * (self.phi(self.u(s) + from_x) - self.alpha * s)
        return (g,)

    def macs(self) -> int:
        return self.w.macs() + len(self.log_eta) * self.u.macs()
