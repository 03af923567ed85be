"""Recurrent cells: against PyTorch's own, against each other where theory says they are equal, and at their limits."""

import copy
import math
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from train.cells import CELLS
from train.cells.cell import ACTIVATIONS, Cell, State
from train.cells.fastgrnn import FastGrnn
from train.cells.fastrnn import FastRnn
from train.cells.gru import Gru
from train.cells.irnn import Irnn
from train.cells.lstm import Lstm
from train.cells.matrix import SPREAD, Matrix
from train.cells.rnn import Rnn
from train.cells.tarnn import Tarnn
from train.errors import TrainError

INPUTS, HIDDEN, BATCH, STEPS = 3, 6, 4, 9
NAMES = sorted(CELLS)


def make(name: str, **options: Any) -> Cell:
    torch.manual_seed(0)
    cell: Cell = resolve_name(CELLS[name])(INPUTS, hidden=HIDDEN, **options).double()
    return cell


def sequences(steps: int = STEPS, inputs: int = INPUTS) -> torch.Tensor:
    return torch.randn(BATCH, steps, inputs, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def run(cell: Cell, x: torch.Tensor, state: State | None = None) -> State:
    state = cell.initial(len(x)) if state is None else state
    for frame in x.unbind(1):
        state = cell(frame, state)
    return state


def weight(matrix: Matrix) -> torch.Tensor:
    """The matrix as one: its factors multiplied."""
    whole = torch.eye(matrix[0].in_features, dtype=torch.float64)
    for layer in matrix:
        assert isinstance(layer, nn.Linear)
        whole = layer.weight @ whole
    return whole


# Interface, for every cell.


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_keeps_the_form_of_the_state(name: str, rank: int) -> None:
    cell = make(name, rank_w=rank, rank_u=rank)
    state = cell.initial(BATCH)
    assert [tensor.shape for tensor in state] == [(BATCH, size) for size in cell.state_sizes.values()]
    assert next(iter(cell.state_sizes.items())) == ("h", HIDDEN)
    following = cell(sequences()[:, 0], state)
    assert [tensor.shape for tensor in following] == [tensor.shape for tensor in state]
    assert all(tensor.dtype == torch.float64 for tensor in following)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_computed_at_once_give_the_same_states(name: str) -> None:
    cell, x = make(name), sequences()
    state = cell.initial(BATCH)
    for driven in zip(*(part.unbind(1) for part in cell.drive(x)), strict=True):
        state = cell.advance(driven, state)
    for one, other in zip(state, run(cell, x), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("name", NAMES)
def test_macs_are_those_that_torch_counts(name: str, rank: int) -> None:
    more = {"euler_steps": 3} if name in ("irnn", "tarnn") else {}
    cell = make(name, rank_w=rank, rank_u=rank, **more)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        cell(sequences()[:1, 0], cell.initial(1))
    assert cell.macs() == counter.get_total_flops() / 2


D, N = HIDDEN, INPUTS


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("irnn", {"euler_steps": 3}, D * D + N * D + D + 3 + 1),
        ("irnn", {"rank_w": 1, "rank_u": 2}, (N + D) * 1 + (D + D) * 2 + D + 1 + 1),
        ("tarnn", {"euler_steps": 2}, 4 * N * D + 4 * D * D + 2 * D + 2),
        ("tarnn", {"eta_per_time_step": 7, "euler_steps": 2}, 4 * N * D + 4 * D * D + 2 * D + 2 * 7),
        ("rnn", {}, D * D + N * D + D),
        ("fastrnn", {}, D * D + N * D + D + 2),
        ("fastgrnn", {}, D * D + N * D + 2 * D + 2),
        ("fastgrnn", {"rank_w": 1, "rank_u": 2}, (N + D) * 1 + (D + D) * 2 + 2 * D + 2),
        ("gru", {}, 3 * (D * D + N * D + D) + D),
        ("lstm", {}, 4 * (D * D + N * D + D)),
    ],
)
def test_parameters_counted_by_hand(name: str, options: dict[str, Any], expected: int) -> None:
    assert sum(parameter.numel() for parameter in make(name, **options).parameters()) == expected


