"""A small run folder whose test split the scripted board of tests/scripted_board.py answers as its vectors say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract import manifest
from contract.run_folder import RunFolder
from scripted_board import HELLO, MINIMUM_STEPS, MODEL_HASH

SAMPLES = 40
CLASSES = tuple(str(digit) for digit in range(10))


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """manifest.json and vectors.npz; every fourth sample is abstained from at the manifest's threshold."""
    folder = RunFolder(tmp_path / "scripted")
    folder.path.mkdir()
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 256, (SAMPLES, 8, 8, 1), dtype=np.uint8)
    predicted = generator.integers(0, 10, SAMPLES).astype(np.uint8)
    scores = np.where(np.arange(SAMPLES) % 4 == 3, 100, 200).astype(np.uint16)
    codes[:, 0, 0, 0], codes[:, 0, 1, 0] = predicted, scores
    np.savez(folder.vectors, input=codes.view(np.int8), label=predicted.astype(np.int64), predicted=predicted,
             score=scores, accepted=scores >= HELLO.threshold, output=np.zeros((SAMPLES, 10), np.int8))  # fmt: skip
    manifest.save(
        manifest.Manifest(
            format=manifest.FORMAT,
            name="scripted",
            model=manifest.Model(file="model.tflite", sha256=f"{MODEL_HASH:016x}" + 48 * "0", bytes=1),
            inputs=(manifest.Tensor("image", (1, 8, 8, 1), "int8", 1 / 255, -128),),
            outputs=(manifest.Tensor("logits", (1, 10), "int8", 0.1, 0),),
            states=(),
            stream=None,
            quantisation=manifest.Quantisation("int8", "no state", ()),
            classes=CLASSES,
            gate=manifest.Gate(
                "softmax_response", "logits", None, 1.0, (32768,), (), HELLO.threshold, {"coverage": 0.75}, (), None
            ),
            memory=manifest.Memory(512, ()),
            operators=(),
            accuracy=manifest.Accuracy(SAMPLES, 1.0, 1.0),
            large_checkpoint=folder.large_checkpoint.name,
        ),
        folder.manifest,
    )
    return folder


@pytest.fixture
def recurrent_folder(run_folder: RunFolder) -> RunFolder:
    """The run folder of a recurrent model, with sequences of 30 frames of 16 codes, which a scripted board with such a
    HELLO answers as the vectors say: some in time, some never."""
    from contract.gate import in_time

    generator = np.random.default_rng(1)
    count, steps, frame = 20, 30, 16
    codes = generator.integers(0, 256, (count, steps, frame), dtype=np.uint8)
    classes = generator.integers(0, 10, (count, steps)).astype(np.uint8)
    scores = (generator.integers(0, 100, (count, steps)) + 5 * np.arange(steps) - 8 * np.arange(count)[:, None]).clip(
        0, 200
    )
    codes[:, :, 0], codes[:, :, 1] = classes, scores
    decided = [in_time.decide(of.tolist(), HELLO.threshold, MINIMUM_STEPS) for of in scores]
    last, rows = np.array([taken - 1 for taken, _ in decided]), np.arange(count)
    np.savez(run_folder.vectors, input=codes.view(np.int8), label=classes[rows, last].astype(np.int64),
             predicted=classes[rows, last], score=scores[rows, last].astype(np.uint16),
             accepted=[accepted for _, accepted in decided], steps=(last + 1).astype(np.uint16), classes=classes,
             scores=scores.astype(np.uint16), output=np.zeros((count, steps, 10), np.int8))  # fmt: skip
    described = manifest.load(run_folder.manifest)
    stream = manifest.Stream(steps, MINIMUM_STEPS, -1.0, 1.0, None)
    tensor = manifest.Tensor("frame", (1, frame), "int8", 1 / 128, 0)
    manifest.save(replace(described, inputs=(tensor,), stream=stream), run_folder.manifest)
    return run_folder


@pytest.fixture
def with_large_model(run_folder: RunFolder) -> RunFolder:
    """The run folder with a real, untrained large model."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from train import models
    from train.models import checkpoint

    torch.manual_seed(0)
    model = models.build("cnn", (1, 8, 8), 10, {})
    checkpoint.save(model, checkpoint.describe("cnn", model, {}, CLASSES, 2.0), run_folder.large_checkpoint)
    return run_folder
