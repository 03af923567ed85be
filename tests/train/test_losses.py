"""Losses that learn when to abstain: against their formulas in float64, at the ends of float32, in limits that are
known, and on a toy problem on which it is plain what to abstain from."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the field's own name)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from contract.run_folder import RunFolder
from train import config, data, heads, loop, losses, models
from train.config import Data, Model, Rule
from train.errors import TrainError
from train.heads.head import as_tuple
from train.losses.deep_gamblers import DeepGamblers, gamble
from train.losses.loss import Loss
from train.losses.one_sided_prediction import OneSidedPrediction, surrogates

ABSTAINING = [name for name, entry in losses.LOSSES.items() if entry.head != heads.LINEAR]
DIGITS = data.load(Data(set="digits"))
ALL = data.splits(DIGITS, Data(set="digits"))
PARTS = data.Splits(ALL.train[:320], ALL.validation[:100], ALL.test[:100])


def batch(seed: int, count: int = 12, classes: int = 4, spread: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [count, classes], float64, and targets with every class among them."""
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(count, classes, generator=generator, dtype=torch.float64)
    return logits, torch.arange(count) % classes


def outputs(name: str, values: torch.Tensor, count: int = 8, classes: int = 4) -> Any:
    """What the head of a loss gives in training mode for `count` samples, its numbers taken from `values` in turn."""
    answer = heads.build(losses.LOSSES[name].head, 3, classes)(torch.zeros(count, 3))
    made, place = [], 0
    for output in as_tuple(answer):
        made.append(values[(place + torch.arange(output.numel())) % len(values)].reshape(output.shape))
        place += output.numel()
    return tuple(made) if len(made) > 1 else made[0]


# Every loss.


@pytest.mark.parametrize("name", ABSTAINING)
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0, 1e4, 1e30])
def test_losses_and_gradients_are_finite_in_float32(name: str, size: float) -> None:
    """Logits so far apart that probabilities, and what they leave to 1, round to 0."""
    torch.manual_seed(0)
    loss, values = losses.build(name, 4, {}), torch.empty(101).uniform_(-size, size).requires_grad_()
    value = loss(outputs(name, values), torch.arange(8) % 4)
    value.backward()
    assert torch.isfinite(value)
    assert values.grad is not None and torch.isfinite(values.grad).all()


@pytest.mark.parametrize("name", ABSTAINING)
def test_an_early_part_weighs_less(name: str) -> None:
    loss, targets = losses.build(name, 4, {}), torch.arange(8) % 4
    answer = outputs(name, torch.linspace(-1, 2, 37))
    whole = loss(answer, targets)
    assert loss.part(answer, targets, part=4, parts=5).item() == whole.item()
    assert loss.part(answer, targets, part=1, parts=5).item() == pytest.approx(0.4 * whole.item())


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_loss_stays_on_the_device_of_its_outputs(name: str) -> None:
    """A device without values refuses every tensor of the CPU, as a GPU does."""
    loss = losses.build(name, 4, {})
    with torch.device("meta"):
        answer = heads.build(losses.LOSSES[name].head, 3, 4)(torch.zeros(8, 3))
        targets = torch.zeros(8, dtype=torch.float32 if name == losses.OF_NUMBERS else torch.int64)
    for part in (0, 1):
        value = loss.part(answer, targets, part, parts=2)
        value.backward(retain_graph=True)
        loss.after_step()
        assert value.device.type == "meta"


# Deep Gamblers.


@given(st.integers(0, 99), st.floats(1.01, 5.0))
def test_deep_gamblers_is_its_formula(seed: int, reward: float) -> None:
    logits, targets = batch(seed, classes=5)
    targets = targets % 4
    p = logits.softmax(1)
    expected = -torch.log(p[torch.arange(12), targets] + p[:, 4] / reward).mean()
    torch.testing.assert_close(gamble(logits, targets, reward), expected)


def test_with_an_endless_reward_deep_gamblers_is_cross_entropy_over_all_outputs() -> None:
    logits, targets = batch(0, classes=5)
    targets = targets % 4
    for reward, tolerance in ((1e3, 1e-1), (1e12, 1e-9), (math.inf, 1e-12)):
        torch.testing.assert_close(
            gamble(logits, targets, reward), F.cross_entropy(logits, targets), rtol=0, atol=tolerance
        )


