"""Large models: the checkpoint backend against PyTorch called directly, and what it refuses."""

import dataclasses
import sys

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


def test_channels_are_moved_to_where_pytorch_has_them() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from host.backend.checkpoint import Checkpoint

    class Channel(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Its logits are one pixel, by channel."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            assert images.shape == (2, 3, 4, 5)
            return images[:, :, 1, 2]

    samples = np.random.default_rng(2).random((2, 4, 5, 3), dtype=np.float32)
    expected = torch.softmax(torch.from_numpy(samples[:, 1, 2, :]), dim=1).numpy()
    np.testing.assert_allclose(Checkpoint(Channel(), 1.0).classify(samples), expected, rtol=1e-6)


def test_frames_become_the_rows_that_the_recurrent_model_was_trained_on() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from host.backend.checkpoint import Checkpoint
    from train import models

    class Flat(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Its logits are all that it gets."""

        input_shape = (3, 4, 5)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)

    images = np.random.default_rng(3).random((2, 3, 4, 5), dtype=np.float32)
    frames = models.build("rnn", (3, 4, 5), 2, {"hidden": 4}).frames(torch.from_numpy(images)).numpy()
    expected = torch.softmax(torch.from_numpy(images).flatten(1), dim=1).numpy()
    np.testing.assert_allclose(Checkpoint(Flat(), 1.0).classify(frames), expected, rtol=1e-6)


def test_what_is_missing_is_an_error_that_says_how_to_get_it(with_large_model: RunFolder) -> None:
    manifest = manifests.load(with_large_model.manifest)
    with pytest.raises(HostError, match=r"Unknown large model backend 'oracle'.*checkpoint"):
        backend.load("oracle", with_large_model, manifest)
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
