"""Heads: what they return in which mode, through models, recurrent steps, checkpoints and export's names."""

from pathlib import Path

import numpy as np
import pytest
import torch

from train import heads, loop, models
from train.abstain.outputs import split
from train.heads.head import as_tuple
from train.losses import LOSSES
from train.models import checkpoint, cost
from train.models.recurrent import OneStep, Recurrent

# In training mode, then in eval mode, for 7 features and 5 classes.
SHAPES = {
    "linear": ([(3, 5)], [(3, 5)]),
    "extra_class": ([(3, 6)], [(3, 6)]),
    "auxiliary": ([(3, 5), (3, 5)], [(3, 5)]),
    "selection": ([(3, 5), (3, 1), (3, 5)], [(3, 5), (3, 1)]),
    "keep": ([(3, 5), (3, 1)], [(3, 5), (3, 1)]),
}


def shapes(answer: torch.Tensor | tuple[torch.Tensor, ...]) -> list[tuple[int, ...]]:
    return [tuple(output.shape) for output in as_tuple(answer)]


@pytest.mark.parametrize("name", heads.HEADS)
def test_a_head_gives_its_outputs(name: str) -> None:
    head, features = heads.build(name, 7, 5), torch.rand(3, 7)
    training, shipped = SHAPES[name]
    assert shapes(head(features)) == training
    assert shapes(head.eval()(features)) == shipped
    assert len(head.output_names) == len(shipped)
    assert head.output_names[0] == "logits"


def test_every_loss_names_a_head() -> None:
    assert {entry.head for entry in LOSSES.values()} == set(heads.HEADS)


@pytest.mark.parametrize("name", heads.HEADS)
@pytest.mark.parametrize("model", ["cnn", "large_cnn", "gru"])
def test_a_model_is_its_head_on_its_features(model: str, name: str) -> None:
    torch.manual_seed(0)
    net = models.build(model, (1, 8, 8), 5, {}, name).eval()
    images = torch.rand(3, 1, 8, 8)
    assert net.features(images).shape == (3, net.feature_size)
    for one, other in zip(as_tuple(net(images)), as_tuple(net.head(net.features(images))), strict=True):
        assert torch.equal(one, other)
    assert net.output_names == net.head.output_names


@pytest.mark.parametrize("name", heads.HEADS)
def test_what_is_for_training_alone_costs_the_board_nothing(name: str) -> None:
    net = models.build("cnn", (1, 8, 8), 5, {}, name)
    plain = models.build("cnn", (1, 8, 8), 5, {})
    outputs = 6 if name == "extra_class" else 5
    gate = (32 * 16, 16, 16, 1) if "gate" in net.output_names else (0, 0, 0, 0)
    assert cost.parameters(net) - cost.parameters(plain) == 33 * (outputs - 5) + sum(gate)
    assert cost.macs(net) - cost.macs(plain) == 32 * (outputs - 5) + gate[0] + gate[2]
    assert net.head.macs() == 32 * outputs + gate[0] + gate[2]


@pytest.mark.parametrize("name", heads.HEADS)
def test_a_recurrent_model_gives_all_outputs_after_every_frame(name: str) -> None:
    torch.manual_seed(0)
    net = models.build("gru", (2, 6, 3), 5, {"hidden": 4}, name).eval()
    assert isinstance(net, Recurrent)
    images = torch.rand(3, 2, 6, 3)
    with torch.inference_mode():
        step, state, count = OneStep(net), net.cell.initial(3), len(net.output_names)
        running, last = net.running(images), net.running(images, tail=2)
        for place, frame in enumerate(net.frames(images).unbind(1)):
            answers = step(frame, *state)
            state = answers[count:]
            for output, answer in zip(running, answers[:count], strict=True):
                torch.testing.assert_close(output[:, place], answer)
        for whole, few, final in zip(running, last, as_tuple(net(images)), strict=True):
            torch.testing.assert_close(whole[:, -2:], few)
            torch.testing.assert_close(whole[:, -1], final)
    assert step.output_names == (*net.output_names, "h_next")
    assert len(answers) == len(step.output_names)


@pytest.mark.parametrize("name", heads.HEADS)
def test_a_checkpoint_keeps_the_head(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = models.build("cnn", (1, 8, 8), 5, {"width": 4}, name).eval()
    about = checkpoint.describe("cnn", net, {"width": 4}, tuple("abcde"), 1.5)
    checkpoint.save(net, about, tmp_path / "base.pt")
    again, found = models.load(tmp_path / "base.pt")
    assert found.head == name
    for one, other in zip(as_tuple(net(torch.ones(2, 1, 8, 8))), as_tuple(again(torch.ones(2, 1, 8, 8))), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", heads.HEADS)
def test_outputs_come_apart_by_what_they_mean(name: str) -> None:
    torch.manual_seed(0)
    net = models.build("cnn", (1, 8, 8), 5, {"width": 4}, name)
    images = np.random.default_rng(0).random((4, 1, 8, 8), dtype=np.float32)
    found = loop.outputs(net, images)
    assert not net.training
    with torch.inference_mode():
        answer = [output.numpy() for output in as_tuple(net(torch.from_numpy(images)))]
    np.testing.assert_array_equal(found.logits, answer[0][:, :5])
    np.testing.assert_array_equal(found.predicted, answer[0][:, :5].argmax(axis=1))
    assert (found.abstain is not None) == (name == "extra_class")
    assert (found.gate is not None) == ("gate" in net.output_names)
    if found.abstain is not None:
        np.testing.assert_array_equal(found.abstain, answer[0][:, 5])
    if found.gate is not None:
        np.testing.assert_array_equal(found.gate, answer[1][:, 0])
    np.testing.assert_array_equal(loop.logits(net, images), found.logits)
    assert loop.features(net, images).shape == (4, net.feature_size) and len(found) == 4


def test_an_extra_class_is_never_predicted() -> None:
    found = split({"logits": np.array([[1.0, 2.0, 9.0]])}, classes=2)
    assert found.predicted.tolist() == [1]
