"""What a trained model says on the validation and test splits: `answers.npz` beside its checkpoint.

    write(folder)
    answers = read(folder)

Whoever judges needs no PyTorch and no data set. Arrays of the file: `validation_logits`, `test_logits` float32 [N, classes],
`validation_labels`, `test_labels` int64 [N], and `inputs`, the number of values of one sample.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.run_folder import RunFolder
from train.errors import TrainError

SPLITS: Final = ("validation", "test")


@dataclass(frozen=True)
class Split:
    """Logits float32 [N, classes] and labels int64 [N]."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.logits.argmax(axis=1) == self.labels
        return found


@dataclass(frozen=True)
class Answers:
    validation: Split
    test: Split
    inputs: int  # values of one sample


def path_of(folder: RunFolder) -> Path:
    return folder.path / "answers.npz"


def write(folder: RunFolder) -> None:
    """Run the base model of a complete run on both splits."""
    from train import config, data, loop, models

    samples = data.load(config.load(folder.config).data)
    parts = data.load_splits(folder.splits)
    model, _ = models.load(folder.base_checkpoint)
    arrays: dict[str, NDArray[Any]] = {"inputs": np.array(math.prod(samples.input_shape))}
    for name in SPLITS:
        indices = getattr(parts, name)
        arrays[f"{name}_logits"] = loop.logits(model, samples.images[indices])
        arrays[f"{name}_labels"] = samples.labels[indices]
    fresh = folder.path / "answers.new.npz"
    np.savez_compressed(fresh, **arrays)
    fresh.replace(path_of(folder))  # whole or not at all, should the process be killed here


def read(folder: RunFolder) -> Answers:
    """Raises TrainError if the file is missing or is not such a file."""
    path = path_of(folder)
    try:
        with np.load(path) as arrays:
            splits = (Split(arrays[f"{name}_logits"], arrays[f"{name}_labels"]) for name in SPLITS)
            return Answers(*splits, inputs=int(arrays["inputs"]))
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"{path}: no answers to be read ({type(error).__name__}: {error}).", "Remove the file."
        ) from None