def test_deep_gamblers_warms_up_with_the_classes_alone() -> None:
    loss, (logits, targets) = losses.build("deep_gamblers", 4, {"reward": 2.0, "warm_up": 2}), batch(1, classes=5)
    targets = targets % 4
    for epoch in (1, 2):
        assert loss(logits, targets) == F.cross_entropy(logits[:, :4], targets)
        loss.end_epoch(epoch)
    assert loss(logits, targets) == gamble(logits, targets, 2.0)
    again = DeepGamblers(4, reward=2.0, warm_up=2)
    again.load_state_dict(loss.state_dict())
    assert again(logits, targets) == loss(logits, targets)


# SelectiveNet.


def test_the_coverage_penalty_of_selective_net_worked_by_hand() -> None:
    """Both samples have g = 0.5, so the risk is the plain mean; 0.8 - 0.5 is missing."""
    loss = losses.build("selective_net", 2, {"coverage": 0.8, "penalty": 32.0, "alpha": 0.5})
    logits, auxiliary = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    targets = torch.tensor([0, 1])
    plain, other = F.cross_entropy(logits, targets), F.cross_entropy(auxiliary, targets)
    found = loss((logits, torch.zeros(2, 1), auxiliary), targets)
    assert found.item() == pytest.approx((0.5 * (plain + 32 * 0.3**2) + 0.5 * other).item())
    enough = loss((logits, torch.full((2, 1), 3.0), auxiliary), targets)  # g = 0.95: no penalty
    assert enough.item() == pytest.approx((0.5 * plain + 0.5 * other).item())


@given(st.integers(0, 99), st.floats(0.1, 1.0))
def test_selective_net_is_its_formula(seed: int, coverage: float) -> None:
    (logits, targets), (gate, _), (auxiliary, _) = batch(seed), batch(seed + 1, classes=1), batch(seed + 2)
    g, each = torch.sigmoid(gate[:, 0]), F.cross_entropy(logits, targets, reduction="none")
    short = max(0.0, coverage - g.mean().item())
    expected = 0.5 * ((g * each).mean() / g.mean() + 32 * short**2) + 0.5 * F.cross_entropy(auxiliary, targets)
    found = losses.build("selective_net", 4, {"coverage": coverage})((logits, gate, auxiliary), targets)
    torch.testing.assert_close(found, expected)


# One-Sided Prediction.


@given(st.integers(0, 99))
def test_of_two_classes_one_sided_prediction_is_a_cross_entropy(seed: int) -> None:
    """With lambda 1 and phi 0: as f_0 = 1 - f_1, what is not in one class is in the other."""
    logits, targets = batch(seed, classes=2)
    loss = OneSidedPrediction(2, mu=0.0, a=1.0)
    loss.multipliers, loss.bounds = torch.ones(2), torch.zeros(2)
    each = F.cross_entropy(logits, targets, reduction="none")
    expected = 2 * (each[targets == 0].mean() + each[targets == 1].mean())
    torch.testing.assert_close(loss((logits, logits), targets), expected)


@given(st.integers(0, 99), st.integers(2, 6))
def test_one_sided_prediction_is_its_formula(seed: int, classes: int) -> None:
    logits, targets = batch(seed, classes=classes)
    auxiliary, f = batch(seed + 1, classes=classes)[0], logits.softmax(1)
    loss = OneSidedPrediction(classes, mu=1.3, a=0.9)
    loss.multipliers = torch.linspace(0.1, 2, classes)
    expected = 0.1 * F.cross_entropy(auxiliary, targets)
    for k in range(classes):
        coverage = -torch.log(f[targets == k, k]).mean()
        violation = -torch.log(1 - f[targets != k, k]).mean()
        expected = expected + 0.9 * (coverage + loss.multipliers[k] * (violation - 0.5) + 1.3 * 0.5)
    torch.testing.assert_close(loss((logits, auxiliary), targets), expected.to(torch.float64))


