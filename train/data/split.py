"""Fixed, seeded, stratified splits, kept in the run folder as `splits.json`.

The model learns from `train`; temperature and threshold come from `validation`; `test` is read once, at the end. Where
the test samples come from is the configuration's choice:

random    a share of all samples
own       those that the data set sets aside itself
held_out  those of one group, such as a speaker, of which the model then has seen nothing

and the validation split is a random share of the others.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataSet
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data

SPLITS: Final = ("random", "own", "held_out")
LISTED: Final = 5  # classes that an error names


@dataclass(frozen=True)
class Splits:
    """Indices into a DataSet, int64, ascending, disjoint, together all of it."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def splits(data: DataSet, config: "Data") -> Splits:
    """Split as `config` says, every class in the same proportion in each random part.

    Raises TrainError if all samples are of one class, a class is missing from a part, or the data set lacks what
    `config.split` needs.
    """
    from sklearn.model_selection import train_test_split

    if not data.predicts_number:
        _refuse_one_class(data)
    everything, count = np.arange(len(data.labels)), len(data.labels)
    strata = None if data.predicts_number else data.labels
    validation, test = round(config.validation * count), round(config.test * count)
    try:
        if config.split == "random":
            rest, test_part = train_test_split(everything, test_size=test, stratify=strata, random_state=config.seed)
        else:
            chosen = _own_test(data) if config.split == "own" else _group(data, config)
            rest, test_part = everything[~chosen], everything[chosen]
            if strata is not None and (lost := set(data.labels) - set(data.labels[rest])):
                raise ValueError(
                    f"the test split takes all samples of {', '.join(data.classes[i] for i in sorted(lost))}"
                )
        train_part, validation_part = train_test_split(
            rest, test_size=validation, stratify=None if strata is None else strata[rest], random_state=config.seed
        )
    except ValueError as error:
        raise TrainError(
            f"{data.name}: {count} samples of {len(data.classes)} classes cannot be split into validation "
            f"{config.validation} and test {config.test} with every class in each part ({error}).",
            "Give each class more samples, or change the shares under [data].",
        ) from None
    parts = Splits(np.sort(train_part), np.sort(validation_part), np.sort(test_part))
    if not data.predicts_number:
        _refuse_missing(data, parts)
    return parts


def _refuse_one_class(data: DataSet) -> None:
    counts = np.bincount(data.labels, minlength=len(data.classes))
    if np.count_nonzero(counts) < 2:
        raise TrainError(
            f"{data.name}: all {len(data.labels)} samples are of the class {data.classes[int(counts.argmax())]!r}, expected "
            "two classes or more: of one there is nothing to learn, and nothing to abstain from.",
            "Add samples of another class.",
        )


def _refuse_missing(data: DataSet, parts: Splits) -> None:
    """Every class must be learned, have its share in the choice of temperature and threshold, and be measured."""
    for name, part in dataclasses.asdict(parts).items():
        missing = np.setdiff1d(np.arange(len(data.classes)), data.labels[part])
        if missing.size:
            listed = ", ".join(repr(data.classes[index]) for index in missing[:LISTED])
            more = f" and {missing.size - LISTED} more" if missing.size > LISTED else ""
            raise TrainError(
                f"{data.name}: the {name} split has no sample of {listed}{more} among its {len(part)}, expected every class.",
                "Give each class more samples, change the shares or the seed under [data], or leave the class out.",
            )


def _own_test(data: DataSet) -> NDArray[np.bool_]:
    if data.own_test is None:
        raise TrainError(
            f"data.split is 'own', and data set {data.name} sets no test samples aside, expected 'random'.",
            "Correct split under [data].",
        )
    return data.own_test


def _group(data: DataSet, config: "Data") -> NDArray[np.bool_]:
    groups = [] if data.groups is None else sorted(set(data.groups.tolist()))
    if data.groups is None or config.held_out not in groups:
        raise TrainError(
            f"data.held_out is {config.held_out!r}, and the groups of data set {data.name} are: "
            f"{', '.join(groups) or 'none'}.",
            "Correct held_out or split under [data].",
        )
    return np.array([name == config.held_out for name in data.groups])


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
