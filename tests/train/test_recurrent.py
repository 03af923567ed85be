"""Cells as classifiers of sequences: reading, stepping, export of a step, checkpoints, and learning."""

from pathlib import Path

import numpy as np
import pytest
import torch

from contract.log_mel import LogMel
from contract.run_folder import RunFolder
from train import data, loop, models
from train.cells import CELLS
from train.config import Data, Loss, Model, Rule
from train.errors import TrainError
from train.loop import Epoch
from train.models import checkpoint, cost
from train.models.recurrent import OneStep, Recurrent

SHAPE = (2, 7, 3)  # channels, time steps, columns
NAMES = sorted(CELLS)


def recurrent(name: str = "gru", **options: float | str) -> Recurrent:
    torch.manual_seed(0)
    model = models.build(name, SHAPE, 4, {"hidden": 5, **options})
    assert isinstance(model, Recurrent)
    return model.eval()


def images(count: int = 6) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_a_row_of_all_channels_is_a_frame() -> None:
    frames = recurrent(low=-2.0, high=2.0).frames(images())
    assert frames.shape == (6, 7, 6)
    for step in range(7):
        expected = torch.cat([images()[:, channel, step] for channel in range(2)], dim=1) * 4 - 2
        torch.testing.assert_close(frames[:, step], expected)


@pytest.mark.parametrize("name", NAMES)
def test_steps_give_what_the_whole_gives(name: str) -> None:
    model = recurrent(name)
    with torch.inference_mode():
        (running,), whole = model.running(images()), model(images())
        logits, state = torch.empty(0), model.cell.initial(6)
        for step, frame in enumerate(model.frames(images()).unbind(1)):
            logits, *rest = model.step(frame, *state)
            state = tuple(rest)
            torch.testing.assert_close(running[:, step], logits)
    assert running.shape == (6, 7, 4)
    torch.testing.assert_close(running[:, -1], whole)


