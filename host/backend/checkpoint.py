"""The run's own large model: the PyTorch checkpoint that training left, on the CPU."""

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.errors import HostError

try:
    import torch
except ModuleNotFoundError as missing:
    raise HostError(
        "PyTorch is not installed, and the large model of this run is a PyTorch checkpoint.",
        "Install it with `pip install -e '.[train]'`.",
    ) from missing

from train import models
from train.models.classifier import Classifier


class Checkpoint:
    """A trained classifier; see host.backend.LargeModel."""

    def __init__(self, model: Classifier, temperature: float) -> None:
        self._model = model
        self._temperature = temperature

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if samples.ndim == 3:  # a frame is the row of each channel, one after the other
            channels, height, width = self._model.input_shape
            images = samples.reshape(-1, height, channels, width).swapaxes(1, 2)
        else:  # the manifest's images have their channels last, PyTorch's come first
            images = np.moveaxis(samples, -1, 1)
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(np.ascontiguousarray(images)))
            probabilities = torch.softmax(logits / self._temperature, dim=1)
        return np.asarray(probabilities.numpy(), dtype=np.float32)


def load(run: RunFolder, manifest: Manifest) -> Checkpoint:
    """Raises HostError unless the run has a large model with the manifest's classes."""
    retrain = f"Train the run again so that {run.path} has both its models."
    if manifest.large_checkpoint is None:
        raise HostError(f"{run.manifest}: names no large model.", retrain)
    path = run.path / manifest.large_checkpoint
    if not path.exists():
        raise HostError(f"{path}: the large model is missing.", retrain)
    model, checkpoint = models.load(path)
    # One sample at a time gives several threads nothing to share, and beside an emulator they take its core: on two
    # cores the median answer took 69 ms with torch's default of two threads, 1.6 ms with one.
    torch.set_num_threads(1)
    if tuple(checkpoint.classes) != manifest.classes:
        raise HostError(f"{path}: its classes {checkpoint.classes} are not the manifest's {manifest.classes}.", retrain)
    return Checkpoint(model, checkpoint.temperature)
