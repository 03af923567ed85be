"""The Free Spoken Digit Dataset: 3,000 recordings at 8 kHz, six speakers who say each of ten digits 50 times.

Its own test split is the first five recordings of each speaker and digit; `split = "held_out"` with a speaker's name
tests on a voice that training has not heard. Files are named `{digit}_{speaker}_{index}.wav`. Source: Jackson et al.,
https://github.com/Jakobovski/free-spoken-digit-dataset, release v1.0.10, CC BY-SA 4.0.

The archive is `spoken_digits.zip` in the folder that the environment variable DEMUR_DATA names, if it is there;
otherwise it is downloaded once, into the user's cache.
"""

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from train.data.dataset import DataSet
from train.data.download import Download, find
from train.data.recording import digest, frames_of
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data

ARCHIVE: Final = Download(
    file="spoken_digits.zip",
    url="https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
    bytes=16_419_872,
)
NAME: Final = re.compile(r"(?:.*/)?recordings/(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)\.wav")
RECORDINGS: Final = 3000
DIGEST: Final = "dfaea3659d8fb9bd818fb46652281730c568381c0fd1aa8a43ccf8b05a9f92bb"  # `recording.digest` of the release
TEST_INDICES: Final = 5  # "Recordings numbered 0-4 (inclusive) are in the test [set]", README of the data set


def load(config: "Data") -> DataSet:
    """Find or download the archive and make frames of it. Raises TrainError if it cannot be had or is another one."""
    assert config.features is not None  # train.config fills it in
    path = find(ARCHIVE)
    matches, recordings = _read(path)
    return DataSet(
        name=config.set,
        images=frames_of(recordings, config.features),
        labels=np.array([int(match["digit"]) for match in matches], dtype=np.int64),
        classes=tuple("0123456789"),
        own_test=np.array([int(match["index"]) < TEST_INDICES for match in matches]),
        groups=np.array([match["speaker"] for match in matches]),
        features=config.features,
    )


def _read(path: Path) -> tuple[list[re.Match[str]], list[tuple[str, bytes]]]:
    """The parts of each recording's name, and name and content, in the order of digit, speaker and index."""
    another = f"Remove it; the right one is at {ARCHIVE.url}"
    try:
        with zipfile.ZipFile(path) as archive:
            found = [match for name in archive.namelist() if (match := NAME.fullmatch(name))]
            found.sort(key=lambda match: (match["digit"], match["speaker"], int(match["index"])))
            recordings = [(f"{path}:{match[0]}", archive.read(match[0])) for match in found]
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise TrainError(f"{path}: cannot be read as a zip archive ({error}).", another) from None
    if len(found) != RECORDINGS:
        raise TrainError(f"{path}: holds {len(found)} recordings of spoken digits, expected {RECORDINGS}.", another)
    if (sha256 := digest(recordings)) != DIGEST:
        raise TrainError(f"{path}: its recordings have the SHA-256 {sha256}, expected {DIGEST}.", another)
    return found, recordings