def test_har_2_takes_the_parameters_that_are_quoted() -> None:
    """64 units on 9 features are 4.7 k, as is said of the iRNN on HAR-2."""
    cell = Irnn(9, hidden=64)
    assert sum(parameter.numel() for parameter in cell.parameters()) == 64 * 64 + 9 * 64 + 64 + 1 + 1 == 4738


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    more = {"euler_steps": 2} if name in ("irnn", "tarnn") else {}
    cell, x = make(name, rank_u=2, **more), sequences(steps=2)[:2]
    names = [name for name, _ in cell.named_parameters()]

    def end(*values: torch.Tensor) -> torch.Tensor:
        state = cell.initial(2)
        for frame in x.unbind(1):
            state = torch.func.functional_call(cell, dict(zip(names, values, strict=True)), (frame, state))
        return state[0]

    assert torch.autograd.gradcheck(end, tuple(cell.parameters()))


@pytest.mark.parametrize("name", ["irnn", "tarnn", "fastrnn", "fastgrnn"])
@pytest.mark.parametrize("rank", [0, 8])
def test_weights_start_with_the_authors_spread(name: str, rank: int) -> None:
    torch.manual_seed(0)
    cell = resolve_name(CELLS[name])(64, hidden=96, rank_u=rank).double()
    assert weight(cell.u).std().item() == pytest.approx(SPREAD, rel=0.1)


# Against PyTorch.


def test_gru_equals_that_of_torch() -> None:
    ours, theirs, x = make("gru"), nn.GRUCell(INPUTS, HIDDEN).double(), sequences()
    assert isinstance(ours, Gru)
    with torch.no_grad():
        ours.w[0].weight.copy_(theirs.weight_ih)
        ours.u[0].weight.copy_(theirs.weight_hh)
        ours.w[0].bias.copy_(theirs.bias_ih)
        ours.w[0].bias[: 2 * HIDDEN] += theirs.bias_hh[: 2 * HIDDEN]
        ours.b_reset.copy_(theirs.bias_hh[2 * HIDDEN :])
    h = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    for frame in x.unbind(1):
        h = theirs(frame, h)
    torch.testing.assert_close(run(ours, x)[0], h, rtol=0, atol=1e-12)


def test_lstm_equals_that_of_torch() -> None:
    ours, theirs, x = make("lstm"), nn.LSTMCell(INPUTS, HIDDEN).double(), sequences()
    assert isinstance(ours, Lstm)
    with torch.no_grad():
        ours.w[0].weight.copy_(theirs.weight_ih)
        ours.u[0].weight.copy_(theirs.weight_hh)
        ours.w[0].bias.copy_(theirs.bias_ih + theirs.bias_hh)
    state = (torch.zeros(BATCH, HIDDEN, dtype=torch.float64),) * 2
    for frame in x.unbind(1):
        state = theirs(frame, state)
    for one, other in zip(run(ours, x), state, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 2])
