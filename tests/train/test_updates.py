"""Update rules: equal where theory says so, and the regulariser of FPTT against its identity."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train import models, updates
from train.config import Rule
from train.errors import TrainError
from train.losses.cross_entropy import CrossEntropy
from train.losses.mean_squared_error import MeanSquaredError
from train.models.classifier import Classifier
from train.updates.fptt import Regulariser
from train.updates.truncated_bptt import TruncatedBptt
from train.updates.update import Update

STEPS, FEATURES, CLASSES = 12, 3, 4
CELLS = ("irnn", "tarnn", "gru", "lstm")


def model(cell: str = "gru") -> Classifier:
    torch.manual_seed(0)
    return models.build(cell, (1, STEPS, FEATURES), CLASSES, {"hidden": 5})


def rule(name: str, clip: float = 0.0, cell: str = "gru", momentum: float = 0.9, **options: Any) -> Update:
    net = model(cell)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=momentum)
    return updates.build(Rule(name=name, **options), net, optimiser, CrossEntropy(CLASSES), clip)


def batches(count: int = 5) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return [
        (torch.rand(8, 1, STEPS, FEATURES, generator=generator), torch.randint(0, CLASSES, (8,), generator=generator))
        for _ in range(count)
    ]


def trained(update: Update, epochs: int = 2) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Losses and final weights of a few epochs."""
    losses = []
    for epoch in range(1, epochs + 1):
        losses += [update(images, targets) for images, targets in batches()]
        update.end_epoch()
        update.loss.end_epoch(epoch)
    return losses, update.model.state_dict()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("cell", CELLS)
def test_truncated_with_one_part_is_bptt_to_the_bit(cell: str) -> None:
    losses, weights = trained(rule("bptt", cell=cell, clip=0.5))
    others, same = trained(rule("truncated_bptt", cell=cell, clip=0.5, parts=1))
    assert losses == others
    assert equal(weights, same)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("parts", [1, 3, 5])
def test_fptt_without_its_regulariser_is_truncated_bptt_to_the_bit(cell: str, parts: int) -> None:
    losses, weights = trained(rule("truncated_bptt", cell=cell, parts=parts))
    others, same = trained(rule("fptt", cell=cell, parts=parts, strength=0.0, restart=False))
    assert losses == others
    assert equal(weights, same)
    assert not equal(weights, trained(rule("fptt", cell=cell, parts=parts))[1])  # the regulariser does something


def test_bptt_is_the_textbook_step() -> None:
    update, (images, targets) = rule("bptt", momentum=0.0), batches()[0]
    twin = copy.deepcopy(update.model)
    loss = torch.nn.functional.cross_entropy(twin(images), targets)
    loss.backward()
    assert update(images, targets) == loss.item()
    for parameter, other in zip(update.model.parameters(), twin.parameters(), strict=True):
        assert other.grad is not None
        torch.testing.assert_close(parameter, other - 0.1 * other.grad, rtol=0, atol=1e-7)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("tail", [2, 5, STEPS])
def test_a_tail_is_the_mean_over_the_answers_after_each_of_its_frames(cell: str, tail: int) -> None:
    update, (images, targets) = rule("bptt", momentum=0.0, cell=cell, tail=tail), batches()[0]
    twin = copy.deepcopy(update.model)
    shorter = [twin.head(twin.run(twin.frames(images[:, :, :steps]), twin.cell.initial(8))[0])
               for steps in range(STEPS - tail + 1, STEPS + 1)]  # fmt: skip
    loss = torch.stack([torch.nn.functional.cross_entropy(logits, targets) for logits in shorter]).mean()
    loss.backward()
    assert update(images, targets) == pytest.approx(loss.item(), rel=1e-6)
    for parameter, other in zip(update.model.parameters(), twin.parameters(), strict=True):
        assert other.grad is not None
        torch.testing.assert_close(parameter, other - 0.1 * other.grad, rtol=0, atol=1e-6)


def test_a_tail_beyond_the_sequence_is_refused() -> None:
    with pytest.raises(TrainError, match=f"update.tail is 13 and a sequence has {STEPS} time steps"):
        rule("bptt", tail=13)


@pytest.mark.parametrize("name", ["bptt", "truncated_bptt", "fptt"])
def test_clipping_bounds_the_step(name: str) -> None:
    update = rule(name, clip=0.01, momentum=0.0, parts=1)
    before = copy.deepcopy(update.model.state_dict())
    update(*batches()[0])
    moved = torch.cat([(value - before[name]).flatten() for name, value in update.model.state_dict().items()])
    assert float(moved.norm()) == pytest.approx(0.1 * 0.01, rel=1e-3)  # rate times clip


