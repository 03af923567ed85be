"""Sequences that are no test split: recordings, or frames in a file.

    for sample in load(Path("recordings"), manifest): bridge.stream(sample)

A WAV file           becomes frames of log-mel energies with the manifest's settings, and silence up to the last of them,
                     as in training. A recording longer than the model's sequences is cut there.
A folder             every WAV file in it (label unknown) and in its subfolders, whose name is the label if it is a class.
A CSV file           one line a frame under a header, values 0 .. 1 as the `low` .. `high` of the training data:

                         f0,f1,f2               or          sequence,label,f0,f1,f2
                         0.1,0.5,0.0                        walk-1,walking,0.1,0.5,0.0

                     Without the first two columns all lines are one sequence. Sequences may be shorter than the model's:
                     they end with FINISH.
"""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract import wav
from contract.log_mel import LogMel
from contract.manifest import Manifest, Stream
from host.bridge import Sample
from host.codes import quantise
from host.errors import HostError

KEYS: Final = ["sequence", "label"]
FORM: Final = "Write one line per frame under a header, with or without the columns sequence,label before the values."


def load(path: Path, manifest: Manifest) -> list[Sample]:
    """The sequences of a file or folder, in the order of their names. Raises HostError naming file and cause."""
    stream = manifest.stream
    if stream is None:
        raise HostError(
            f"{path}: the model of run {manifest.name} has no state and takes whole samples, not frames.",
            "Leave --source out, or name the run of a recurrent model.",
        )
    read = _csv if path.suffix.lower() == ".csv" else _wav
    tensor, samples = manifest.inputs[0], []
    for index, (name, label, frames) in enumerate(read(path, manifest, stream)):
        real = stream.low + (stream.high - stream.low) * frames[: stream.steps].astype(np.float32)
        number = manifest.classes.index(label) if label in manifest.classes else None
        samples.append(Sample(index, number, quantise(real, tensor), name))
    return samples


def _wav(path: Path, manifest: Manifest, stream: Stream) -> Iterator[tuple[str, str | None, NDArray[np.float32]]]:
    """Name, label and frames [T, F] of each recording."""
    settings = stream.features
    if settings is None:
        raise HostError(
            f"{path}: the frames of run {manifest.name} are not made of sound.", "Give --source a CSV file of frames."
        )
    if path.is_dir():
        files = sorted((*path.glob("*.[wW][aA][vV]"), *path.glob("*/*.[wW][aA][vV]")))
        if not files:
            raise HostError(
                f"{path}: holds no WAV file, and neither do its subfolders.",
                "Name a WAV file, a folder of them, a folder with one subfolder per class, or a CSV file.",
            )
    else:
        files = [path]
    for file in files:
        label = file.parent.name if file.parent != path and path.is_dir() else None
        yield str(file), label, settings.frames_of(_samples(file, settings))


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


def _csv(path: Path, manifest: Manifest, stream: Stream) -> Iterator[tuple[str, str | None, NDArray[np.float32]]]:
    """Name, label and frames [T, F] of each sequence."""
    try:
        with path.open(newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise HostError(f"{path}: cannot be read ({error.strerror}).", "Name a CSV file of frames.") from None
    except (csv.Error, ValueError) as error:
        raise HostError(f"{path}: not a CSV file ({error}).", FORM) from None
    if len(lines) < 2:
        raise HostError(f"{path}: {len(lines)} lines, expected a header and a frame at least.", FORM)
    keys = len(KEYS) if lines[0][1][: len(KEYS)] == KEYS else 0
    size = manifest.inputs[0].shape[-1]
    for number, row in lines:
        if len(row) != keys + size:
            raise HostError(
                f"{path}, line {number}: {len(row)} fields, expected {keys + size}: the model's frames have {size} values"
                f"{', after sequence and label' if keys else ''}.",
                FORM,
            )
    names = set()
    for name, group in itertools.groupby(lines[1:], key=lambda line: line[1][0] if keys else None):
        steps = list(group)
        if name in names:
            raise HostError(f"{path}, line {steps[0][0]}: sequence {name!r} goes on after another one.", FORM)
        names.add(name)
        if len(steps) > stream.steps:
            raise HostError(
                f"{path}, line {steps[0][0]}: {len(steps)} frames in a sequence, but the board holds {stream.steps}.",
                "Split it into sequences of that length.",
            )
        frames = np.array([_numbers(path, line, row[keys:]) for line, row in steps], dtype=np.float32)
        yield (f"{path}:{name}" if keys else str(path)), (steps[0][1][1] if keys else None), frames


def _numbers(path: Path, line: int, fields: list[str]) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise HostError(f"{path}, line {line}: {error}, expected numbers.", FORM) from None
    if not all(0 <= value <= 1 for value in values):  # NaN is refused as well
        raise HostError(
            f"{path}, line {line}: holds {', '.join(fields)}, expected numbers 0 .. 1.",
            "Scale them as in training: `low` under [data] becomes 0, `high` becomes 1.",
        )
    return values
