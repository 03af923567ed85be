"""The ONNX backend against the checkpoint backend, in every layout, and the files that it refuses."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import backend
from host.backend import NoAnswer
from host.errors import HostError

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
pytest.importorskip("torch", reason="PyTorch is not installed")

from onnx import TensorProto

import onnx_models


def samples(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).random((count, 8, 8, 1), dtype=np.float32)


@pytest.fixture
def manifest(with_large_model: RunFolder) -> Manifest:
    return manifests.load(with_large_model.manifest)


@pytest.mark.parametrize("any_batch", [True, False])
@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("layout", ["nchw", "nhwc", "flat"])
def test_answers_as_the_checkpoint_does(
    with_large_model: RunFolder, manifest: Manifest, tmp_path: Path, layout: str, logits: bool, any_batch: bool
) -> None:
    path = tmp_path / "model.onnx"
    onnx_models.rearranged(with_large_model.large_checkpoint, path, layout, logits, any_batch)
    found = backend.load(str(path), with_large_model, manifest).classify(samples(40))
    expected = backend.load("checkpoint", with_large_model, manifest).classify(samples(40))
    assert found.dtype == np.float32 and found.shape == (40, 10)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_runs_own_model_as_onnx_answers_as_the_checkpoint_does(
    with_large_model: RunFolder, manifest: Manifest
) -> None:
    from export import large

    written = large.write(with_large_model.large_checkpoint, with_large_model.path / "large.onnx")
    found = backend.load(str(written.path), with_large_model, manifest).classify(samples(5))
    expected = backend.load("checkpoint", with_large_model, manifest).classify(samples(5))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_said_about_the_output_counts(with_large_model: RunFolder, manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx_models.rearranged(with_large_model.large_checkpoint, path, "nchw", False, True)
    as_logits = backend.load(f"{path}?output=logits", with_large_model, manifest).classify(samples(3))
    probabilities = backend.load(f"{path}?output=probabilities", with_large_model, manifest).classify(samples(3))
    expected = np.exp(probabilities) / np.exp(probabilities).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(as_logits, expected, rtol=1e-5)


def test_of_two_outputs_the_one_with_the_classes_is_taken(
    with_large_model: RunFolder, manifest: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    onnx_models.linear(path, ["n", 8, 8, 1], columns=(3, 10))
    weights = np.random.default_rng(1).standard_normal((64, 10)).astype(np.float32)
    logits = samples(3).reshape(3, 64) @ weights
    found = backend.load(str(path), with_large_model, manifest).classify(samples(3))
    np.testing.assert_array_equal(found.argmax(axis=1), logits.argmax(axis=1))
    onnx_models.linear(path, ["n", 8, 8, 1], columns=(10, 10))
    named = backend.load(f"{path}?tensor=y1", with_large_model, manifest).classify(samples(3))
    np.testing.assert_allclose(named, found, rtol=1e-6)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_floating_point_inputs_are_converted(
    with_large_model: RunFolder, manifest: Manifest, tmp_path: Path, kind: int
) -> None:
    path, other = tmp_path / "model.onnx", tmp_path / "other.onnx"
    onnx_models.linear(path, ["n", 8, 8, 1])
    onnx_models.linear(other, ["n", 8, 8, 1], kind=kind)
    np.testing.assert_allclose(
        backend.load(str(other), with_large_model, manifest).classify(samples(3)),
        backend.load(str(path), with_large_model, manifest).classify(samples(3)),
        atol=0.02,  # float16
    )


def test_numbers_that_are_not_finite_are_no_answer(
    with_large_model: RunFolder, manifest: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    onnx_models.linear(path, ["n", 8, 8, 1])
    model = backend.load(str(path), with_large_model, manifest)
    with pytest.raises(NoAnswer, match="not finite"):
        model.classify(np.full((1, 8, 8, 1), np.inf, dtype=np.float32))


Write = Callable[[Path], None]

REFUSED: list[tuple[str, Write, str]] = [
    ("", lambda path: None, r"model\.onnx: no such file.*python -m export large"),
    ("", lambda path: path.mkdir(), "no such file"),
    ("", lambda path: path.write_bytes(b"no model"), "ONNX Runtime cannot load it"),
    ("", lambda path: path.write_bytes(b""), "ONNX Runtime cannot load it"),
    ("", lambda path: onnx_models.linear(path, ["n", 16, 16, 1], values=256), "an image of 8 x 8, 1 channel"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 3], values=192), "an image of 8 x 8, 1 channel"),
    ("", lambda path: onnx_models.linear(path, ["n", "a", "b", "c"]), r"append \?layout=nhwc or \?layout=nchw"),
    ("?layout=nchw", lambda path: onnx_models.linear(path, ["n", 8, 8, 1]), "that is not nchw.*Say layout=nhwc"),
    ("", lambda path: onnx_models.linear(path, [8, 8, 8, 1]), r"its input is \[8, 8, 8, 1\], expected a first dimension"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 1], (9,)), r"'y0' is tensor\(float\) \[any, 9\], expected .*\[any, 10\]"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 1], (10, 10)), r"2 of its outputs could be the classes \(y0, y1\)"),
    ("?tensor=z", lambda path: onnx_models.linear(path, ["n", 8, 8, 1]), r"declares no output 'z' \(y0\)"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 1], inputs=2), r"declares 2 inputs \(x0, x1\)"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 1], kind=TensorProto.UINT8), r"'x0' is tensor\(uint8\)"),
    ("", lambda path: onnx_models.linear(path, ["n", 8, 8, 1], classes="0123456798"), r'its classes \["0", .*"9", "8"\] are not'),
    ("?output=probabilities", lambda path: onnx_models.linear(path, ["n", 8, 8, 1]), "its answers are no probabilities.*output=logits"),
    ("?layout=nhwc", lambda path: onnx_models.linear(path, ["n", "a", "b", "c"], values=63), "4 samples to try it: ONNX Runtime: "),
    ("?output=softmax", lambda path: None, "output is 'softmax'.*one of probabilities, logits"),
    ("?layout=", lambda path: None, "layout is ''.*one of nhwc, nchw, flat, ntf"),
    ("?threads=4", lambda path: None, "unknown option 'threads'.*Known ones: output, tensor, layout, timeout"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "write", "words"), REFUSED)
def test_must_refuse(
    with_large_model: RunFolder, manifest: Manifest, tmp_path: Path, options: str, write: Write, words: str
) -> None:
    path = tmp_path / "model.onnx"
    write(path)
    with pytest.raises(HostError, match=words):
        backend.load(f"{path}{options}", with_large_model, manifest)


def test_without_onnx_runtime_the_error_says_how_to_install_it(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # import then fails as if it were not installed
    monkeypatch.delitem(sys.modules, "host.backend.onnx_runtime", raising=False)
    with pytest.raises(HostError, match=r"pip install -e '\.\[serve\]'"):
        backend.load("large.onnx", run_folder, manifests.load(run_folder.manifest))
