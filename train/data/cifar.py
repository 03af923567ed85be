"""CIFAR archives in their "python version": what CIFAR-10 and CIFAR-100 have in common.

    samples = read("cifar100", ARCHIVE, ["train"], ["test"], "fine_labels", ("meta", "fine_label_names"))

An archive holds pickled dicts: `data` uint8 [N, 3072], the red, green and blue plane of 32 rows of 32 pixels each, and
lists of labels. A pickle can run code, so the archive's SHA-256 is checked before it is opened. Images stay bytes: as
float32, 60,000 of them take 737 MB instead of 184 MB. Source: Krizhevsky, "Learning Multiple Layers of Features from
Tiny Images", 2009, https://www.cs.toronto.edu/~kriz/cifar.html
"""

import hashlib
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from train.data.dataset import DataSet
from train.data.download import Download, find
from train.errors import TrainError

SHAPE: Final = (3, 32, 32)


def read(
    name: str, archive: Download, train: Sequence[str], test: Sequence[str], labels: str, names: tuple[str, str]
) -> DataSet:
    """The data set `name`. `train` and `test` are files of the archive, `labels` the key of their labels, `names` file
    and key of the classes' names.

    Raises TrainError if the archive cannot be had, or is another one.
    """
    path = find(archive)
    _check(path, archive)
    try:
        with tarfile.open(path) as opened:
            files = {Path(member.name).name: member for member in opened.getmembers() if member.isfile()}
            contents = {file: _unpickle(opened.extractfile(files[file])) for file in (*train, *test, names[0])}
        batches = [contents[file] for file in (*train, *test)]
        pixels = np.concatenate([np.asarray(batch["data"], dtype=np.uint8) for batch in batches])
        test_samples = sum(len(contents[file]["data"]) for file in test)
        return DataSet(
            name=name,
            images=pixels.reshape(-1, *SHAPE),
            labels=np.concatenate([np.asarray(batch[labels], dtype=np.int64) for batch in batches]),
            classes=tuple(contents[names[0]][names[1]]),
            own_test=np.arange(len(pixels)) >= len(pixels) - test_samples,
        )
    except (OSError, EOFError, tarfile.TarError, pickle.UnpicklingError, KeyError, ValueError) as error:
        raise TrainError(
            f"{path}: not the archive of {name} ({type(error).__name__}: {error}).", _another(archive)
        ) from None


def _check(path: Path, archive: Download) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainError(f"{path}: cannot be read ({error.strerror}).", _another(archive)) from None
    if found != archive.sha256:
        raise TrainError(f"{path}: its SHA-256 is {found}, expected {archive.sha256}.", _another(archive))


def _another(archive: Download) -> str:
    return f"Remove it; the right one is at {archive.url}"


def _unpickle(file: Any) -> dict[str, Any]:
    """Keys as text. The archives were written by Python 2, whose strings are bytes here until they are asked to be
    text."""
    value: dict[str, Any] = pickle.load(file, encoding="latin-1")
    return value
