"""A PyTorch checkpoint that `python -m train` left, on the CPU: the run's own large model, `--large checkpoint`, or any
other trained model, `--large runs/other/base.pt`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import DemurError
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.backend import OWN, NoAnswer, layout
from host.backend.layout import Layout
from host.errors import HostError

try:
    import torch
except ModuleNotFoundError as missing:
    raise HostError(
        "PyTorch is not installed, and the large model of this run is a PyTorch checkpoint.",
        "Install it with `pip install -e '.[train]'`.",
    ) from missing

from train import models
from train.heads.head import LOGITS, as_tuple
from train.models.classifier import Classifier


class Checkpoint:
    """A trained classifier; see host.backend.LargeModel."""

    def __init__(self, model: Classifier, temperature: float, arrangement: Layout) -> None:
        self._model = model
        self._temperature = temperature
        self._layout = arrangement
        self._logits = model.output_names.index(LOGITS)

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        images = torch.from_numpy(self._layout.arrange(samples))
        try:
            with torch.inference_mode():
                outputs = as_tuple(self._model(images))
        except RuntimeError as error:  # out of memory, above all
            raise NoAnswer(f"PyTorch: {str(error).splitlines()[0]}") from None
        logits = outputs[self._logits][:, : self._model.classes]  # what may follow is the logit of abstaining
        return np.asarray(torch.softmax(logits / self._temperature, dim=1).numpy(), dtype=np.float32)


def load(spec: str, run: RunFolder, manifest: Manifest) -> Checkpoint:
    """Raises HostError unless that is a checkpoint of a model of these samples and classes."""
    own = spec == OWN
    next_step = f"Train the run again so that {run.path} has both its models." if own else "Take another checkpoint."
    if own and manifest.large_checkpoint is None:
        raise HostError(f"{run.manifest}: names no large model.", next_step)
    path = run.path / manifest.large_checkpoint if own and manifest.large_checkpoint else Path(spec)
    if not path.is_file():
        raise HostError(f"{path}: the large model is missing.", next_step if own else "Correct the path.")
    try:
        model, checkpoint = models.load(path)
    except DemurError as error:
        raise HostError(error.problem, next_step) from None
    # One sample at a time gives several threads nothing to share, and beside an emulator they take its core: on two
    # cores the median answer took 69 ms with torch's default of two threads, 1.6 ms with one.
    torch.set_num_threads(1)
    if checkpoint.classes != manifest.classes:
        raise HostError(
            f"{path}: its classes {checkpoint.classes} are not the manifest's {manifest.classes}.", next_step
        )
    if manifest.stream is not None and checkpoint.features != manifest.stream.features:
        raise HostError(
            f"{path}: its frames are made with {checkpoint.features}, the manifest's with {manifest.stream.features}.",
            next_step,
        )
    arrangement = layout.fit((None, *model.input_shape), manifest, "nchw", str(path))
    return Checkpoint(model, checkpoint.temperature, arrangement)
