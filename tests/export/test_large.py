"""A trained model as ONNX: what the file says, what it answers for every kind of model and head, and what is
refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from contract.errors import DemurError
from contract.run_folder import RunFolder
from export import large
from export.__main__ import main
from export.errors import ExportError
from train import models
from train.models import checkpoint
from train.models.classifier import Classifier

CLASSES = tuple("abcde")


def save(path: Path, name: str = "large_cnn", head: str = "linear") -> Classifier:
    torch.manual_seed(0)
    model = models.build(name, (3, 8, 6), len(CLASSES), {}, head).eval()
    checkpoint.save(model, checkpoint.describe(name, model, {}, CLASSES, 2.5), path)
    return model


@pytest.mark.parametrize(
    ("name", "head"), [*((name, "linear") for name in models.MODELS), ("cnn", "extra_class"), ("cnn", "selection")]
)
def test_probabilities_are_those_of_pytorch_for_any_batch(tmp_path: Path, name: str, head: str) -> None:
    model = save(tmp_path / "model.pt", name, head)
    written = large.write(tmp_path / "model.pt", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        images = torch.rand(count, 3, 8, 6)
        with torch.inference_mode():
            outputs = model(images)
        logits = (outputs[0] if isinstance(outputs, tuple) else outputs)[:, : len(CLASSES)]
        found = session.run(["probabilities"], {"image": images.numpy()})[0]
        np.testing.assert_allclose(found, torch.softmax(logits / 2.5, dim=1).numpy(), atol=1e-6)


def test_the_file_says_what_it_takes_and_gives(tmp_path: Path) -> None:
    save(tmp_path / "model.pt")
    written = large.write(tmp_path / "model.pt", tmp_path / "model.onnx")
    model = onnx.load(str(written.path))
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key: json.loads(entry.value) for entry in model.metadata_props} == {"classes": list(CLASSES)}
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    assert [(tensor.name, tensor.shape) for tensor in (*session.get_inputs(), *session.get_outputs())] == [
        ("image", ["batch", 3, 8, 6]),
        ("probabilities", ["batch", 5]),
    ]
    assert written.bytes == written.path.stat().st_size and written.difference < 1e-6


def test_the_command_writes_it_into_the_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    save(folder.large_checkpoint)
    monkeypatch.setattr("sys.argv", ["export", "large", str(tmp_path)])
    assert main() == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{tmp_path / 'large.onnx'}: image [batch, 3, 8, 6] to probabilities [batch, 5], ")
    assert said.err == ""


def test_a_file_that_does_something_else_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "model.pt")
    monkeypatch.setattr(large, "TOLERANCE", -1.0)  # no two models are as close as that
    with pytest.raises(ExportError, match=r"probabilities differ from PyTorch's by up to .*expected at most -1"):
        large.write(tmp_path / "model.pt", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_cannot_be_read_or_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemurError, match=r"large\.pt: no such checkpoint"):
        large.write(tmp_path / "large.pt", tmp_path / "large.onnx")
    save(tmp_path / "large.pt")
    with pytest.raises(ExportError, match=r"large\.onnx: cannot be written .*--onnx"):
        large.write(tmp_path / "large.pt", tmp_path / "nowhere" / "large.onnx")
