"""Recordings to log-mel frames: WAV files of any bit depth and number of channels, at the rate of the settings.

    images = frames_of([("a.wav", content), ...], LogMel(rate=8000))  # float32 [N, 1, frames, bands]

Frames are kept in `build/features/`, named after settings and contents, so the next run of the same data starts at
once.
"""

import dataclasses
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract import wav
from contract.log_mel import LogMel
from contract.progress import Progress
from train.errors import TrainError

CACHE: Final = Path("build/features")
CONVERT: Final = "Convert it, for example: sox {name} -e signed -b 16 -r {rate} fixed.wav"


def frames_of(recordings: Sequence[tuple[str, bytes]], settings: LogMel) -> NDArray[np.float32]:
    """Frames [N, 1, frames, bands] in [0, 1] of WAV files, given as name and content."""
    made_by = repr(dataclasses.astuple(settings)) + digest(recordings)
    path = CACHE / f"{hashlib.sha256(made_by.encode()).hexdigest()[:32]}.npy"
    try:
        kept: NDArray[np.float32] = np.load(path)
        return kept
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        pass  # not there, or damaged: made again
    images = np.empty((len(recordings), 1, settings.frames, settings.bands), dtype=np.float32)
    with Progress("log-mel frames", len(recordings)) as progress:
        for index, (name, content) in enumerate(recordings):
            images[index, 0] = settings.frames_of(read_wav(name, content, settings.rate))
            progress.advance()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, images)
    except OSError:
        pass  # a folder that cannot be written costs time, not the result
    return images


def read_wav(name: str, content: bytes, rate: int) -> NDArray[np.float64]:
    """Samples [N] in [-1, 1) of a PCM WAV file, its channels averaged. Raises TrainError if it is anything else."""
    convert = CONVERT.format(name=Path(name).name, rate=rate)
    try:
        samples, found = wav.read(content)
    except ValueError as error:
        raise TrainError(f"{name}: not a WAV file of 8 to 32 bit PCM samples ({error}).", convert) from None
    if found != rate:
        raise TrainError(
            f"{name}: sampled at {found} Hz, expected {rate} Hz (rate under [data.features]).",
            f"{convert}, or correct the rate.",
        )
    if not samples.size:
        raise TrainError(f"{name}: holds no samples.", "Remove it.")
    return samples


def digest(recordings: Sequence[tuple[str, bytes]]) -> str:
    """SHA-256 of the contents' SHA-256 sums, one after the other, in hexadecimal."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for _, content in recordings)).hexdigest()
