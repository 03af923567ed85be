"""A trained model as an ONNX file for a PC or a server: what `python -m host run --large` takes, and MLServer or Triton
can serve.

    written = write(Path("runs/digits/large.pt"), Path("runs/digits/large.onnx"))

Input `image`, float32 [batch, C, H, W] in [0, 1]; output `probabilities`, float32 [batch, classes], calibrated with the
checkpoint's temperature. The metadata has `classes`, a JSON list of their names.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from export.convert import to_onnx
from export.errors import ExportError
from train import models
from train.heads.head import LOGITS, as_tuple
from train.models.classifier import Classifier

INPUT: Final = "image"
OUTPUT: Final = "probabilities"

SAMPLES: Final = 8
"""Pseudo-random images on which the file must do what PyTorch does."""

TOLERANCE: Final = 1e-4
"""Of a probability: far above what the order of additions changes in float32, far below what a wrong operator does."""


@dataclass(frozen=True)
class Written:
    """`shape` is [C, H, W]; `difference` is the greatest between a probability of PyTorch and one of ONNX Runtime."""

    path: Path
    shape: tuple[int, ...]
    classes: int
    bytes: int
    difference: float


class Calibrated(nn.Module):
    """Images to probabilities."""

    def __init__(self, model: Classifier, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.logits = model.output_names.index(LOGITS)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = as_tuple(self.model(image))[self.logits][:, : self.model.classes]
        return torch.softmax(logits / self.temperature, dim=1)


def write(checkpoint: Path, path: Path) -> Written:
    """Convert a checkpoint. Raises TrainError if that is none, ExportError if the file cannot be written or does
    something else."""
    model, description = models.load(checkpoint)
    calibrated = Calibrated(model, description.temperature).eval()
    try:
        with warnings.catch_warnings():
            # The tracer's, of a recurrent model's batch; what the file does is seen below.
            warnings.simplefilter("ignore")
            to_onnx(calibrated, (INPUT,), (OUTPUT,), ((1, *model.input_shape),), path, any_batch=True)
        content = onnx.load(str(path))
        onnx.helper.set_model_props(content, {"classes": json.dumps(list(description.classes))})
        onnx.save(content, str(path))
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}).", "Name another file with --onnx.") from None
    difference = _difference(calibrated, path, model.input_shape)
    if difference > TOLERANCE:
        path.unlink()
        raise ExportError(
            f"{path}: ONNX Runtime's probabilities differ from PyTorch's by up to {difference:.2g}, expected at most {TOLERANCE:g}.",
            "Serve the checkpoint itself: --large checkpoint.",
        )
    return Written(path, model.input_shape, model.classes, path.stat().st_size, difference)


def _difference(calibrated: Calibrated, path: Path, shape: tuple[int, ...]) -> float:
    """The greatest between two probabilities, of PyTorch and of ONNX Runtime."""
    images = np.random.default_rng(0).random((SAMPLES, *shape), dtype=np.float32)
    with torch.inference_mode():
        expected = calibrated(torch.from_numpy(images)).numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return float(np.abs(np.asarray(session.run([OUTPUT], {INPUT: images})[0]) - expected).max())
