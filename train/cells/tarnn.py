"""TARNN, the time-adaptive RNN: an incremental RNN whose time constant depends on input and state.

    beta = sigmoid(Ug h + Wg x + bg)                          inverse time constant, per unit
    a    = U2 h + W1 x + W2 x' + b1,   c = B1 x + B2 h         x' is the previous input, 0 before the first
    g_0  = h
    variant "a":  g <- g + eta_i * beta * ( phi(U1 g + a) - g - h + c )                 h <- g
    variant "b":  g <- (1 - eta_i) g + eta_i * ( phi(U1 g + a) - g - h + c )            h <- (1 - beta) h + beta g

Uninformative input: beta near 0, the state stays. At equal `hidden` it has about four times the parameters of an iRNN.
Source: Kag and Saligrama, "Time Adaptive Recurrent Neural Network", CVPR 2021, as in the authors' code, variant "b"
with its leak subtracted twice. Their code learns one eta per Euler step and time step, which ties a model to one
sequence length; here that is behind `eta_per_time_step`, the number of time steps.
"""

import torch
from torch import nn

from train.cells.cell import Cell, State, nonlinearity
from train.cells.matrix import Matrix
from train.errors import TrainError


class Tarnn(Cell):
    """State: h, the previous input, and with `eta_per_time_step` the time step."""

    def __init__(
        self,
        inputs: int,
        *,
        hidden: int = 32,
        euler_steps: int = 1,
        variant: str = "a",
        eta: float = 0.01,
        activation: str = "relu",
        rank_w: int = 0,
        rank_u: int = 0,
        eta_per_time_step: int = 0,
    ) -> None:
        super().__init__(inputs, hidden)
        if variant not in ("a", "b"):
            raise TrainError(f"variant is {variant!r}, expected 'a' or 'b'.", "Correct it under options.")
        self.gates_increments = variant == "a"
        self.phi = nonlinearity(activation)
        self.w = Matrix(inputs, 3 * hidden, rank_w)  # W1, Wg, B1
        self.w_previous = Matrix(inputs, hidden, rank_w, bias=True)  # W2 and b1
        self.u = Matrix(hidden, 3 * hidden, rank_u)  # U2, Ug, B2
        self.u_inner = Matrix(hidden, hidden, rank_u)  # U1
        self.b_gate = nn.Parameter(torch.full((hidden,), 0.0 if variant == "a" else -3.0))  # as in the authors' code
        size = (eta_per_time_step,) if eta_per_time_step else ()
        self.eta = nn.ParameterList(torch.full(size, eta) for _ in range(euler_steps))
        self.time_steps = eta_per_time_step
        for weights in (self.w, self.w_previous, self.u, self.u_inner):
            weights.normal_()

    @property
    def state_sizes(self) -> dict[str, int]:
        sizes = {"h": self.hidden, "x_previous": self.inputs}
        return sizes | {"time": 1} if self.time_steps else sizes

    def drive(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.w(x), x

    def advance(self, driven: tuple[torch.Tensor, ...], state: State) -> State:
        from_inputs, x = driven
        h, x_previous, *time = state
        from_x, gate_x, c_x = from_inputs.chunk(3, dim=1)
        from_h, gate_h, c_h = self.u(h).chunk(3, dim=1)
        beta = torch.sigmoid(gate_h + gate_x + self.b_gate)
        a, c = from_h + from_x + self.w_previous(x_previous), c_x + c_h
        g = h
        for eta in self.eta:
            step = eta[self._index(time[0])] if time else eta
            slope = self.phi(self.u_inner(g) + a) - g - h + c
            g = g + step * beta * slope if self.gates_increments else (1 - step) * g + step * slope
        following = g if self.gates_increments else (1 - beta) * h + beta * g
        return (following, x, *(elapsed + 1 for elapsed in time))

    def _index(self, time: torch.Tensor) -> int:
        """The number of the time step; all sequences of a batch are at the same one."""
        index = int(time[0, 0])
        if index >= self.time_steps:
            raise TrainError(
                f"eta_per_time_step is {self.time_steps}, and a sequence has more time steps.",
                "Set it to the length of the sequences, or to 0 for a cell that takes any length.",
            )
        return index

    def macs(self) -> int:
        return self.w.macs() + self.w_previous.macs() + self.u.macs() + len(self.eta) * self.u_inner.macs()
