"""The training loop: resuming, and stopping at a loss that is not finite."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from contract.run_folder import RunFolder
from train import data, loop, models
from train.config import Augment, Data, Model
from train.data import Splits
from train.errors import TrainError
from train.loop import Epoch
from train.models.classifier import Classifier

DIGITS = data.load(Data(set="digits"))
ALL = data.splits(DIGITS, Data(set="digits"))
PARTS = Splits(ALL.train[:130], ALL.validation[:50], ALL.test[:50])
# Dropout, augmentation and order all draw random numbers; the last batch is incomplete.
SMALL = Model(model="large_cnn", epochs=3, augment=Augment(shift=1, noise=0.1), options={"width": 2, "hidden": 8})


def start(folder: Path, config: Model = SMALL, stop_after: int | None = None) -> tuple[Classifier, list[Epoch]]:
    """Train from whatever the folder holds, as `train.run` does; `stop_after` abandons the loop after that epoch."""
    loop.use(threads=1)
    folder.mkdir(exist_ok=True)
    torch.manual_seed(5)
    model = models.build(config.model, DIGITS.input_shape, 10, config.options)
    epochs = []
    for epoch in loop.fit("base", model, config, DIGITS, PARTS, RunFolder(folder)):
        epochs.append(epoch)
        if epoch.epoch == stop_after:
            break
    return model, epochs


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path, stop_after: int) -> None:
    whole, epochs = start(tmp_path / "whole")
    start(tmp_path / "broken", stop_after=stop_after)
    metrics = RunFolder(tmp_path / "broken").metrics
    metrics.write_text(metrics.read_text() + '{"model": "base", "ep')  # killed in the middle of a line
    resumed, rest = start(tmp_path / "broken")
    assert rest == epochs[stop_after:]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert metrics.read_text() == RunFolder(tmp_path / "whole").metrics.read_text()


def test_training_ends_early_below_a_loss(tmp_path: Path) -> None:
    _, epochs = start(tmp_path / "whole")
    limit = (epochs[0].loss + epochs[1].loss) / 2
    early = dataclasses.replace(SMALL, stop_below=limit)
    model, fewer = start(tmp_path / "early", early)
    assert fewer == epochs[:2]
    again, none = start(tmp_path / "early", early)  # killed before the run was complete
    assert none == []
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_lines_of_epochs_that_run_again_are_dropped(tmp_path: Path) -> None:
    start(tmp_path / "whole")
    start(tmp_path / "broken", stop_after=1)
    log, state = RunFolder(tmp_path / "broken").metrics, loop.state_file(RunFolder(tmp_path / "broken"), "base")
    kept = state.read_bytes()
    start(tmp_path / "broken", stop_after=2)
    state.write_bytes(kept)  # the log is now one epoch ahead of the state
    log.write_text(log.read_text() + '{"model": "large", "epoch": 3}\n' + '{"model": "base", "ep')
    start(tmp_path / "broken")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(record["model"], record["epoch"]) for record in records] == [
        ("base", 1), ("large", 3), ("base", 2), ("base", 3)
    ]  # fmt: skip


def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    whole, _ = start(tmp_path)
    again, epochs = start(tmp_path)
    assert epochs == []
    assert not again.training
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_training_learns(tmp_path: Path) -> None:
    config = Model(model="cnn", epochs=12, batch=16, learning_rate=0.02, options={"width": 4})
    _, epochs = start(tmp_path, config)
    assert epochs[-1].loss < epochs[0].loss / 2
    assert epochs[-1].validation_accuracy > 0.5  # a guess gives 0.1
    assert [epoch.epoch for epoch in epochs] == list(range(1, 13))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_epoch(tmp_path: Path) -> None:
    # Decay multiplies every weight by about 1 - learning_rate at each step, which ends beyond float32.
    config = Model(model="cnn", epochs=40, learning_rate=30.0, weight_decay=1.0, options={"width": 2})
    folder = RunFolder(tmp_path)
    with pytest.raises(TrainError) as raised:
        start(tmp_path, config)
    good = len(folder.metrics.read_text().splitlines())
    assert 1 <= good < 40
    assert f"in epoch {good + 1} of 40" in raised.value.problem
    assert f"{loop.state_file(folder, 'base')} keeps epoch {good}" in raised.value.problem
    assert raised.value.exit_code == 1
    state = torch.load(loop.state_file(folder, "base"), weights_only=True)
    assert state["epoch"] == good
    assert all(torch.isfinite(value).all() for value in state["model"].values())


@pytest.mark.parametrize("content", [b"", b"damaged", None], ids=["empty", "damaged", "of another model"])
def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = loop.state_file(RunFolder(tmp_path), "base")
    if content is None:
        start(tmp_path, Model(model="cnn", epochs=1, options={"width": 2}))
    else:
        path.write_bytes(content)
    with pytest.raises(TrainError, match=r"base\.state\.pt: not the state of this training"):
        start(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(TrainError, match=r"device is 'cuda', and PyTorch .* sees no such GPU"):
        loop.use(threads=1, device="cuda")
