"""What a trained model says on the validation and test splits: `answers.npz` beside its checkpoint.

    write(folder)
    answers = read(folder)

Whoever judges needs no PyTorch and no data set. Arrays of the file, for `validation` and `test` alike: `test_logits`
float32 [N, classes], `test_labels` int64 [N], `test_abstain`, `test_gate` and `test_router` [N] if there are any
(`train.abstain.outputs`), `test_large` int64 [N] of a hybrid; and `inputs`, the number of values of one sample.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.run_folder import RunFolder
from train.abstain.outputs import Outputs
from train.errors import TrainError

SPLITS: Final = ("validation", "test")
OUTPUTS: Final = tuple(field.name for field in dataclasses.fields(Outputs))


@dataclass(frozen=True)
class Split:
    """What a model says to N samples, and their labels int64 [N]; `large` are the classes that a large model of its own
    predicts, which a hybrid has if that was tuned with it."""

    outputs: Outputs
    labels: NDArray[np.int64]
    large: NDArray[np.int64] | None = None

    @property
    def correct(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.outputs.predicted == self.labels
        return found


@dataclass(frozen=True)
class Answers:
    validation: Split
    test: Split
    inputs: int  # values of one sample


def path_of(folder: RunFolder) -> Path:
    return folder.path / "answers.npz"


def write(folder: RunFolder) -> None:
    """Run the base model of a complete run on both splits, and its router, if it has one."""
    from train import config, data, hybrid, loop, models, routers

    about = config.load(folder.config)
    samples = data.load(about.data)
    parts = data.load_splits(folder.splits)
    model, checkpoint = models.load(folder.base_checkpoint)

    def say(indices: NDArray[np.int64]) -> Split:
        images, labels = samples.images[indices], samples.labels[indices]
        if about.hybrid is None:
            return Split(loop.outputs(model, images), labels)
        router, (large, _) = routers.load(folder.router_checkpoint), models.load(folder.large_checkpoint)
        return Split(
            hybrid.ask(model, router, images, checkpoint.temperature), labels, loop.outputs(large, images).predicted
        )

    splits = {"validation": say(parts.validation), "test": say(parts.test)}
    save(Answers(**splits, inputs=math.prod(samples.input_shape)), folder)


def save(answers: Answers, folder: RunFolder) -> None:
    """Write the file, whole or not at all, should the process be killed here."""
    arrays: dict[str, NDArray[Any]] = {"inputs": np.array(answers.inputs)}
    for name in SPLITS:
        split: Split = getattr(answers, name)
        parts = {part: getattr(split.outputs, part) for part in OUTPUTS} | {
            "labels": split.labels,
            "large": split.large,
        }
        arrays |= {f"{name}_{part}": array for part, array in parts.items() if array is not None}
    fresh = folder.path / "answers.new.npz"
    np.savez_compressed(fresh, **arrays)
    fresh.replace(path_of(folder))


def read(folder: RunFolder) -> Answers:
    """Raises TrainError if the file is missing or is not such a file."""
    path = path_of(folder)
    try:
        with np.load(path) as arrays:
            validation, test = (
                Split(
                    Outputs(**{part: arrays.get(f"{name}_{part}") for part in OUTPUTS}),
                    arrays[f"{name}_labels"],
                    arrays.get(f"{name}_large"),
                )
                for name in SPLITS
            )
            return Answers(validation, test, inputs=int(arrays["inputs"]))
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"{path}: no answers to be read ({type(error).__name__}: {error}).", "Remove the file."
        ) from None
