"""Distillation: its formulas, the guide on toys whose answer is known, resuming, and what stays out of the model."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr, softmax
from torch.nn import functional

from contract.run_folder import RunFolder
from train import config, data, distil, loop, losses, models, run
from train.config import Augment, Data, Distil, Loss, Model, Rule
from train.data import Splits
from train.distil.disk import Disk
from train.errors import TrainError
from train.loop import Epoch
from train.losses.cross_entropy import CrossEntropy
from train.models.classifier import Classifier

DIGITS = data.load(Data(set="digits"))
ALL = data.splits(DIGITS, Data(set="digits"))
PARTS = Splits(ALL.train[:130], ALL.validation[:50], ALL.test[:50])


def teacher(classes: int = 10) -> Classifier:
    torch.manual_seed(1)
    return models.build("large_cnn", (1, 8, 8), classes, {"width": 2, "hidden": 8}).eval()


def disk(classes: int = 10, **options: float) -> Disk:
    torch.manual_seed(2)
    made = distil.build("disk", CrossEntropy(classes), teacher(classes), options)
    assert isinstance(made, Disk)
    return made


def logits(seed: int, classes: int = 10) -> torch.Tensor:
    return 3 * torch.randn(40, classes, generator=torch.Generator().manual_seed(seed))


LABELS = torch.arange(40) % 10


def test_kd_is_its_formula() -> None:
    """Against SciPy, on what the teacher says to a batch."""
    images, student = torch.from_numpy(DIGITS.images[:40]), logits(0)
    loss = distil.build("kd", CrossEntropy(10), teacher(), {"share": 0.7, "temperature": 3.0})
    loss.see(images)
    t, s = loop.logits(teacher(), DIGITS.images[:40]).astype(np.float64) / 3, student.numpy().astype(np.float64) / 3
    divergence = rel_entr(softmax(t, axis=1), softmax(s, axis=1)).sum(axis=1).mean()
    labels = -log_softmax(3 * s, axis=1)[np.arange(40), LABELS.numpy()].mean()
    assert loss(student, LABELS).item() == pytest.approx(0.3 * labels + 0.7 * 9 * divergence, rel=1e-5)


@pytest.mark.parametrize("name", distil.DISTILLATIONS)
def test_without_a_share_only_the_labels_count(name: str) -> None:
    loss = distil.build(name, CrossEntropy(10), teacher(), {"share": 0.0})
    loss.see(torch.from_numpy(DIGITS.images[:40]))
    assert loss(logits(0), LABELS).item() == pytest.approx(functional.cross_entropy(logits(0), LABELS).item(), rel=1e-6)
    part = loss.part(logits(0), LABELS, 0, 2)
    assert part.item() == pytest.approx(CrossEntropy(10).part(logits(0), LABELS, 0, 2).item(), rel=1e-6)


@pytest.mark.parametrize("help_", [None, torch.full((40, 1), -torch.inf)], ids=["start", "g is 0"])
def test_disk_without_help_is_kd(help_: torch.Tensor | None) -> None:
    """KD but for the entropy of the teacher, which no student changes."""
    loss, taught = disk(temperature=3.0), logits(1)
    kd = distil.build("kd", CrossEntropy(10), teacher(), {"temperature": 3.0})
    student = logits(0).requires_grad_()
    found = loss.distance(student, loss.wanted(taught, LABELS), help_)
    p = functional.softmax(taught / 3, dim=1)
    entropy = -(p * p.log()).sum(1).mean()
    wanted = kd.knowledge(student, taught, torch.empty(0), LABELS)  # type: ignore[attr-defined]
    assert found.item() == pytest.approx((wanted + 9 * entropy).item(), rel=1e-6)
    ((one,), (other,)) = (torch.autograd.grad(value, student) for value in (found, wanted))
    torch.testing.assert_close(one, other)


def test_help_makes_a_sample_count_less() -> None:
    loss, student = disk(temperature=1.0), logits(0).requires_grad_()
    wanted = loss.wanted(logits(1), LABELS)
    norms, values = [], []
    for g in (0.0, 0.5, 1.0):
        value = loss.distance(student, wanted, torch.full((40, 1), g).logit())
        norms.append(torch.autograd.grad(value, student)[0].norm().item())
        values.append(value.item())
    assert norms == sorted(norms, reverse=True) and norms[2] < norms[0] / 2
    assert values == sorted(values, reverse=True) and values[2] < 0


def test_the_teacher_counts_by_its_top_classes_and_the_label() -> None:
    taught = torch.tensor([[5.0, 4.0, 3.0, 2.0]])
    wanted = disk(4, top=2, temperature=2.0).wanted(taught, torch.tensor([3]))
    chosen = np.array([5.0, 4.0, 2.0]) / 2
    np.testing.assert_allclose(wanted[0, [0, 1, 3]], softmax(chosen), rtol=1e-6)
    assert wanted[0, 2] == 0


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_no_mistake_and_no_doubt_are_no_nan(scale: float) -> None:
    loss, right = disk(), scale * functional.one_hot(LABELS, 10).float()
    value = loss.objective(right, loss.wanted(right, LABELS), torch.randn(40, 8), LABELS)
    value.backward()
    assert torch.isfinite(value)
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in loss.guide.parameters())


def guided(**options: float) -> tuple[float, float]:
    """Mean help for samples that a student gets right and wrong, after the guide learned from a teacher that gets all
    right.

    One number of the features tells which are which."""
    loss = disk(6, rate=0.01, **options)
    generator = torch.Generator().manual_seed(0)
    labels, hard = torch.randint(6, (200,), generator=generator), torch.arange(200) % 4 == 0
    noise = torch.randn(2, 200, 6, generator=generator)
    taught = 6 * functional.one_hot(labels, 6) + noise[0]
    student = 4 * functional.one_hot(torch.where(hard, (labels + 1) % 6, labels), 6) + noise[1]
    features = torch.randn(200, 8, generator=generator)
    features[:, 0] = torch.where(hard, 1.0, -1.0)
    for _ in range(400):
        loss.knowledge(student, taught, features, labels)
        loss.after_step()
    right = student.argmax(1) == labels
    with torch.no_grad():
        g = torch.sigmoid(loss.guide(features))[:, 0]
    return g[right].mean().item(), g[~right].mean().item()


def test_free_help_is_given_everywhere() -> None:
    right, wrong = guided(price=0.0, strength=0.0, strongest=0.0)
    assert right > 0.95 and wrong > 0.95


def test_with_price_and_budget_help_goes_where_the_student_is_wrong() -> None:
    right, wrong = guided()
    unbound = guided(strength=0.0, strongest=0.0)
    tight = guided(strength=5.0, strongest=5.0, budget=0.2, least_budget=0.2)
    assert right < 0.02 and wrong > 0.1
    assert right < wrong / 5 and tight[0] < tight[1] / 3
    assert unbound[1] > wrong > tight[1]  # a tighter budget, less help


def test_the_budget_alone_would_help_where_the_student_is_right() -> None:
    """Why there is a price: as the budget counts cross-entropy, it leaves help free on samples that the student has
    learned."""
    right, wrong = guided(price=0.0, strength=5.0, strongest=5.0)
    assert right > wrong


def test_strength_and_budget_follow_their_schedules() -> None:
    loss = disk(cycle=5)
    seen = []
    for epoch in range(1, 7):
        seen.append((loss._scheduled(*loss.strengths), loss._scheduled(*loss.budgets)))
        loss.end_epoch(epoch)
    np.testing.assert_allclose([seen[0], seen[2], seen[4], seen[5]], [(1, 0.6), (3, 0.5), (5, 0.4), (1, 0.6)])
    assert [strength for strength, _ in seen[:5]] == sorted(strength for strength, _ in seen[:5])


def test_no_help_is_given_in_the_first_epochs() -> None:
    loss, student = disk(start=2), logits(0)
    wanted = loss.wanted(logits(1), LABELS)
    without, features = loss.distance(student, wanted, None), torch.randn(40, 8)
    for epoch in (1, 2):
        assert loss.knowledge(student, logits(1), features, LABELS) == without
        before = [weight.clone() for weight in loss.guide.parameters()]
        loss.after_step()  # but the guide learns
        assert all((weight != old).any() for weight, old in zip(loss.guide.parameters(), before, strict=True))
        loss.end_epoch(epoch)
    assert loss.knowledge(student, logits(1), features, LABELS) < without


def start(folder: Path, settings: Model, stop_after: int | None = None) -> tuple[Classifier, list[Epoch]]:
    """Train from whatever the folder holds; `stop_after` abandons the loop after that epoch."""
    loop.use(threads=1)
    folder.mkdir(exist_ok=True)
    master = teacher()
    torch.manual_seed(5)
    model = models.build(settings.model, DIGITS.input_shape, 10, settings.options, settings.head)
    before = {name: value.clone() for name, value in master.state_dict().items()}
    epochs = []
    for epoch in loop.fit("base", model, settings, DIGITS, PARTS, RunFolder(folder), master):
        epochs.append(epoch)
        if epoch.epoch == stop_after:
            break
    assert all(torch.equal(value, before[name]) for name, value in master.state_dict().items())
    return model, epochs


@pytest.mark.parametrize("name", distil.DISTILLATIONS)
def test_a_resumed_distillation_equals_an_uninterrupted_one(tmp_path: Path, name: str) -> None:
    options = {**distil.options(name), **({"start": 1} if name == "disk" else {})}
    settings = Model(
        model="cnn", epochs=4, augment=Augment(shift=1, noise=0.1), options={"width": 2}, distil=Distil(name=name, options=options)
    )  # fmt: skip
    whole, epochs = start(tmp_path / "whole", settings)
    start(tmp_path / "broken", settings, stop_after=2)
    resumed, rest = start(tmp_path / "broken", settings)
    assert rest == epochs[2:]
    assert all(math.isfinite(epoch.loss) for epoch in epochs)
    plain = models.build("cnn", (1, 8, 8), 10, {"width": 2})
    assert whole.state_dict().keys() == plain.state_dict().keys()  # nothing of teacher or guide
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


@pytest.mark.parametrize("name", distil.DISTILLATIONS)
@pytest.mark.parametrize("rule", [Rule(), Rule(tail=3), Rule(name="fptt", parts=4)], ids=["bptt", "tail", "fptt"])
def test_a_recurrent_student_learns_from_a_teacher_of_images(tmp_path: Path, name: str, rule: Rule) -> None:
    settings = Model(
        model="gru",
        epochs=2,
        learning_rate=0.02,
        options={"hidden": 8},
        update=rule,
        distil=Distil(name=name, options={}),
    )
    _, epochs = start(tmp_path, settings)
    assert epochs[1].loss < epochs[0].loss


@pytest.mark.parametrize("label_loss", [name for name, entry in losses.LOSSES.items() if name != losses.OF_NUMBERS])
@pytest.mark.parametrize("name", distil.DISTILLATIONS)
def test_any_loss_of_classes_can_be_joined(tmp_path: Path, name: str, label_loss: str) -> None:
    settings = Model(
        model="cnn", epochs=1, options={"width": 2}, loss=Loss(name=label_loss), distil=Distil(name=name, options={})
    )
    plain = dataclasses.replace(settings, distil=None)
    found, expected = start(tmp_path / "with", settings)[1], start(tmp_path / "without", plain)[1]
    assert math.isfinite(found[0].loss) and found[0].loss != expected[0].loss


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("kd", {"share": 1.5}, "distil.share is 1.5, expected a share of 0 to 1"),
        ("kd", {"temperature": 0.0}, "distil.temperature is 0, expected a number above 0"),
        ("disk", {"budget": -1.0}, "distil.budget is -1, expected a number of 0 or more"),
        ("disk", {"price": -0.5}, "distil.price is -0.5, expected a number of 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, float], said: str) -> None:
    with pytest.raises(TrainError) as raised:
        distil.build(name, CrossEntropy(10), teacher(), options)
    assert said in raised.value.problem


def test_the_large_model_is_trained_before_the_base_that_learns_from_it(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "small"\ndata = { set = "digits" }\n'
        'base = { model = "cnn", epochs = 2, batch = 64, options = { width = 2 }, distil = { name = "kd" } }\n'
        'large = { model = "large_cnn", epochs = 1, options = { width = 2, hidden = 8 } }\n'
        "gate = { target = { coverage = 0.6 } }\n"
    )
    folder = RunFolder(tmp_path / "run")
    run.train(config.load(path), folder, restart=False)
    assert [json.loads(line)["model"] for line in folder.metrics.read_text().splitlines()] == ["large", "base", "base"]
    assert models.load(folder.base_checkpoint)[1].model == "cnn"
