"""Residual networks: sizes as published, the sum of a block, and the C of one, exact."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export import interface
from export.check import check
from export.convert import to_float_tflite
from export.float_model import FloatModel
from export.graph import parse
from export.quantize import calibrate, quantize
from train import models
from train.errors import TrainError
from train.models import cost
from train.models.resnet import Block

# MACs in millions, as published for CIFAR-100: DiSK's poster (s, m, l, ResNet18) and the authors' commands (xxxs, xxs,
# xs).
PUBLISHED_MACS = {
    "4-8-8-16": (1, 0.8),
    "8-8-16-16": (1, 2.0),
    "8-16-16-32": (1, 2.86),
    "8-16-32-64": (1, 4),
    "16-32-64-128": (1, 16),
    "32-64-128-256": (1, 64),
    "64-128-256-512": (2, 555),
}


@pytest.mark.parametrize(("widths", "published"), PUBLISHED_MACS.items())
def test_macs_are_those_published(widths: str, published: tuple[int, float]) -> None:
    blocks, millions = published
    model = models.build("resnet", (3, 32, 32), 100, {"widths": widths, "blocks": blocks})
    assert cost.macs(model) / 1e6 == pytest.approx(millions, rel=0.04, abs=0.005)


def test_resnet32_has_the_published_size() -> None:
    """473 K parameters and 70 M MACs for CIFAR-100, the poster of "Condensing CNNs with Partial Differential
    Equations"."""
    model = models.build("resnet", (3, 32, 32), 100, {})
    assert round(cost.parameters(model) / 1000) == 473
    assert cost.macs(model) / 1e6 == pytest.approx(70, rel=0.02)
    assert sum(isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3) for layer in model.modules()) == 31
    assert len(list(model.modules())) and model.feature_size == 64


def test_parameters_counted_by_hand() -> None:
    model = models.build("resnet", (1, 8, 8), 5, {"widths": "4-6", "blocks": 1})
    expected = (
        9 * 4 + 2 * 4  # 3x3 from 1 channel to 4, with its normalisation
        + 2 * (9 * 4 * 4 + 2 * 4)  # a block
        + (9 * 4 * 6 + 2 * 6) + (9 * 6 * 6 + 2 * 6) + (4 * 6 + 2 * 6)  # one with a 1x1 shortcut
        + 6 * 5 + 5
    )  # fmt: skip
    assert cost.parameters(model) == expected


def test_a_block_without_branch_is_the_rectified_identity() -> None:
    block = Block(3, 3, stride=1).eval()
    nn.init.zeros_(block.second[1].weight)
    image = torch.randn(2, 3, 5, 5)
    assert torch.equal(block(image), image.relu())
    assert Block(3, 6, stride=2)(torch.rand(2, 3, 7, 9)).shape == (2, 6, 4, 5)


def test_features_are_what_the_head_sees() -> None:
    model = models.build("resnet", (3, 9, 13), 4, {"widths": "2-3", "blocks": 1}).eval()
    images = torch.rand(2, 3, 9, 13)
    assert model.features(images).shape == (2, 3)
    assert torch.equal(model(images), model.head(model.features(images)))


@pytest.mark.parametrize("widths", ["", "16,32", "0-8", "16-", "wide"])
def test_widths_that_are_none_are_refused(widths: str) -> None:
    with pytest.raises(TrainError, match=f"widths is '{widths}', expected numbers of channels such as '16-32-64'"):
        models.build("resnet", (3, 8, 8), 4, {"widths": widths})


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_the_c_of_a_residual_network_is_exact(tmp_path: Path) -> None:
    """ResNet10-xxxs on 16x16 images, its normalisations fed with noise, through the whole chain: conversion, int8,
    C."""
    torch.manual_seed(0)
    model = models.build("resnet", (3, 16, 16), 10, {"widths": "4-8-8-16", "blocks": 1})
    for _ in range(20):
        model(torch.rand(32, 3, 16, 16))
    model.eval()
    probe = np.random.default_rng(0).random((16, 3, 16, 16), dtype=np.float32)
    with torch.inference_mode():
        answers = model(torch.from_numpy(probe)).numpy()
    content = to_float_tflite(model, ("image",), ("logits",), ((1, 3, 16, 16),), tmp_path / "onnx2tf.log")
    floating = interface.arrange(content, {"image": probe[:1]}, {"logits": answers[:1]})
    images = np.ascontiguousarray(interface.channels_last(probe))
    found = np.concatenate([real["logits"] for real in FloatModel(floating).run(images)])
    np.testing.assert_allclose(found, answers, atol=1e-4)
    path = tmp_path / "model.tflite"
    path.write_bytes(quantize(floating, calibrate(FloatModel(floating).run(images)) | {"image": (0.0, 1.0)}))
    operators = [operator.op for operator in parse(path.read_bytes(), "model").operators]
    assert operators.count("ADD") == 4
    assert set(operators) <= {"ADD", "CONV_2D", "FULLY_CONNECTED", "MEAN", "PAD", "RELU"}
    assert check(path, inputs=20).differing == 0
