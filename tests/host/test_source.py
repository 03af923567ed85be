"""Recordings and frames from files: the same frames as in training, labels from folders, what is refused."""

import io
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.log_mel import LogMel
from contract.manifest import Manifest, Stream, Tensor
from contract.run_folder import RunFolder
from host.errors import HostError
from host.source import load

SETTINGS = LogMel(rate=8000, bands=12, frames=20)
TENSOR = Tensor("frame", (1, 12), "int8", 2 / 255, 0)


@pytest.fixture
def speech(run_folder: RunFolder) -> Manifest:
    """A manifest of a recurrent model of sound."""
    stream = Stream(SETTINGS.frames, 3, -1.0, 1.0, SETTINGS)
    return replace(manifests.load(run_folder.manifest), inputs=(TENSOR,), stream=stream)


@pytest.fixture
def gestures(speech: Manifest) -> Manifest:
    """A manifest of a recurrent model of anything else: frames of three values."""
    stream = Stream(4, 1, -1.0, 1.0, None)
    return replace(speech, inputs=(Tensor("frame", (1, 3), "int8", 2 / 255, 0),), stream=stream)


def recording(seconds: float = 0.15, rate: int = 8000, hertz: float = 700) -> bytes:
    samples = np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate) * 12000
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def frames_in_training(content: bytes, tensor: Tensor) -> NDArray[np.int8]:
    """The codes [T, F] that training and export make of a recording."""
    from export.quantize import to_codes
    from train.data.recording import read_wav

    frames = SETTINGS.frames_of(read_wav("it", content, SETTINGS.rate))
    return to_codes(np.float32(-1) + np.float32(2) * frames, tensor)


def test_a_recording_becomes_the_frames_of_training(speech: Manifest, tmp_path: Path) -> None:
    for seconds in (0.15, 2.0):  # shorter and longer than 20 frames
        file = tmp_path / "it.WAV"
        file.write_bytes(recording(seconds))
        (sample,) = load(file, speech)
        expected = frames_in_training(file.read_bytes(), TENSOR)
        assert np.array_equal(np.frombuffer(sample.codes, np.int8).reshape(20, 12), expected)
        assert len(np.unique(expected)) > 10
        assert (sample.index, sample.label, sample.name) == (0, None, str(file))


def test_folders_are_labels_if_they_are_classes(speech: Manifest, tmp_path: Path) -> None:
    for name in ("7/b.wav", "7/a.wav", "3/c.wav", "noise/d.wav", "e.wav", "7/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(recording())
    found = [(Path(sample.name or "").name, sample.label) for sample in load(tmp_path, speech)]
    assert found == [("c.wav", 3), ("a.wav", 7), ("b.wav", 7), ("e.wav", None), ("d.wav", None)]
    assert [sample.index for sample in load(tmp_path, speech)] == [0, 1, 2, 3, 4]


def test_frames_from_a_csv_file(gestures: Manifest, tmp_path: Path) -> None:
    file = tmp_path / "it.csv"
    file.write_text("x,y,z\n0.01,0.5,0.99\n1,0.25,0.0001\n")
    (sample,) = load(file, gestures)
    # 127.5 codes for 1, and 0.5 is 0
    assert np.frombuffer(sample.codes, np.int8).tolist() == [-125, 0, 125, 127, -64, -127]
    assert (sample.label, sample.name) == (None, str(file))


def test_labelled_sequences_from_a_csv_file(gestures: Manifest, tmp_path: Path) -> None:
    file = tmp_path / "it.csv"
    file.write_text("sequence,label,x,y,z\na,4,0,0,0\na,4,1,1,1\n\nb,unheard of,0,1,0\n")
    first, second = load(file, gestures)
    assert (first.label, first.name, len(first.codes)) == (4, f"{file}:a", 6)
    assert (second.label, second.name, len(second.codes)) == (None, f"{file}:b", 3)


REFUSED_SOUND = {
    "another rate": (
        "a.wav",
        recording(rate=16000),
        "sampled at 16000 Hz.*8000 Hz",
        "sox a.wav -e signed -b 16 -r 8000",
    ),
    "no WAV": ("a.wav", b"RIFF is not enough", "not a WAV file", "sox"),
    "nothing": ("a.wav", b"", "not a WAV file of 8 to 32 bit PCM", "sox"),
    "cut short": ("a.wav", recording()[:30], "not a WAV file", "sox"),
    "too short": ("a.wav", recording(0.02), "20 ms long, expected a window of 25 ms", "Record it again"),
    "no sound in it": ("a.wav", recording(0), "0 ms long", "Record it again"),
}


@pytest.mark.parametrize("case", REFUSED_SOUND)
def test_recordings_that_are_refused(case: str, speech: Manifest, tmp_path: Path) -> None:
    name, content, problem, step = REFUSED_SOUND[case]
    (tmp_path / name).write_bytes(content)
    for source in (tmp_path / name, tmp_path):
        with pytest.raises(HostError, match=problem) as caught:
            load(source, speech)
        assert str(tmp_path / name) in caught.value.problem and step in caught.value.next_step


REFUSED_FRAMES = {
    "empty": ("", "0 lines, expected a header and a frame"),
    "a header alone": ("x,y,z\n", "1 lines"),
    "too few values": ("x,y,z\n1,1,1\n1,1\n", "line 3: 2 fields, expected 3"),
    "another header": ("x,y\n1,1\n", "line 1: 2 fields, expected 3"),
    "a word": ("x,y,z\n1,high,1\n", "line 2: could not convert string to float: 'high'"),
    "beyond 1": ("x,y,z\n1,1.5,1\n", "line 2: holds 1, 1.5, 1, expected numbers 0 .. 1"),
    "not a number": ("x,y,z\n1,nan,1\n", "line 2: holds 1, nan, 1, expected"),
    "too long": ("x,y,z\n" + 5 * "1,1,1\n", "5 frames in a sequence, but the board holds 4"),
    "scattered": ("sequence,label,x,y,z\na,1,0,0,0\nb,1,0,0,0\na,1,0,0,0\n", "line 4: sequence 'a' goes on"),
    "no text": ("x,y,z\n\0\xff,,\n", "line 2"),
}


@pytest.mark.parametrize("case", REFUSED_FRAMES)
def test_frames_that_are_refused(case: str, gestures: Manifest, tmp_path: Path) -> None:
    text, problem = REFUSED_FRAMES[case]
    file = tmp_path / "it.csv"
    file.write_text(text)
    with pytest.raises(HostError, match=problem) as caught:
        load(file, gestures)
    assert str(file) in caught.value.problem


def test_what_does_not_suit_the_model_or_is_not_there(
    speech: Manifest, gestures: Manifest, run_folder: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.wav").write_bytes(recording())
    cases = (
        (tmp_path / "a.wav", gestures, "not made of sound"),
        (tmp_path / "a.wav", manifests.load(run_folder.manifest), "has no state"),
        (tmp_path / "none.wav", speech, "none.wav: cannot be read"),
        (tmp_path / "none.csv", speech, "none.csv: cannot be read"),
        (tmp_path / "empty", speech, "holds no WAV file"),
    )
    for path, manifest, problem in cases:
        with pytest.raises(HostError, match=problem):
            load(path, manifest)
