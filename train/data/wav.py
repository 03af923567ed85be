"""Any recordings in a folder, one folder per class: `set = "wav"`, `file = "mine"`.

    mine/yes/1.wav  mine/yes/2.wav  mine/no/1.wav ...

Classes are the folders' names in alphabetical order; files lie directly in them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train.data.dataset import DataSet
from train.data.recording import frames_of
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data


def load(config: "Data") -> DataSet:
    """Read the folder. Raises TrainError if it lacks classes or recordings, or if a file is not what it must be."""
    assert config.features is not None  # train.config fills it in
    folder = Path(str(config.file))
    files = sorted(folder.glob("*/*.[wW][aA][vV]"))
    classes = sorted({file.parent.name for file in files})
    if len(classes) < 2:
        found = "no such folder" if not folder.is_dir() else f"{len(files)} WAV files in {len(classes)} subfolders"
        raise TrainError(
            f"{folder}: {found}, expected a folder with one subfolder of WAV files for each of two classes or more.",
            "Correct `file` under [data], or sort the recordings into such folders.",
        )
    return DataSet(
        name=folder.name,
        images=frames_of([(str(file), file.read_bytes()) for file in files], config.features),
        labels=np.array([classes.index(file.parent.name) for file in files], dtype=np.int64),
        classes=tuple(classes),
        features=config.features,
    )