@pytest.mark.parametrize("name", NAMES)
def test_one_step_is_a_module_with_names(name: str) -> None:
    model = recurrent(name)
    step = OneStep(model)
    inputs = [torch.rand(1, size) for size in step.input_sizes]
    outputs = step(*inputs)
    assert step.input_names == ("frame", *model.cell.state_sizes)
    assert len(outputs) == len(step.output_names)
    assert step.output_names[0] == "logits"
    for (before, after), tensor in zip(step.states, outputs[1:], strict=True):
        assert after == f"{before}_next"
        assert tensor.shape == inputs[step.input_names.index(before)].shape
    graph = torch.export.export(step, tuple(inputs)).module()  # no branch depends on data
    for one, other in zip(graph(*inputs), outputs, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_of_a_sequence_is_that_of_its_steps(name: str) -> None:
    model = recurrent(name)
    assert cost.macs(model) == 7 * model.cell.macs() + 5 * 4
    assert model.macs_per_step() == model.cell.macs() + 5 * 4
    assert cost.parameters(model) == cost.parameters(model.cell) + 5 * 4 + 4  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_gives_the_same_model_back(name: str, tmp_path: Path) -> None:
    options = models.options(name) | {"hidden": 5, "low": -1.0, "rank_u": 2}
    torch.manual_seed(0)
    model = models.build(name, SHAPE, 4, options).eval()
    about = checkpoint.describe(name, model, options, ("a", "b", "c", "d"), 1.5, LogMel(bands=6, frames=7))
    checkpoint.save(model, about, tmp_path / "base.pt")
    again, found = models.load(tmp_path / "base.pt")
    assert found == about
    assert found.input_range == (-1.0, 1.0)
    assert found.features == LogMel(bands=6, frames=7)
    with torch.inference_mode():
        assert torch.equal(again(images()), model(images()))


def test_options_are_those_of_model_and_cell() -> None:
    assert models.options("fastgrnn") == {
        "low": 0.0, "high": 1.0, "hidden": 32, "zeta": 1.0, "nu": -4.0, "rank_w": 0, "rank_u": 0
    }  # fmt: skip


def fit(folder: Path, config: Model, where: Data, train: int | None = None) -> list[Epoch]:
    """Train from seed 0; `train` is how many samples of the train split are used."""
    loop.use(threads=1)
    folder.mkdir(exist_ok=True)
    samples = data.load(where)
    parts = data.splits(samples, where)
    torch.manual_seed(0)
    model = models.build(config.model, samples.input_shape, len(samples.classes), config.options)
    parts = data.Splits(parts.train[:train], parts.validation, parts.test)
    return list(loop.fit("base", model, config, samples, parts, RunFolder(folder)))


ADD = Data(set="add", steps=50, samples=20_000, validation=0.02, test=0.02)


def test_the_irnn_learns_to_add(tmp_path: Path) -> None:
    """50 time steps, 600 iterations. Saying 1 every time has an error of 0.167."""
    config = Model(
        model="irnn", epochs=6, batches=100, batch=32, optimiser="adam", learning_rate=0.004, schedule="constant",
        weight_decay=0.0, clip=1.0, options={"hidden": 32, "eta": 0.05},
    )  # fmt: skip
    epochs = fit(tmp_path, config, ADD)
    assert [epoch.iterations for epoch in epochs] == [100, 200, 300, 400, 500, 600]
    assert epochs[0].validation_accuracy is None
    assert min(epoch.validation_loss for epoch in epochs) < 0.06


@pytest.mark.parametrize("name", ["bptt", "truncated_bptt", "fptt"])
def test_every_rule_learns_digits_by_row(name: str, tmp_path: Path) -> None:
    config = Model(
        model="gru", epochs=6, batch=32, clip=1.0, update=Rule(name=name, parts=2), learning_rate=0.02,
        options={"hidden": 24},
    )  # fmt: skip
    epochs = fit(tmp_path, config, Data(set="digits"))
    assert epochs[-1].loss < epochs[0].loss / 2
    assert (epochs[-1].validation_accuracy or 0) > 0.6  # a guess gives 0.1


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
def test_every_optimiser_descends(optimiser: str, tmp_path: Path) -> None:
    config = Model(
        model="fastrnn", epochs=3, optimiser=optimiser, learning_rate=0.005, schedule="constant", loss=Loss(name="cross_entropy", options={"label_smoothing": 0.1}),
        options={"hidden": 16},
    )  # fmt: skip
    epochs = fit(tmp_path, config, Data(set="digits"), train=320)
    assert epochs[-1].loss < epochs[0].loss
    assert {epoch.learning_rate for epoch in epochs} == {0.005}


@pytest.mark.parametrize("rule", ["truncated_bptt", "fptt"])
def test_a_resumed_training_equals_an_uninterrupted_one(rule: str, tmp_path: Path) -> None:
    """Weights, optimiser, running estimates and expected distributions all come back."""
    config = Model(model="gru", epochs=3, update=Rule(name=rule, parts=2, restart=False), options={"hidden": 6})
    loop.use(threads=1)
    samples = data.load(Data(set="digits"))
    parts = data.splits(samples, Data(set="digits"))
    parts = data.Splits(parts.train[:128], parts.validation[:32], parts.test[:32])
    ends = []
    for stops in ([None], [1, 2, None]):
        folder = RunFolder(tmp_path / str(len(stops)))
        folder.path.mkdir()
        for stop in stops:
            torch.manual_seed(0)
            model = models.build("gru", samples.input_shape, 10, config.options)
            for epoch in loop.fit("base", model, config, samples, parts, folder):
                if epoch.epoch == stop:
                    break
        ends.append((model.state_dict(), folder.metrics.read_text()))
    assert ends[0][1] == ends[1][1]
    for name, value in ends[0][0].items():
        assert torch.equal(value, ends[1][0][name]), name


def test_more_parts_than_rows_are_refused(tmp_path: Path) -> None:
    config = Model(model="gru", epochs=1, update=Rule(name="fptt", parts=9), options={"hidden": 4})
    with pytest.raises(TrainError, match="parts is 9 and a sequence has 8 time steps"):
        fit(tmp_path, config, Data(set="digits"))


def test_pixels_are_the_rows_one_by_one() -> None:
    rows, pixels = data.load(Data(set="digits")), data.load(Data(set="digits_pixels"))
    assert pixels.input_shape == (1, 64, 1)
    np.testing.assert_array_equal(pixels.images.reshape(-1), rows.images.reshape(-1))
    np.testing.assert_array_equal(pixels.labels, rows.labels)