def saved_by_autograd(act: Callable[[], object]) -> int:
    """The most numbers that autograd held for one backward pass during `act`."""
    held, most = 0, 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal held, most
        held += tensor.numel()
        most = max(most, held)
        return tensor

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal held
        held = 0  # a backward pass has begun: everything was saved before it
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        act()
    return most


def test_activations_are_kept_for_one_part_at_a_time() -> None:
    images, targets = batches()[0]
    whole = saved_by_autograd(lambda: rule("bptt")(images, targets))
    for parts in (2, 4):
        part = saved_by_autograd(lambda parts=parts: rule("truncated_bptt", parts=parts)(images, targets))  # type: ignore[misc]
        assert part / whole == pytest.approx(1 / parts, rel=0.25)  # a readout, and a loss of two terms, come on top


def test_no_gradient_crosses_from_part_to_part() -> None:
    """What a part sees of the one before is its state; with a rate of 0 the last part's gradient shows it."""
    update, (images, targets) = rule("truncated_bptt", parts=3), batches()[0]
    update.optimiser.param_groups[0]["lr"] = 0.0
    update(images, targets)
    assert isinstance(update, TruncatedBptt)
    net, found = update.model, [parameter.grad.clone() for parameter in update.model.parameters()]
    frames = net.frames(images)
    with torch.no_grad():
        state = net.run(frames[:, : STEPS * 2 // 3], net.cell.initial(8))
    net.zero_grad()
    update.loss(net.head(net.run(frames[:, STEPS * 2 // 3 :], state)[0]), targets).backward()
    for parameter, gradient in zip(net.parameters(), found, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


# The regulariser on a convex quadratic l(W) = W'AW/2 - b'W, every step to the exact minimum.


def exact_step(regulariser: Regulariser, a: torch.Tensor, b: torch.Tensor) -> None:
    """W <- argmin l(W) + penalty(W). Both are quadratic, so one Newton step from anywhere is exact."""
    (weight,) = regulariser.weights
    weight.grad = None
    (weight @ a @ weight / 2 - b @ weight + regulariser.penalty()).backward()
    with torch.no_grad():
        weight -= torch.linalg.solve(a + regulariser.alpha * torch.eye(len(b), dtype=torch.float64), weight.grad)


@given(seed=st.integers(0, 99), alpha=st.floats(0.05, 2.0), beta=st.floats(0.1, 1.0), size=st.integers(1, 6))
def test_the_running_estimate_is_the_gradient(seed: int, alpha: float, beta: float, size: int) -> None:
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(size, size))
    matrices = [torch.from_numpy(root @ root.T + np.eye(size)) for _ in range(3)]
    weight = torch.from_numpy(generator.normal(size=size)).requires_grad_()
    regulariser = Regulariser([weight], alpha, beta)
    for index in range(6):
        a, b = matrices[index % 3], torch.from_numpy(generator.normal(size=size))  # another loss each time
        exact_step(regulariser, a, b)
        regulariser.follow()
        torch.testing.assert_close(regulariser.gradients[0], (a @ weight - b).detach(), rtol=0, atol=1e-9)


def test_weights_and_their_mean_converge_to_the_minimum() -> None:
    a, b = torch.diag(torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)), torch.ones(3, dtype=torch.float64)
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    regulariser = Regulariser([weight], alpha=0.5, beta=0.5)
    for _ in range(200):
        exact_step(regulariser, a, b)
        regulariser.follow()
    for value in (weight.detach(), regulariser.means[0]):
        torch.testing.assert_close(value, b / a.diagonal(), rtol=0, atol=1e-12)


def test_one_step_of_the_regulariser_worked_by_hand() -> None:
    weight = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    regulariser = Regulariser([weight], alpha=0.5, beta=0.25)
    regulariser.gradients[0].fill_(3.0)
    with torch.no_grad():
        weight.fill_(6.0)  # the step; the mean is still 2
    assert regulariser.penalty().item() == 0.25 * 16 - 6 * 3
    regulariser.follow()
    gradient = 3 - 0.5 * 4
    assert regulariser.gradients[0].item() == gradient == 1
    assert regulariser.means[0].item() == 0.75 * 2 + 0.25 * 6 - 0.5 * gradient == 2.5
    regulariser.restart()
    assert (weight.item(), regulariser.gradients[0].item()) == (2.5, 0.0)


def test_fptt_starts_an_epoch_from_the_mean() -> None:
    kept, restarted = rule("fptt", parts=3, restart=False), rule("fptt", parts=3, restart=True)
    for update in (kept, restarted):
        update(*batches()[0])
        update.end_epoch()
    mean = restarted.state_dict()["means"]
    assert all(torch.equal(one, other) for one, other in zip(restarted.model.parameters(), mean, strict=True))
    assert not equal(kept.model.state_dict(), restarted.model.state_dict())


def test_fptt_goes_on_from_its_state() -> None:
    whole, broken = rule("fptt", parts=3), rule("fptt", parts=3)
    for images, targets in batches()[:2]:
        whole(images, targets)
        broken(images, targets)
    fresh = rule("fptt", parts=3)
    fresh.model.load_state_dict(broken.model.state_dict())
    fresh.optimiser.load_state_dict(broken.optimiser.state_dict())
    fresh.load_state_dict(broken.state_dict())
    for images, targets in batches()[2:]:
        assert whole(images, targets) == fresh(images, targets)
    assert equal(whole.model.state_dict(), fresh.model.state_dict())


# Losses of parts.


def test_the_loss_of_a_part_worked_by_hand() -> None:
    loss, outputs, targets = CrossEntropy(2), torch.tensor([[1.0, 3.0]]), torch.tensor([0])
    logs = outputs.log_softmax(1)[0]
    expected = 0.25 * -logs[0] + 0.75 * (-0.5 * logs).mean()  # Q is uniform; the mean is over classes too
    assert loss.part(outputs, targets, part=0, parts=4).item() == pytest.approx(expected.item())
    assert loss.part(outputs, targets, part=3, parts=4).item() == pytest.approx(-logs[0].item())


def test_after_the_uniform_epochs_a_part_expects_what_was_right_there() -> None:
    loss = CrossEntropy(3, uniform_epochs=1)
    right, wrong = torch.tensor([[4.0, 1.0, 0.0], [3.0, 0.0, 1.0]]), torch.tensor([[0.0, 5.0, 0.0]])
    loss.part(torch.cat([right, wrong]), torch.tensor([0, 0, 0]), part=1, parts=4)
    loss.end_epoch(1)
    expected = right.softmax(1).mean(0)
    logs, outputs = torch.tensor([[0.0, 1.0, 2.0]]).log_softmax(1), torch.tensor([[0.0, 1.0, 2.0]])
    found = loss.part(outputs, torch.tensor([0]), part=1, parts=4)
    assert found.item() == pytest.approx((0.5 * -logs[0, 0] + 0.5 * (-expected * logs[0]).mean()).item())
    other = loss.part(outputs, torch.tensor([2]), part=1, parts=4)  # of this class none was right: uniform
    assert other.item() == pytest.approx((0.5 * -logs[0, 2] + 0.5 * (-logs[0] / 3).mean()).item())
    again = CrossEntropy(3, uniform_epochs=1)
    again.load_state_dict(loss.state_dict())
    assert again.part(outputs, torch.tensor([0]), part=1, parts=4).item() == found.item()


def test_squared_errors() -> None:
    loss, outputs, targets = MeanSquaredError(1), torch.tensor([[1.0], [4.0]]), torch.tensor([2.0, 2.0])
    assert loss(outputs, targets).item() == 2.5
    assert loss.part(outputs, targets, part=0, parts=5).item() == pytest.approx(0.5)
    assert loss.part(outputs, targets, part=4, parts=5).item() == 2.5


# What is refused.


@pytest.mark.parametrize("name", ["truncated_bptt", "fptt"])
def test_more_parts_than_steps_are_refused(name: str) -> None:
    with pytest.raises(TrainError, match=f"parts is {STEPS + 1} and a sequence has {STEPS} time steps"):
        rule(name, parts=STEPS + 1)


@pytest.mark.parametrize("name", ["truncated_bptt", "fptt"])
def test_a_model_without_a_state_has_no_parts(name: str) -> None:
    net = models.build("cnn", (1, 8, 8), CLASSES, {})
    with pytest.raises(TrainError, match=f"update.name is '{name}' for a model without a state"):
        updates.build(Rule(name=name), net, torch.optim.SGD(net.parameters()), CrossEntropy(CLASSES), 0.0)