def test_what_rounds_to_zero_in_float32_still_has_a_gradient() -> None:
    """f_1 = 1e-9, of which 1 - f_1 keeps nothing in float32."""
    logits = torch.tensor([[math.log(1e9), 0.0]], requires_grad=True)
    violations = surrogates(logits, torch.tensor([[1.0, 0.0]]))[1]
    assert violations[1].item() == pytest.approx(1e-9, rel=1e-5)
    violations[1].backward()
    assert logits.grad is not None and logits.grad[0].tolist() == pytest.approx([-1e-9, 1e-9], rel=1e-5)


def test_what_rounds_to_one_in_float32_still_has_a_loss() -> None:
    """f_0 = 1 - 2e-30, where 1 - f_0 in float32 is 0 and its logarithm is not finite."""
    logits = torch.tensor([[69.0, 0.0, 0.0]], requires_grad=True)
    own = torch.tensor([[0.0, 1.0, 0.0]])
    violations = surrogates(logits, own)[1]
    assert violations[0].item() == pytest.approx(69.0 - math.log(2), rel=1e-6)
    violations[0].backward()
    assert logits.grad is not None and logits.grad[0].tolist() == pytest.approx([1.0, -0.5, -0.5])


@pytest.mark.parametrize("mu", [0.49, 1.67])
def test_the_saddle_is_mu_and_the_violation(mu: float) -> None:
    """Weights that stand still: lambda and phi go round the saddle, and their means over time are at it."""
    logits, targets = batch(3, classes=3, spread=1.0)
    violations = surrogates(logits, F.one_hot(targets, 3))[1]
    loss = OneSidedPrediction(3, mu=mu, rate=0.05)
    multipliers, bounds = [], []
    for _ in range(20_000):
        if len(bounds) % 1000 == 0:
            loss((logits, logits), targets)
        loss.after_step()
        multipliers.append(loss.multipliers)
        bounds.append(loss.bounds)
    assert min(values.min() for values in multipliers + bounds) >= 0
    torch.testing.assert_close(torch.stack(multipliers).mean(0), torch.full((3,), mu).double(), rtol=0, atol=0.02)
    torch.testing.assert_close(torch.stack(bounds).mean(0), violations, rtol=0, atol=0.02)
    # One after the other keeps the circle: both steps at once would widen it by rate^2 / 2 a step, to many times its
    # size.
    reach = [
        max((values - mu).abs().max().item() for values in part) for part in (multipliers[:500], multipliers[-500:])
    ]
    assert reach[1] < 1.1 * reach[0]


@given(st.integers(0, 99), st.floats(0, 3), st.floats(0, 1))
def test_multipliers_and_bounds_are_never_negative(seed: int, mu: float, rate: float) -> None:
    loss = OneSidedPrediction(3, mu=mu, rate=rate)
    for step in range(20):
        logits, targets = batch(seed + step, classes=3)
        loss((logits, logits), targets)
        loss.after_step()
        assert loss.multipliers.min() >= 0 and loss.bounds.min() >= 0


def test_a_batch_of_one_class_moves_nothing_of_that_class() -> None:
    loss, logits = OneSidedPrediction(3, mu=2.0), batch(0, classes=3)[0]
    value = loss((logits, logits), torch.zeros(12, dtype=torch.int64))
    loss.after_step()
    assert torch.isfinite(value)
    assert loss.multipliers[0] == 1.5 and loss.bounds[0] == 0.5
    assert (loss.bounds[1:] != 0.5).all()


# AppealNet.


def test_appeal_net_worked_by_hand() -> None:
    loss = losses.build("appeal_net", 2, {"beta": 0.3})
    logits, gate, targets = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1])
    q = torch.sigmoid(gate[:, 0])
    expected = (q * F.cross_entropy(logits, targets, reduction="none")).mean() - 0.3 * torch.log(q).mean()
    assert loss((logits, gate), targets).item() == pytest.approx(expected.item())


# A toy problem: two classes that are told apart above the line, and are coin tosses below it.


def toy() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples [N, 2], labels [N], and which of them can be known."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(600, 2, generator=generator) * 2 - 1
    tossed = torch.randint(0, 2, (600,), generator=generator)
    known = x[:, 1] > 0
    return x, torch.where(known, (x[:, 0] > 0).long(), tossed), known


