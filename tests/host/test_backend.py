"""Large models: the checkpoint backend against PyTorch called directly, and what it refuses."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import manifest as manifests
from contract.manifest import Tensor
from contract.run_folder import RunFolder
from host import backend
from host.codes import dequantise, quantise
from host.errors import HostError


@given(st.binary(min_size=12, max_size=12), st.floats(1e-4, 10), st.integers(-128, 127))
def test_dequantised_codes_are_scale_times_code_minus_zero_point(codes: bytes, scale: float, zero_point: int) -> None:
    tensor = Tensor("image", (1, 2, 3, 1), "int8", scale, zero_point)
    real = dequantise(codes, tensor)
    assert real.shape == (2, 2, 3, 1) and real.dtype == np.float32
    expected = [scale * ((code ^ 0x80) - 0x80 - zero_point) for code in codes]  # two's complement by hand
    assert real.ravel().tolist() == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(-300, 300, width=32), min_size=1, max_size=20), st.floats(1e-3, 2), st.integers(-128, 127))
def test_codes_are_those_of_the_export(values: list[float], scale: float, zero_point: int) -> None:
    quantize = pytest.importorskip("export.quantize")
    tensor = Tensor("frame", (1, len(values)), "int8", scale, zero_point)
    real = np.array(values, dtype=np.float32)
    assert quantise(real, tensor) == quantize.to_codes(real, tensor).tobytes()


def test_checkpoint_answers_as_the_model_does(with_large_model: RunFolder) -> None:
    import torch

    from train import models

    manifest = manifests.load(with_large_model.manifest)
    large = backend.load("checkpoint", with_large_model, manifest)
    images = np.random.default_rng(1).random((5, 8, 8, 1), dtype=np.float32)
    model, checkpoint = models.load(with_large_model.large_checkpoint)
    with torch.inference_mode():
        logits = model(torch.from_numpy(images[:, None, :, :, 0]))  # one channel: [N, H, W, 1] is [N, 1, H, W]
    expected = torch.softmax(logits / checkpoint.temperature, dim=1).numpy()
    found = large.classify(images)
    assert found.shape == (5, 10) and found.dtype == np.float32
    assert checkpoint.temperature == 2.0
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_any_checkpoint_of_such_samples_will_do(with_large_model: RunFolder, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from train import models
    from train.models import checkpoint

    manifest = manifests.load(with_large_model.manifest)
    images = np.random.default_rng(1).random((5, 8, 8, 1), dtype=np.float32)
    path = tmp_path / "other.pt"
    # With a logit of abstaining, which is no class, and with a gate beside the logits; and a recurrent one, which sees
    # rows.
    for name, head in (("cnn", "extra_class"), ("cnn", "selection"), ("gru", "linear")):
        model = models.build(name, (1, 8, 8), 10, {}, head).eval()
        checkpoint.save(model, checkpoint.describe(name, model, {}, manifest.classes, 2.0), path)
        with torch.inference_mode():
            outputs = model(torch.from_numpy(images[:, None, :, :, 0]))
        logits = outputs[0] if isinstance(outputs, tuple) else outputs
        expected = torch.softmax(logits[:, :10] / 2.0, dim=1).numpy()
        found = backend.load(str(path), with_large_model, manifest).classify(images)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "spec",
    ["oracle", "", "large.pth", "ftp://host/large.pt", "file:///large.onnx", "//large", "grpc://host:8081/digits"],
)
def test_what_has_no_known_form_is_refused(run_folder: RunFolder, spec: str) -> None:
    with pytest.raises(HostError, match=r"Unknown large model .*'checkpoint'.*\*\.onnx.*/v2/models/NAME"):
        backend.load(spec, run_folder, manifests.load(run_folder.manifest))


def test_other_checkpoints_are_refused_in_words(recurrent_folder: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from contract.log_mel import LogMel
    from train import models
    from train.models import checkpoint

    manifest = manifests.load(recurrent_folder.manifest)

    def refused(path: Path, words: str) -> None:
        with pytest.raises(HostError, match=words):
            backend.load(str(path), recurrent_folder, manifest)

    path = tmp_path / "other.pt"
    refused(path, r"other\.pt: the large model is missing\. Correct the path")
    path.write_bytes(b"no checkpoint")
    refused(path, r"other\.pt: not a checkpoint .*Take another checkpoint")
    model = models.build("gru", (1, 30, 8), 10, {})
    checkpoint.save(model, checkpoint.describe("gru", model, {}, manifest.classes, 1.0), path)
    refused(
        path,
        r"its input is \[any, 1, 30, 8\], and a sample of scripted is a sequence of 30 frames of 16\. Take a model",
    )
    model = models.build("gru", (1, 30, 16), 10, {})
    features = LogMel(bands=16, frames=30)
    checkpoint.save(model, checkpoint.describe("gru", model, {}, manifest.classes, 1.0, features), path)
    refused(path, r"its frames are made with LogMel.*the manifest's with None")


def test_what_is_missing_is_an_error_that_says_how_to_get_it(with_large_model: RunFolder) -> None:
    manifest = manifests.load(with_large_model.manifest)
    with pytest.raises(HostError, match="names no large model"):
        backend.load("checkpoint", with_large_model, dataclasses.replace(manifest, large_checkpoint=None))
    with pytest.raises(HostError, match=r"its classes .* are not the manifest's"):
        backend.load("checkpoint", with_large_model, dataclasses.replace(manifest, classes=("a", "b")))
    with_large_model.large_checkpoint.unlink()
    with pytest.raises(HostError, match=r"large\.pt: the large model is missing"):
        backend.load("checkpoint", with_large_model, manifest)


def test_without_pytorch_the_error_says_how_to_install_it(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # import then fails as if it were not installed
    monkeypatch.delitem(sys.modules, "host.backend.checkpoint", raising=False)
    with pytest.raises(HostError, match=r"pip install -e '\.\[train\]'"):
        backend.load("checkpoint", run_folder, manifests.load(run_folder.manifest))
