"""Recordings: WAV files, one or a folder of them: `--source recordings/`.

Each becomes frames of log-mel energies with the manifest's settings, and silence up to the last of them, as in
training. A recording longer than the model's sequences is cut there. The label of a file in a subfolder is that
folder's name if it is a class.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract import wav
from contract.log_mel import LogMel
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.codes import codes_of
from host.errors import HostError
from host.source import Source


class Recordings(Source):
    def __init__(self, path: Path, settings: LogMel, manifest: Manifest) -> None:
        self._path, self._settings, self._manifest = path, settings, manifest
        self._files = (
            sorted((*path.glob("*.[wW][aA][vV]"), *path.glob("*/*.[wW][aA][vV]"))) if path.is_dir() else [path]
        )
        if not self._files:
            raise HostError(
                f"{path}: holds no WAV file, and neither do its subfolders.",
                "Name a WAV file, a folder of them, a folder with one subfolder per class, or a CSV file.",
            )
        super().__init__(str(path), len(self._files))

    def samples(self) -> Iterator[Sample]:
        classes, steps = self._manifest.classes, self._manifest.stream.steps if self._manifest.stream else 0
        for index, file in enumerate(self._files):
            if self._closed.is_set():
                return
            folder = file.parent.name if file.parent != self._path and file != self._path else None
            label = classes.index(folder) if folder in classes else None
            frames = self._settings.frames_of(_samples(file, self._settings))[:steps]
            yield Sample(index, label, codes_of(frames, self._manifest), str(file))


def load(detail: str, run: RunFolder, manifest: Manifest) -> Recordings:
    """The WAV file, or the folder, `detail`. Raises HostError naming it and the cause."""
    return Recordings(Path(detail), features_of(detail, manifest), manifest)


def features_of(what: str, manifest: Manifest) -> LogMel:
    """How the model's frames are made of sound. Raises HostError if they are not."""
    if manifest.stream is None:
        raise HostError(
            f"{what}: the model of run {manifest.name} has no state and takes whole samples, not frames of sound.",
            "Name the run of a recurrent model, or give --source images or a CSV file.",
        )
    if manifest.stream.features is None:
        raise HostError(
            f"{what}: the frames of run {manifest.name} are not made of sound.", "Give --source a CSV file of frames."
        )
    return manifest.stream.features


def _samples(file: Path, settings: LogMel) -> NDArray[np.float64]:
    convert = f"Convert it, for example: sox {file.name} -e signed -b 16 -r {settings.rate} fixed.wav"
    try:
        samples, rate = wav.read(file.read_bytes())
    except OSError as error:
        raise HostError(
            f"{file}: cannot be read ({error.strerror}).", "Name a WAV file, a folder of them or a CSV file."
        ) from None
    except ValueError as error:
        raise HostError(f"{file}: not a WAV file of 8 to 32 bit PCM samples ({error}).", f"{convert}.") from None
    if rate != settings.rate:
        raise HostError(
            f"{file}: sampled at {rate} Hz, but the model was trained on {settings.rate} Hz.", f"{convert}."
        )
    if len(samples) < settings.window:
        raise HostError(
            f"{file}: {1000 * len(samples) / rate:g} ms long, expected a window of {settings.window_ms:g} ms at least.",
            "Record it again, or remove it.",
        )
    return samples