def learned(name: str, **options: float) -> tuple[nn.Sequential, Loss]:
    """A small network trained on the toy problem, in eval mode, and its loss."""
    torch.manual_seed(1)
    x, y, _ = toy()
    net = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), heads.build(losses.LOSSES[name].head, 24, 2))
    warm_up = {"warm_up": 0} if name == "deep_gamblers" else {}
    loss = losses.build(name, 2, {**options, **warm_up})
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(250):
        optimiser.zero_grad()
        loss(net(x), y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.after_step()
    return net.eval(), loss


def kept(name: str, net: nn.Sequential) -> torch.Tensor:
    """The probability to answer [N]."""
    with torch.inference_mode():
        answer = net(toy()[0])
    if name == "deep_gamblers":
        return 1 - answer.softmax(1)[:, 2]
    return torch.sigmoid(answer[1][:, 0])


@pytest.mark.parametrize(
    ("name", "options"),
    [("deep_gamblers", {"reward": 1.6}), ("selective_net", {"coverage": 0.5}), ("appeal_net", {"beta": 0.15})],
)
def test_what_can_be_known_is_kept(name: str, options: dict[str, float]) -> None:
    """The gate's polarity: high is to answer."""
    keep, known = kept(name, learned(name, **options)[0]), toy()[2]
    assert keep[known].mean() > 0.8
    assert keep[~known].mean() < 0.35


@pytest.mark.parametrize("coverage", [0.3, 0.6, 0.9])
def test_selective_net_covers_what_it_was_asked_for(coverage: float) -> None:
    """The penalty is on covering less; covering more is left to the risk."""
    assert kept("selective_net", learned("selective_net", coverage=coverage)[0]).mean().item() > coverage - 0.03


def test_without_its_penalty_selective_net_covers_less() -> None:
    assert kept("selective_net", learned("selective_net", coverage=0.9, penalty=0.0)[0]).mean().item() < 0.6


def test_a_dearer_appeal_keeps_more_and_a_smaller_reward_less() -> None:
    cheap, dear = (kept("appeal_net", learned("appeal_net", beta=beta)[0]).mean() for beta in (0.1, 0.6))
    assert dear > cheap + 0.2
    small, large = (kept("deep_gamblers", learned("deep_gamblers", reward=reward)[0]).mean() for reward in (1.1, 1.6))
    assert large > small + 0.2


def test_a_larger_mu_covers_less_at_the_same_threshold() -> None:
    """Three overlapping classes and a linear model: less falls wrongly into a set (C), and less into it at all (L)."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(900) % 3
    x = torch.tensor([[1.0, 0.0], [-0.5, 0.87], [-0.5, -0.87]])[y] + 0.6 * torch.randn(900, 2, generator=generator)
    found = []
    for mu in (0.1, 1.0, 10.0):
        torch.manual_seed(0)
        net, loss = nn.Linear(2, 3), losses.build("one_sided_prediction", 3, {"mu": mu, "a": 1.0})
        optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
        for _ in range(600):
            logits = net(x)
            optimiser.zero_grad()
            loss((logits, logits), y).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            loss.after_step()
        logits = net(x).detach()
        coverages, violations = surrogates(logits, F.one_hot(y, 3).float())
        covered = (logits.softmax(1).amax(1) >= 0.9).double().mean().item()
        found.append((-coverages.sum().item(), violations.sum().item(), covered))
    for larger, smaller in itertools.pairwise(found):
        assert all(one > other for one, other in zip(larger, smaller, strict=True))


# In the training loop.


QUICK: dict[str, dict[str, Any]] = {
    "deep_gamblers": {"loss": config.Loss(name="deep_gamblers", options={"warm_up": 6})}
}


def fit(folder: Path, name: str, stop_after: int | None = None, **changes: Any) -> tuple[Any, list[loop.Epoch]]:
    settings = Model(
        **{"model": "cnn", "epochs": 3, "learning_rate": 0.02, "loss": config.Loss(name=name, options={}),
           "options": {"width": 4}} | changes
    )  # fmt: skip
    loop.use(threads=1)
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    model = models.build(settings.model, DIGITS.input_shape, 10, settings.options, settings.head)
    epochs = []
    for epoch in loop.fit("base", model, settings, DIGITS, PARTS, RunFolder(folder)):
        epochs.append(epoch)
        if epoch.epoch == stop_after:
            break
    return model, epochs


@pytest.mark.parametrize("name", ABSTAINING)
def test_every_loss_learns_digits(name: str, tmp_path: Path) -> None:
    _, epochs = fit(tmp_path, name, epochs=12, **QUICK.get(name, {}))
    assert epochs[-1].loss < epochs[0].loss
    assert (epochs[-1].validation_accuracy or 0) > 0.5  # a guess gives 0.1


@pytest.mark.parametrize("name", ABSTAINING)
@pytest.mark.parametrize("rule", [Rule(tail=3), Rule(name="truncated_bptt", parts=2), Rule(name="fptt", parts=2)])
def test_every_loss_goes_with_every_rule_of_sequences(name: str, rule: Rule, tmp_path: Path) -> None:
    _, epochs = fit(
        tmp_path, name, model="gru", options={"hidden": 12}, update=rule, epochs=4, clip=1.0, **QUICK.get(name, {})
    )
    assert epochs[-1].validation_loss < epochs[0].validation_loss


@pytest.mark.parametrize("name", ["deep_gamblers", "one_sided_prediction"])
def test_a_resumed_training_equals_an_uninterrupted_one(name: str, tmp_path: Path) -> None:
    """The epoch of the warm-up, and lambda and phi, come back."""
    options = {"warm_up": 2} if name == "deep_gamblers" else {"rate": 0.1}
    loss = config.Loss(name=name, options=options)
    whole, epochs = fit(tmp_path / "whole", name, loss=loss)
    fit(tmp_path / "broken", name, loss=loss, stop_after=1)
    fit(tmp_path / "broken", name, loss=loss, stop_after=2)
    resumed, rest = fit(tmp_path / "broken", name, loss=loss)
    assert rest == epochs[2:]
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


@pytest.mark.parametrize("name", ABSTAINING)
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_epoch(name: str, tmp_path: Path) -> None:
    # Decay multiplies every weight by about 1 - learning_rate at each step, which ends beyond float32.
    with pytest.raises(TrainError, match="in epoch") as raised:
        fit(tmp_path, name, epochs=60, learning_rate=30.0, weight_decay=1.0)
    folder = RunFolder(tmp_path)
    good = len(folder.metrics.read_text().splitlines())
    assert 1 <= good < 60
    assert f"{loop.state_file(folder, 'base')} keeps epoch {good}" in raised.value.problem
    state = torch.load(loop.state_file(folder, "base"), weights_only=True)
    assert state["epoch"] == good
    assert all(torch.isfinite(value).all() for value in state["model"].values())


# What is refused.


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cross_entropy", {"label_smoothing": 1.0}, "loss.label_smoothing is 1.0, expected a share"),
        ("deep_gamblers", {"reward": 1.0}, "loss.reward is 1, expected a number above 1 and at most 4, the number of"),
        ("deep_gamblers", {"reward": 4.5}, "loss.reward is 4.5, expected"),
        ("selective_net", {"coverage": 0.0}, "loss.coverage is 0, expected a share above 0 and at most 1"),
        ("selective_net", {"coverage": 1.2}, "loss.coverage is 1.2"),
        ("selective_net", {"penalty": -1.0}, "loss.penalty is -1, expected a number of 0 or more"),
        ("selective_net", {"alpha": 2.0}, "loss.alpha is 2, expected a share of 0 to 1"),
        ("one_sided_prediction", {"mu": -0.1}, "loss.mu is -0.1, expected a number of 0 or more"),
        ("one_sided_prediction", {"rate": -0.1}, "loss.rate is -0.1"),
        ("one_sided_prediction", {"a": 1.5}, "loss.a is 1.5, expected a share of 0 to 1"),
        ("appeal_net", {"beta": 0.0}, "loss.beta is 0, expected a number above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, float], said: str) -> None:
    with pytest.raises(TrainError) as raised:
        losses.build(name, 4, options)
    assert said in raised.value.problem


def test_classes_are_no_number(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"base\.loss\.name is 'mean_squared_error', and data set digits has classes"):
        fit(tmp_path, "mean_squared_error")
