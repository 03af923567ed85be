"""Fixed, seeded, stratified splits, kept in the run folder as `splits.json`.

The model learns from `train`; temperature and threshold come from `validation`; `test` is read once, at the end.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataSet
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data


@dataclass(frozen=True)
class Splits:
    """Indices into a DataSet, int64, ascending, disjoint, together all of it."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def splits(data: DataSet, config: "Data") -> Splits:
    """Split by the shares and the seed of `config`, every class in the same proportion in each part.

    Raises TrainError if a class has too few samples to be in every part.
    """
    from sklearn.model_selection import train_test_split

    count = len(data.labels)
    validation, test = round(config.validation * count), round(config.test * count)
    try:
        rest, test_part = train_test_split(
            np.arange(count), test_size=test, stratify=data.labels, random_state=config.seed
        )
        train_part, validation_part = train_test_split(
            rest, test_size=validation, stratify=data.labels[rest], random_state=config.seed
        )
    except ValueError as error:
        raise TrainError(
            f"{data.name}: {count} samples of {len(data.classes)} classes cannot be split into validation "
            f"{config.validation} and test {config.test} with every class in each part ({error}).",
            "Give each class more samples, or change the shares under [data].",
        ) from None
    return Splits(np.sort(train_part), np.sort(validation_part), np.sort(test_part))


def save_splits(parts: Splits, config: "Data", path: Path) -> None:
    """Write `splits.json`: `data_set`, `seed` and the three lists of indices."""
    lists = {name: part.tolist() for name, part in dataclasses.asdict(parts).items()}
    path.write_text(json.dumps({"data_set": config.set, "seed": config.seed, **lists}) + "\n")


def load_splits(path: Path) -> Splits:
    """Read `splits.json`. Raises TrainError if it is missing or is not such a file."""
    try:
        value = json.loads(path.read_text())
        return Splits(*(np.array(value[name], dtype=np.int64) for name in ("train", "validation", "test")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainError(
            f"{path}: cannot be read as splits ({type(error).__name__}: {error}).",
            "Train the run again with --restart.",
        ) from None