def test_an_lstm_starts_with_its_forget_gate_open(rank: int) -> None:
    cell = make("lstm", rank_w=rank)
    bias = cell.w.bias.detach()
    assert bias[HIDDEN : 2 * HIDDEN].tolist() == [1.0] * HIDDEN
    assert float(torch.cat([bias[:HIDDEN], bias[2 * HIDDEN :]]).abs().max()) < 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rnn_equals_that_of_torch(activation: str) -> None:
    ours, x = make("rnn", activation=activation), sequences()
    theirs = nn.RNNCell(INPUTS, HIDDEN, nonlinearity=activation).double()
    assert isinstance(ours, Rnn)
    with torch.no_grad():
        ours.w[0].weight.copy_(theirs.weight_ih)
        ours.u[0].weight.copy_(theirs.weight_hh)
        ours.w[0].bias.copy_(theirs.bias_ih + theirs.bias_hh)
    h = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    for frame in x.unbind(1):
        h = theirs(frame, h)
    torch.testing.assert_close(run(ours, x)[0], h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_low_rank_equals_the_full_matrix_of_its_product(name: str) -> None:
    thin, x = make(name, rank_w=2, rank_u=3), sequences()
    full = make(name)
    values = thin.state_dict()
    with torch.no_grad():
        for key, parameter in full.named_parameters():
            place, _, index = key.partition(".")
            if index == "0.weight":
                parameter.copy_(weight(getattr(thin, place)))
            else:  # a bias of a matrix is with its last factor
                parameter.copy_(values[key.replace("0.bias", "1.bias")])
    torch.testing.assert_close(run(thin, x)[0], run(full, x)[0], rtol=0, atol=1e-12)


def test_an_identity_rnn_keeps_its_state() -> None:
    """With U = 1, W = 0 and b = 0 a ReLU network keeps every state that is not negative, whatever comes in."""
    ours = make("rnn", activation="relu", initial="identity")
    assert isinstance(ours, Rnn)
    nn.init.zeros_(ours.w.whole)
    nn.init.zeros_(ours.w.bias)
    state = torch.rand(4, D, dtype=torch.float64)
    assert torch.equal(ours(sequences()[:4, 0], (state,))[0], state)


def test_an_orthogonal_rnn_begins_with_an_orthogonal_matrix() -> None:
    ours = make("rnn", initial="orthogonal")
    assert isinstance(ours, Rnn)
    u = ours.u.whole
    torch.testing.assert_close(u @ u.T, torch.eye(D, dtype=torch.float64), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"initial": "zero"}, "initial is 'zero', expected one of uniform, orthogonal, identity"),
        ({"initial": "identity", "rank_u": 2}, "initial is 'identity' for a matrix U of rank 2, expected 'uniform'"),
    ],
)
def test_an_rnn_refuses_what_it_cannot_begin_with(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(TrainError, match=problem):
        make("rnn", **options)


def test_fastgrnn_worked_by_hand() -> None:
    """One unit, one input: every term of the equation has its own value."""
    cell = FastGrnn(1, hidden=1).double()
    with torch.no_grad():
        for tensor, value in ((cell.w[0].weight, 0.5), (cell.u[0].weight, -0.25), (cell.b_gate, 0.1),
                              (cell.b_candidate, 0.2), (cell.zeta, 0.3), (cell.nu, -0.4)):  # fmt: skip
            tensor.fill_(value)
    (h,) = cell(torch.tensor([[2.0]], dtype=torch.float64), (torch.tensor([[0.8]], dtype=torch.float64),))

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    shared = 0.5 * 2 - 0.25 * 0.8
    z, candidate = sigmoid(shared + 0.1), math.tanh(shared + 0.2)
    expected = z * 0.8 + (sigmoid(0.3) * (1 - z) + sigmoid(-0.4)) * candidate
    assert h.item() == pytest.approx(expected, abs=1e-15)


# iRNN.


def contraction(cell: Irnn, norm: float = 0.5) -> Irnn:
    """Make |U| = `norm`, below alpha, so that the equilibrium is unique, and move it away from 0."""
    with torch.no_grad():
        cell.u[0].weight.mul_(norm / torch.linalg.matrix_norm(cell.u[0].weight, 2))
        cell.w[0].bias.normal_(generator=torch.Generator().manual_seed(2))
    return cell


def irnn(**options: Any) -> Irnn:
    cell = make("irnn", **options)
    assert isinstance(cell, Irnn)
    return contraction(cell)


def jacobian(cell: Irnn, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """dh_t / dh_{t-1} [hidden, hidden] for one sample."""

    def step(state: torch.Tensor) -> torch.Tensor:
        return cell(x[None], (state[None],))[0][0]

    found: torch.Tensor = torch.autograd.functional.jacobian(step, h)
    return found


X, H = sequences()[0, 0], torch.linspace(-1, 1, HIDDEN, dtype=torch.float64)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("start", ["previous", "zero"])
def test_the_jacobian_goes_to_minus_one(start: str, activation: str) -> None:
    distances = []
    for steps in (1, 5, 20, 200):
        cell = irnn(euler_steps=steps, start=start, eta=0.3, activation=activation)
        distances.append(float(torch.linalg.matrix_norm(jacobian(cell, X, H) + torch.eye(HIDDEN))))
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.5
    assert distances[-1] < 1e-10


def test_gradients_neither_vanish_nor_explode_at_equilibrium() -> None:
    """Singular values of dh_50 / dh_0 are 1; with one Euler step from 0 they have vanished."""
    for options, near_one in (({"euler_steps": 200, "eta": 0.3}, True), ({"start": "zero", "eta": 0.3}, False)):
        cell, h, product = irnn(activation="tanh", **options), H, torch.eye(HIDDEN, dtype=torch.float64)
        for frame in sequences(steps=50)[0]:
            product = jacobian(cell, frame, h) @ product
            h = cell(frame[None], (h[None],))[0][0].detach()
        values = torch.linalg.svdvals(product)
        if near_one:
            torch.testing.assert_close(values, torch.ones_like(values), rtol=0, atol=1e-9)
        else:
            assert float(values.max()) < 1e-10


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_starts_reach_the_same_equilibrium(activation: str) -> None:
    one, other = (irnn(euler_steps=200, start=start, eta=0.3, activation=activation) for start in ("previous", "zero"))
    torch.testing.assert_close(one(X[None], (H[None],))[0], other(X[None], (H[None],))[0], rtol=0, atol=1e-10)
    few, others = (irnn(euler_steps=1, start=start, eta=0.3, activation=activation) for start in ("previous", "zero"))
    assert not torch.allclose(few(X[None], (H[None],))[0], others(X[None], (H[None],))[0], atol=1e-3)


def test_eta_starts_as_given_and_stays_above_zero() -> None:
    cell = irnn(euler_steps=2, eta=0.02)
    assert [step.item() for step in cell.eta] == pytest.approx([0.02, 0.02])
    with torch.no_grad():
        cell.log_eta[1].sub_(9.0)
    assert 0 < cell.eta[1].item() < cell.eta[0].item() / 1000


def test_the_state_is_the_increment_to_the_equilibrium() -> None:
    cell = irnn(euler_steps=200, eta=0.3, alpha=1.2)
    (g,) = cell(X[None], (H[None],))
    s = g + H
    torch.testing.assert_close(cell.phi(cell.u(s) + cell.w(X[None])), cell.alpha * s, rtol=0, atol=1e-10)


@given(eta=st.floats(0.01, 0.45), alpha=st.floats(0.1, 1.0), activation=st.sampled_from(sorted(ACTIVATIONS)))
def test_one_euler_step_is_a_fastrnn(eta: float, alpha: float, activation: str) -> None:
    cell = irnn(eta=eta, alpha=alpha, activation=activation)
    twin = FastRnn(INPUTS, hidden=HIDDEN, activation=activation).double()
    with torch.no_grad():
        twin.w.load_state_dict(cell.w.state_dict())
        twin.u[0].weight.copy_(2 * cell.u[0].weight)
        twin.alpha.copy_(torch.logit(torch.tensor(eta, dtype=torch.float64)))
        twin.beta.copy_(torch.logit(torch.tensor(1 - 2 * alpha * eta, dtype=torch.float64)))
    torch.testing.assert_close(run(cell, sequences())[0], run(twin, sequences())[0], rtol=0, atol=1e-6)


# TARNN.


def tarnn(**options: Any) -> Tarnn:
    cell = make("tarnn", eta=0.3, euler_steps=3, **options)
    assert isinstance(cell, Tarnn)
    return cell


@pytest.mark.parametrize("variant", ["a", "b"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_closed_gate_keeps_the_state(variant: str, activation: str) -> None:
    cell = tarnn(variant=variant, activation=activation)
    nn.init.constant_(cell.b_gate, -1e3)
    state = (H.expand(BATCH, -1).contiguous(), sequences()[:, 0])
    assert torch.equal(run(cell, sequences(), state)[0], state[0])


def ungated(cell: Tarnn, x: torch.Tensor) -> torch.Tensor:
    """The Euler steps of variant "b" without a gate, written out."""
    hidden = cell.hidden
    w1, _, b1x = weight(cell.w).split(hidden)
    u2, _, b2h = weight(cell.u).split(hidden)
    h, previous = torch.zeros(len(x), hidden, dtype=torch.float64), torch.zeros_like(x[:, 0])
    for frame in x.unbind(1):
        a, c = h @ u2.T + frame @ w1.T + cell.w_previous(previous), frame @ b1x.T + h @ b2h.T
        g = h
        for eta in cell.eta:
            g = (1 - eta) * g + eta * (cell.phi(cell.u_inner(g) + a) - g - h + c)
        h, previous = g, frame
    return h


def test_an_open_gate_leaves_variant_b_to_its_euler_steps() -> None:
    cell = tarnn(variant="b")
    nn.init.constant_(cell.b_gate, 1e3)
    torch.testing.assert_close(run(cell, sequences())[0], ungated(cell, sequences()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_variant_a_reduces_to_an_irnn(activation: str) -> None:
    """With U1 = U2, W2 = B1 = B2 = 0 and the gate open."""
    cell, twin = tarnn(activation=activation), irnn(euler_steps=3, eta=0.3, alpha=1.0, activation=activation)
    with torch.no_grad():
        cell.w[0].weight.zero_()
        cell.w[0].weight[:HIDDEN] = twin.w[0].weight
        cell.w_previous[0].weight.zero_()
        cell.w_previous[0].bias.copy_(twin.w[0].bias)
        cell.u[0].weight.zero_()
        cell.u[0].weight[:HIDDEN] = twin.u[0].weight
        cell.u_inner[0].weight.copy_(twin.u[0].weight)
        cell.b_gate.fill_(1e3)
    torch.testing.assert_close(run(cell, sequences())[0], run(twin, sequences())[0], rtol=0, atol=1e-6)


def test_variant_b_starts_nearly_closed() -> None:
    cell = tarnn(variant="b")
    assert torch.sigmoid(cell.b_gate).mean().item() == pytest.approx(0.047, abs=0.001)


def test_eta_per_time_step_ties_a_model_to_one_length() -> None:
    free, tied = tarnn(), tarnn(eta_per_time_step=STEPS)
    assert list(tied.state_sizes) == ["h", "x_previous", "time"]
    tied.load_state_dict(free.state_dict() | {key: value for key, value in tied.state_dict().items() if "eta" in key})
    assert torch.equal(run(free, sequences())[0], run(tied, sequences())[0])
    with torch.no_grad():
        tied.eta[0][STEPS - 1] = 0.9  # of the last time step alone
    short, long = sequences()[:, : STEPS - 1], sequences()
    assert torch.equal(run(free, short)[0], run(tied, short)[0])
    assert not torch.allclose(run(free, long)[0], run(tied, long)[0])
    with pytest.raises(TrainError, match=f"eta_per_time_step is {STEPS}, and a sequence has more time steps"):
        run(tied, sequences(steps=STEPS + 1))


def beta_on_noise(cell: Tarnn, x: torch.Tensor, informative: int) -> float:
    """Mean of beta over the steps after the first `informative` ones."""
    state, betas = cell.initial(len(x)), []
    with torch.no_grad():
        for place, frame in enumerate(x.unbind(1)):
            gate_x, gate_h = (part(of).chunk(3, dim=1)[1] for part, of in ((cell.w, frame), (cell.u, state[0])))
            if place >= informative:
                betas.append(torch.sigmoid(gate_x + gate_h + cell.b_gate).mean())
            state = cell(frame, state)
    return float(torch.stack(betas).mean())


@pytest.mark.parametrize("variant", ["a", "b"])
def test_training_closes_the_gate_on_noise(variant: str) -> None:
    """A sequence tells its class in three steps, which a mark shows, and goes on with thirty steps of noise."""
    torch.manual_seed(0)
    cell, readout = Tarnn(4, hidden=8, variant=variant, eta=0.5), nn.Linear(8, 2)
    optimiser = torch.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.02)

    def draw(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, labels = torch.randn(count, 33, 4), torch.randint(0, 2, (count,))
        x[:, :3] *= 0.1
        x[:, :3, 0] += (2 * labels - 1)[:, None]
        x[:, :, 1] = 0.0
        x[:, :3, 1] = 2.0
        return x, labels

    nn.init.zeros_(cell.b_gate)  # half open at first in both variants
    probe, _ = draw(200)
    before = beta_on_noise(cell, probe, informative=3)
    for _ in range(300):
        x, labels = draw(32)
        loss = nn.functional.cross_entropy(readout(run(cell, x)[0]), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.5  # a guess has 0.69
    assert beta_on_noise(cell, probe, informative=3) < before - 0.03


# What is refused.


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("irnn", {"rank_w": INPUTS + 1}, "a rank of 4 was asked of a matrix of 6x3, expected 1 .. 3, or 0"),
        ("irnn", {"rank_u": HIDDEN + 1}, "a rank of 7 was asked of a matrix of 6x6, expected 1 .. 6, or 0"),
        ("gru", {"rank_u": HIDDEN + 1}, "a rank of 7 was asked of a matrix of 18x6, expected 1 .. 6, or 0"),
        ("irnn", {"start": "previuos"}, "start is 'previuos', expected 'previous' or 'zero'"),
        ("irnn", {"eta": 0.0}, "eta is 0.0, expected a number above 0"),
        ("tarnn", {"variant": "c"}, "variant is 'c', expected 'a' or 'b'"),
        ("rnn", {"activation": "gelu"}, "activation is 'gelu', expected one of relu, tanh"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainError) as raised:
        make(name, **options)
    assert said in raised.value.problem
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_can_be_copied(name: str) -> None:
    cell = make(name, rank_u=2)
    twin = copy.deepcopy(cell)
    assert torch.equal(run(cell, sequences())[0], run(twin, sequences())[0])
