"""A run exported: every file says the same, and what is missing or damaged is said in words."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contract import manifest
from contract.errors import KNOWN_FAILURE, DemurError
from contract.gate import SCORES, predicted_class
from contract.run_folder import RunFolder
from export import graph, interface, layer_errors, quantize
from export.errors import ExportError
from export.float_model import FloatModel
from export.kind import Activations
from export.micro import Micro
from export.pipeline import Exported, export_run
from train import config, data, models


def test_manifest_describes_the_file(exported: Exported) -> None:
    described = manifest.load(exported.folder.manifest)
    content = exported.folder.tflite.read_bytes()
    assert described == exported.manifest
    assert described.model == manifest.Model("model.tflite", hashlib.sha256(content).hexdigest(), len(content))
    assert described.hash == int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    found = graph.read(exported.folder.tflite)
    for tensors, indices in ((described.inputs, found.inputs), (described.outputs, found.outputs)):
        for tensor, index in zip(tensors, indices, strict=True):
            actual = found.tensors[index]
            assert (tensor.name, tensor.shape, tensor.dtype) == (actual.name, actual.shape, actual.dtype)
            assert (tensor.scale, tensor.zero_point) == (actual.scale, actual.zero_point)
    assert [tensor.name for tensor in (*described.inputs, *described.outputs)] == ["image", "logits"]
    assert described.inputs[0].scale == pytest.approx(1 / 255)  # pixels in [0, 1], by definition
    assert described.inputs[0].zero_point == -128
    assert (described.name, described.classes) == ("digits", tuple("0123456789"))
    assert described.large_checkpoint is None
    assert sum(operator.macs for operator in described.operators) > 10_000


def test_vectors_are_what_a_fresh_interpreter_and_the_gates_twin_say(exported: Exported) -> None:
    described = manifest.load(exported.folder.manifest)
    vectors = np.load(exported.folder.vectors)
    (logits,) = Micro(exported.folder.tflite.read_bytes()).run(vectors["input"])
    np.testing.assert_array_equal(logits, vectors["output"])
    gate = described.gate
    for row, predicted, score, accepted in zip(
        logits.tolist(), vectors["predicted"], vectors["score"], vectors["accepted"], strict=True
    ):
        assert predicted_class(row) == predicted
        assert SCORES[gate.score].code(row, gate.table, ()) == score
        assert (score >= gate.threshold) == accepted
    types = {name: vectors[name].dtype.name for name in vectors.files}
    assert types == {"input": "int8", "output": "int8", "label": "int64", "predicted": "uint8", "score": "uint16",
                     "accepted": "bool"}  # fmt: skip


def test_vectors_are_the_test_split_and_the_figures_follow_from_them(exported: Exported) -> None:
    described, vectors = exported.manifest, np.load(exported.folder.vectors)
    samples = data.load(config.load(exported.folder.config).data)
    chosen = data.load_splits(exported.folder.splits).test
    np.testing.assert_array_equal(vectors["label"], samples.labels[chosen])
    # The definition, in double precision: code = zero point + real / scale, to nearest.
    pixels = np.moveaxis(samples.images[chosen], 1, -1).astype(np.float64)
    codes = np.floor(pixels / described.inputs[0].scale + 0.5) + described.inputs[0].zero_point
    np.testing.assert_array_equal(vectors["input"], codes)
    correct = vectors["predicted"] == vectors["label"]
    model, _ = models.load(exported.folder.base_checkpoint)
    with torch.inference_mode():
        answers = model(torch.from_numpy(samples.images[chosen])).argmax(dim=1).numpy()
    assert described.accuracy == manifest.Accuracy(len(chosen), np.mean(answers == vectors["label"]), correct.mean())
    assert described.accuracy.float32 > 0.85, "the fixture has not learned anything"
    assert exported.float_tflite_accuracy == described.accuracy.float32
    (measured,) = [measured for measured in described.gate.measured if measured.split == "test"]
    accepted = vectors["accepted"]
    assert measured == manifest.Measured("test", len(chosen), accepted.mean(), np.mean(~correct[accepted]), None)


def test_int8_is_within_one_point_and_the_target_holds_on_validation(exported: Exported) -> None:
    described = exported.manifest
    assert abs(described.accuracy.float32 - described.accuracy.quantised) <= 0.01
    (measured,) = [measured for measured in described.gate.measured if measured.split == "validation"]
    assert described.gate.target == {"coverage": 0.8}
    assert measured.coverage >= 0.8


def test_layer_table_covers_every_operator(exported: Exported) -> None:
    found = graph.read(exported.folder.tflite)
    operators = [(operator.op, found.tensors[operator.outputs[0]].shape) for operator in found.operators]
    assert [(layer.op, layer.shape) for layer in exported.layers] == [("INPUT", (1, 8, 8, 1)), *operators]
    first, *others = exported.layers
    assert first.max_error <= first.scale / 2 * 1.001  # rounding is the only error there
    assert first.clipped == 0
    for layer in others:
        assert layer.sqnr_db is not None
        assert 20 < layer.sqnr_db < 60, layer  # 8 bits cannot do better than about 6.02 * 8 + 1.76 dB by much
        assert layer.clipped < 0.01, layer


def test_a_layer_that_is_off_shows_in_the_table(exported: Exported, converted: Any) -> None:
    """Clip one tensor to half of its range: its row, and the rows that follow from it, get worse."""
    model, probe = converted.model, converted.probe
    floating = interface.arrange(converted.content, {"image": probe}, model.answers(probe))
    images = np.random.default_rng(5).random((32, 8, 8, 3), dtype=np.float32)
    ranges = quantize.calibrate(FloatModel(floating).run(images)) | {"image": (0.0, 1.0)}
    image = manifest.Tensor("image", (1, 8, 8, 3), "int8", float(np.float32(1 / 255)), -128)
    codes = quantize.to_codes(images, image)

    def table(ranges: quantize.Ranges) -> dict[str, layer_errors.LayerError]:
        content = quantize.quantize(floating, ranges)
        micro = Micro(content, keep_tensors=True)

        def both() -> Iterator[tuple[Activations, Activations]]:
            for sample, real in zip(codes, FloatModel(floating).run(images), strict=True):
                micro.call(sample[np.newaxis])
                yield real, micro.activations()

        return {layer.name: layer for layer in layer_errors.measure(graph.parse(content, "int8"), both())}

    good, bad = table(ranges), table({**ranges, "conv_2d_2": (0.0, ranges["conv_2d_2"][1] / 2)})
    assert bad["conv_2d_2"].clipped > 0.01 > good["conv_2d_2"].clipped
    assert bad["conv_2d_2"].max_error > 10 * good["conv_2d_2"].max_error
    assert bad["conv_2d_0"] == good["conv_2d_0"]
    assert (bad["mean_3"].sqnr_db or 0) < (good["mean_3"].sqnr_db or 0)


@pytest.fixture
def run_copy(trained: RunFolder, tmp_path: Path) -> RunFolder:
    """What training left, in a folder to be damaged."""
    folder = RunFolder(tmp_path / "digits")
    folder.path.mkdir()
    for path in (trained.config, trained.splits, trained.base_checkpoint):
        shutil.copy(path, folder.path)
    return folder


def _change_checkpoint(key: str, value: object) -> Callable[[RunFolder], None]:
    def change(folder: RunFolder) -> None:
        content = torch.load(folder.base_checkpoint, weights_only=True)
        torch.save({**content, key: value}, folder.base_checkpoint)

    return change


def _cut_checkpoint(folder: RunFolder) -> None:
    folder.base_checkpoint.write_bytes(folder.base_checkpoint.read_bytes()[:-2000])


def _shorten_splits(folder: RunFolder) -> None:
    splits = json.loads(folder.splits.read_text())
    folder.splits.write_text(json.dumps({**splits, "train": splits["train"][:-1]}))


MUST_REFUSE: dict[str, tuple[Callable[[RunFolder], object], str, str]] = {
    "no folder": (lambda run: shutil.rmtree(run.path), "no such run folder", "python -m train"),
    "no checkpoint": (lambda run: run.base_checkpoint.unlink(), "base.pt is missing", "python -m train"),
    "no configuration": (lambda run: run.config.unlink(), "run.toml is missing", "python -m train"),
    "no splits": (lambda run: run.splits.unlink(), "splits.json is missing", "python -m train"),
    "splits of another data set": (_shorten_splits, "has 1797 samples", "--restart"),
    "configuration not TOML": (lambda run: run.config.write_text("name ="), "not TOML", "Correct the file"),
    "checkpoint cut short": (_cut_checkpoint, "not a checkpoint", "--restart"),
    "checkpoint of another format": (_change_checkpoint("format", 99), "format is 99, expected 2", "--restart"),
    "checkpoint of an unknown model": (_change_checkpoint("model", "vit"), "vit", "--restart"),
    "checkpoint of other images": (_change_checkpoint("input_shape", [1, 9, 9]), "(1, 9, 9)", "--restart"),
}


@pytest.mark.parametrize(("damage", "problem", "next_step"), MUST_REFUSE.values(), ids=MUST_REFUSE.keys())
def test_refuses(run_copy: RunFolder, damage: Callable[[RunFolder], object], problem: str, next_step: str) -> None:
    damage(run_copy)
    with pytest.raises(DemurError) as caught:
        export_run(run_copy)
    assert caught.value.exit_code == KNOWN_FAILURE
    assert problem in caught.value.problem
    assert str(run_copy.path) in caught.value.problem
    assert next_step in caught.value.next_step
    assert not run_copy.manifest.exists()


def test_interpreter_wrapper_refuses_what_does_not_fit(exported: Exported) -> None:
    content = exported.folder.tflite.read_bytes()
    with pytest.raises(ExportError, match="does not take float32"):
        Micro(content).run(np.zeros((1, 8, 8, 1), np.float32))
    with pytest.raises(ExportError, match=r"\(1, 8, 7, 1\)"):
        Micro(content).run(np.zeros((1, 8, 7, 1), np.int8))
    for damaged in (b"", content[: len(content) // 2], b"x" * 100):
        with pytest.raises(graph.GraphError):
            Micro(damaged)
