"""Models and their checkpoints."""

from pathlib import Path

import pytest
import torch
from torch import nn

from train import models
from train.cells import CELLS
from train.config import load
from train.errors import TrainError
from train.models import checkpoint, cost

DIGITS = load(Path(__file__).parents[2] / "train" / "configs" / "digits.toml")
SHAPE = (1, 8, 8)


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("shape", [SHAPE, (3, 9, 13)])
def test_images_become_logits(name: str, shape: tuple[int, int, int]) -> None:
    small = {"resnet": {"widths": "2-4", "blocks": 1}}.get(name, {"hidden" if name in CELLS else "width": 4})
    model = models.build(name, shape, 7, small)
    assert model(torch.rand(5, *shape)).shape == (5, 7)
    assert (model.input_name, model.output_names) == ("image", ("logits",))
    assert (model.input_shape, model.classes) == (shape, 7)


def test_the_base_of_digits_keeps_its_budget_and_its_operators() -> None:
    base = models.build(DIGITS.base.model, SHAPE, 10, DIGITS.base.options)
    assert cost.parameters(base) == 1418 <= 2000
    layers = {type(layer) for layer in base.modules() if not list(layer.children())}
    assert layers == {nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Linear}
    assert base.head.logits.bias is not None


def test_macs_counted_by_hand() -> None:
    base = models.build("cnn", SHAPE, 10, {"width": 8})
    expected = (
        8 * 8 * 8 * 9  # 3x3 from 1 channel to 8, at 8x8
        + 3 * 3 * 8 * 9  # depthwise, at 3x3
        + 3 * 3 * 8 * 16  # 1x1
        + 3 * 3 * 16 * 9  # depthwise
        + 3 * 3 * 16 * 32  # 1x1
        + 32 * 10
    )
    assert cost.macs(base) == expected
    assert base.training  # counting leaves the mode as it was


def test_images_too_small_are_refused() -> None:
    with pytest.raises(TrainError, match="images are 2x8, expected 3x3 or more"):
        models.build("cnn", (1, 2, 8), 10, {})


def saved(path: Path) -> tuple[nn.Module, checkpoint.Checkpoint]:
    torch.manual_seed(0)
    model = models.build("cnn", SHAPE, 3, {"width": 4})
    model(torch.rand(16, *SHAPE))  # moves the statistics of batch normalisation
    about = checkpoint.describe("cnn", model, {"width": 4}, ("a", "b", "c"), 1.25)
    checkpoint.save(model, about, path)
    return model.eval(), about


def test_a_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    model, about = saved(tmp_path / "base.pt")
    again, found = models.load(tmp_path / "base.pt")
    images = torch.rand(4, *SHAPE)
    assert found == about
    assert not again.training
    assert torch.equal(again(images), model(images))


def test_a_checkpoint_is_the_documented_dict(tmp_path: Path) -> None:
    saved(tmp_path / "base.pt")
    value = torch.load(tmp_path / "base.pt", weights_only=True)
    assert {key: item for key, item in value.items() if key != "state_dict"} == {
        "format": 2,
        "model": "cnn",
        "head": "linear",
        "config": {"input_shape": [1, 8, 8], "classes": 3, "width": 4},
        "input_shape": [1, 8, 8],
        "input_range": [0.0, 1.0],
        "classes": ["a", "b", "c"],
        "temperature": 1.25,
        "features": None,
    }


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"base\.pt: no such checkpoint"):
        models.load(tmp_path / "base.pt")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"head": "keep"},
        {"model": "unknown"},
        {"config": {"depth": 3}},
        {"classes": ["a", "b"]},
        {"state_dict": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "base.pt"
    saved(path)
    torch.save(torch.load(path, weights_only=True) | change, path)
    with pytest.raises(TrainError, match=r"base\.pt: (not a checkpoint|format is 1, expected 2)"):
        models.load(path)


@pytest.mark.parametrize("length", [0, 1, 100, 4000])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "base.pt"
    saved(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TrainError, match=r"base\.pt: not a checkpoint"):
        models.load(path)
