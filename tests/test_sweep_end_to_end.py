"""The threshold moved over an emulated board: its risk-coverage curve is that of the vectors, for a gate of logits in
time, for one with a second output of the model, and for one with a second model."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import run_module
from contract import manifest as manifests
from contract.gate import ONE
from contract.run_folder import RunFolder
from export.pipeline import export_trained, load
from small_models import train_digits, with_heads, with_router
from train import models
from train.evaluation.risk_coverage import curve
from train.models import checkpoint

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")

SAMPLES = 120


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of digits whose base has seen little, and whose large model nothing."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "digits")
    train_digits(folder)
    torch.manual_seed(0)
    large = models.build("large_cnn", (1, 8, 8), 10, {})
    described = checkpoint.describe("large_cnn", large, {}, tuple("0123456789"), 1.0)
    checkpoint.save(large, described, folder.large_checkpoint)
    return folder


@pytest.mark.parametrize("score", ["head", "router"])
def test_the_boards_curve_is_the_vectors(trained: RunFolder, tmp_path: Path, score: str) -> None:
    folder = RunFolder(tmp_path / score)
    shutil.copytree(trained.path, folder.path)
    run = load(folder)
    export_trained(folder, with_router(run, "full") if score == "router" else with_heads(run, score), "cortex-m4")
    built = run_module("firmware", "build", "--run", folder.path, "--board", "nucleo")
    assert built.returncode == 0, built.stdout + built.stderr
    size, described = (
        json.loads((folder.firmware("nucleo_f446re") / "size.json").read_text()),
        manifests.load(folder.manifest),
    )
    second = described.gate.router
    assert size["router_ram_bytes"] == (second.ram_bytes if second else 0)
    assert (size["router_flash_bytes"] > 300) == (second is not None) == ("the router" in built.stdout)
    found = sweep(folder, "--limit", str(SAMPLES), "--points", "9")
    assert found["score"] == score
    with np.load(folder.vectors) as vectors:
        scores, predicted, labels = (vectors[name][:SAMPLES] for name in ("score", "predicted", "label"))
    points = curve(scores, predicted == labels)
    on_curve = 0
    for step in found["steps"]:
        accepted = scores >= step["threshold"]
        wrong = int((predicted != labels)[accepted].sum())
        assert step["board"] == {"samples": SAMPLES, "accepted": int(accepted.sum()), "wrong": wrong}
        for place in np.flatnonzero(points.threshold == step["threshold"]):
            assert points.coverage[place] == step["board"]["accepted"] / SAMPLES
            assert points.risk[place] == wrong / step["board"]["accepted"]
            on_curve += 1
    coverages = [step["board"]["accepted"] for step in found["steps"]]
    assert coverages == sorted(set(coverages)) and (coverages[0], coverages[-1]) == (0, SAMPLES)
    assert len(coverages) >= 7 and on_curve >= 3
    # With a large model that knows nothing, accuracy is best where the board answers everything.
    assert found["steps"][-1]["hybrid_accuracy"] > found["steps"][0]["hybrid_accuracy"]


def test_a_curve_in_time(tones: RunFolder) -> None:
    found = sweep(tones, "--points", "6")
    manifest = manifests.load(tones.manifest)
    assert manifest.stream is not None
    with np.load(tones.vectors) as vectors:
        running, classes, labels = vectors["scores"], vectors["classes"], vectors["label"]
    for step in found["steps"]:
        sure = running[:, manifest.stream.minimum_steps - 1 :] >= step["threshold"]
        accepted, first = sure.any(axis=1), sure.argmax(axis=1) + manifest.stream.minimum_steps - 1
        wrong = (classes[np.arange(len(labels)), first] != labels)[accepted].sum()
        assert step["board"] == {"samples": len(labels), "accepted": int(accepted.sum()), "wrong": int(wrong)}
    counts = [step["board"]["accepted"] for step in found["steps"]]
    assert counts == sorted(set(counts)) and len(counts) >= 4
    assert found["steps"][0]["threshold"] == ONE + 1 and found["steps"][-1]["threshold"] == 0


def sweep(folder: RunFolder, *more: str) -> dict[str, Any]:
    """sweep.json of a sweep on the emulated board, which must have passed."""
    result = run_module(
        "host", "sweep", "--run", folder.path, "--board", "nucleo", "--port", "emulator", "--json", *more
    )
    assert result.returncode == 0, result.stdout + result.stderr
    value: dict[str, Any] = json.loads(folder.sweep.read_text())
    assert json.loads(result.stdout) == value
    for step in value["steps"]:
        assert step["board"] == step["vectors"] and (step["differing"], step["lost"]) == (0, 0)
    return value
