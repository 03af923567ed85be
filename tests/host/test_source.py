"""Sources: the same codes as in training, labels from folders, lines as they come, cameras and microphones that are
stand-ins, what is refused."""

import builtins
import importlib.util
import io
import itertools
import os
import re
import subprocess
import sys
import threading
import types
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from conftest import ROOT
from contract import manifest as manifests
from contract.log_mel import LogMel
from contract.manifest import Manifest, Stream, Tensor
from contract.run_folder import RunFolder
from host import source
from host.bridge import Outcome, Sample
from host.errors import HostError
from host.source import SOURCES, webcam

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


@pytest.fixture
def three_numbers(run_folder: RunFolder) -> Manifest:
    """A manifest of a model without state that takes three values."""
    return replace(manifests.load(run_folder.manifest), inputs=(Tensor("values", (1, 3), "int8", 1 / 255, -128),))


@pytest.fixture
def picture(run_folder: RunFolder) -> Callable[[int], Manifest]:
    """Manifests of models of images of 6 rows and 4 columns, by channels."""
    manifest = manifests.load(run_folder.manifest)
    return lambda channels: replace(
        manifest, inputs=(Tensor("image", (1, 6, 4, channels), "int8", 1 / 255, -128),), classes=("cat", "dog")
    )


def load(path: Path, manifest: Manifest) -> list[Sample]:
    """All samples of a file or folder."""
    return list(source.open(str(path), RunFolder(path.parent), manifest).samples())


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
    for place in (tmp_path / name, tmp_path):
        with pytest.raises(HostError, match=problem) as caught:
            load(place, speech)
        assert str(tmp_path / name) in caught.value.problem and step in caught.value.next_step


REFUSED_FRAMES = {
    "empty": ("", "empty, expected a header"),
    "a header alone": ("x,y,z\n", "holds no line of values"),
    "no header": ("0,0,1\n1,1,1\n", "line 1: numbers, expected the names"),
    "too few values": ("x,y,z\n1,1,1\n1,1\n", "line 3: 2 fields, expected 3"),
    "another header": ("x,y\n1,1\n", "line 1: 2 fields, expected 3"),
    "a word": ("x,y,z\n1,high,1\n", "line 2: could not convert string to float: 'high'"),
    "beyond 1": ("x,y,z\n1,1.5,1\n", "line 2: holds 1.5, expected numbers 0 .. 1"),
    "not a number": ("x,y,z\n1,nan,1\n", "line 2: holds nan, expected"),
    "too long": ("x,y,z\n" + 5 * "1,1,1\n", "line 6: more than 4 frames in a sequence, but the board holds 4"),
    "too long, with a name": ("sequence,label,x,y,z\n" + 5 * "a,1,1,1,1\n", "line 6: more than 4 frames"),
    "scattered": ("sequence,label,x,y,z\na,1,0,0,0\nb,1,0,0,0\na,1,0,0,0\n", "line 4: sequence 'a' goes on"),
    "no text": ("x,y,z\n\0\xff,,\n", "line 2"),
    "a quote that does not end": ('x,y,z\n"1,1,1\n', "line 2: not CSV"),
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
    (tmp_path / "a.png").touch()
    cases = (
        (tmp_path / "a.wav", gestures, "not made of sound"),
        (tmp_path / "a.wav", manifests.load(run_folder.manifest), "has no state"),
        (tmp_path / "none.wav", speech, "none.wav: no source of samples, and as a file it cannot be read"),
        (tmp_path / "none.csv", speech, "none.csv: cannot be read"),
        (tmp_path / "empty", manifests.load(run_folder.manifest), "holds no image"),
        (tmp_path, gestures, "not made of sound"),
        (tmp_path / "a.png", gestures, "takes frames of a sequence of shape .*, not images"),
        (tmp_path / "empty", speech, "holds no WAV file"),
    )
    for path, manifest, problem in cases:
        with pytest.raises(HostError, match=problem):
            load(path, manifest)


def test_the_test_split_knows_what_the_board_must_say(run_folder: RunFolder) -> None:
    manifest = manifests.load(run_folder.manifest)
    split = source.open("test", run_folder, manifest)
    vectors = np.load(run_folder.vectors)
    samples = list(split.samples())
    assert split.count == len(samples) == len(vectors["label"])
    for index, sample in enumerate(samples):
        assert (sample.index, sample.label, sample.name) == (index, vectors["label"][index], None)
        assert sample.codes == vectors["input"][index].tobytes()
        for threshold in (0, 128, 201):
            said = split.expected(Outcome(index, None, threshold=threshold))
            assert said is not None
            assert (said.board_class, said.score) == (vectors["predicted"][index], vectors["score"][index])
            assert said.accepted == (vectors["score"][index] >= threshold)


def test_nobody_knows_what_the_board_must_say_of_a_file(
    gestures: Manifest, run_folder: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "it.csv").write_text("x,y,z\n1,1,1\n")
    assert source.open(str(tmp_path / "it.csv"), run_folder, gestures).expected(Outcome(0, None, threshold=128)) is None


# --- images


def pictures(folder: Path) -> Path:
    """Noise in several sizes, formats and modes: 9 images in two classes."""
    generator = np.random.default_rng(3)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for index, (size, mode, suffix) in enumerate(
            [((4, 6), "RGB", "png"), ((9, 31), "L", "png"), ((40, 20), "RGB", "jpg"), ((17, 12), "RGBA", "png")]
        ):
            pixels = generator.integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8).squeeze()
            Image.fromarray(pixels, mode).save(folder / name / f"{index}.{suffix}")
    turned = Image.new("RGB", (12, 6), (250, 10, 90))
    turned.paste((0, 0, 0), (0, 0, 6, 6))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held upright
    turned.save(folder / "dog/turned.jpg", exif=exif)
    return folder


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_images_become_the_codes_of_training(
    colour: str, fit: str, picture: Callable[[int], Manifest], run_folder: RunFolder, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from export.quantize import to_codes
    from train import data
    from train.config import Data
    from train.data import images
    from train.data.unit import real

    monkeypatch.setattr(images, "CACHE", tmp_path / "kept")
    folder = pictures(tmp_path / "pictures")
    run_folder.config.write_text(f'[data]\nset = "images"\nfit = "{fit}"\n')
    manifest = picture({"grey": 1, "rgb": 3}[colour])
    trained = data.load(Data(set="images", file=str(folder), height=6, width=4, colour=colour, fit=fit))
    expected = to_codes(np.moveaxis(real(trained.images), 1, -1), manifest.inputs[0])
    opened = source.open(str(folder), run_folder, manifest)
    samples = list(opened.samples())
    assert opened.count == len(samples) == 9
    assert [sample.codes for sample in samples] == [codes.tobytes() for codes in expected]
    assert [sample.label for sample in samples] == trained.labels.tolist()
    assert colour in opened.name and "4x6" in opened.name and str(folder) in opened.name


def test_a_folder_of_images_is_read_one_by_one(
    picture: Callable[[int], Manifest], run_folder: RunFolder, tmp_path: Path
) -> None:
    for name in ("dog/b.png", "fox/c.png", "a.bmp", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 6), (255, 0, 0)).save(tmp_path / name, "png")
    (tmp_path / "fox/z.gif").write_bytes(b"GIF89a and no more")
    samples = source.open(str(tmp_path), run_folder, picture(3)).samples()
    first, second, third = itertools.islice(samples, 3)
    assert [(Path(of.name or "").name, of.label, of.index) for of in (first, second, third)] == [
        ("a.bmp", None, 0), ("b.png", 1, 1), ("c.png", None, 2)
    ]  # fmt: skip
    assert first.codes == bytes([127, 128, 128]) * 24  # red, as int8: 127, -128, -128
    with pytest.raises(HostError, match=r"fox/z\.gif: not an image that can be read"):
        next(samples)


def test_one_image_and_one_that_is_too_deep(
    picture: Callable[[int], Manifest], run_folder: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "cat").mkdir()
    file = tmp_path / "cat/it.png"
    Image.new("L", (40, 60), 255).save(file)
    (sample,) = source.open(str(file), run_folder, picture(1)).samples()
    assert (sample.codes, sample.label, sample.name) == (bytes([127]) * 24, None, str(file))
    Image.new("I;16", (4, 6)).save(file)
    with pytest.raises(HostError, match="more than 8 bits for each pixel"):
        list(source.open(str(file), run_folder, picture(1)).samples())


# --- lines


def test_a_line_is_a_sample_of_a_model_without_state(three_numbers: Manifest, tmp_path: Path) -> None:
    file = tmp_path / "it.csv"
    file.write_text("\ufeffsample,label,x,y,z\nfirst,4,0,0.25,1\nfirst,none,1,1,1\n")  # as spreadsheets write UTF-8
    first, second = load(file, three_numbers)
    assert np.frombuffer(first.codes, np.int8).tolist() == [-128, -64, 127]
    assert (first.label, first.name, second.label) == (4, f"{file}:first", None)
    file.write_text("x,y,z\n0,0.5,1\n1,1,1\n0,0,0\n")
    assert [(of.index, of.label, of.name, len(of.codes)) for of in load(file, three_numbers)] == [
        (index, None, str(file), 3) for index in range(3)
    ]


@given(st.text(alphabet='0.15,x"\n\r\0é-', max_size=60))
def test_any_text_is_samples_or_refused_in_words(text: str) -> None:
    form = source_csv().Form(2, 3)
    lines = io.StringIO(text, newline="\n")
    for live in (False, True):
        rows = source_csv()._rows("it", iter(lines), form)
        try:
            groups = list(source_csv()._groups("it", rows, form, live))
        except HostError as error:
            assert error.problem.startswith("it") and error.next_step
        else:
            assert all(group.values.shape[1] == 2 and 1 <= len(group.values) <= 3 for group in groups)
        lines.seek(0)


class Typed:
    """Standard input that a test writes to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read, self._write = os.pipe()
        monkeypatch.setattr(sys, "stdin", os.fdopen(read))

    def type(self, text: str) -> None:
        os.write(self._write, text.encode())

    def end(self) -> None:
        os.close(self._write)


def test_samples_from_another_program_come_line_by_line(
    three_numbers: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Typed(monkeypatch)
    opened = source.open("-", run_folder, three_numbers)
    assert opened.count is None
    samples = opened.samples()
    program.type("x,y,z\n0,0,0\n1,1")
    assert next(samples).codes == bytes([128, 128, 128])  # although the program goes on
    program.type(",1\n0,0,0")
    assert next(samples).codes == bytes([127, 127, 127])
    program.end()
    assert next(samples).codes == bytes([128, 128, 128])
    assert next(samples, None) is None


def test_frames_from_another_program_are_as_many_as_a_sequence_has(
    gestures: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Typed(monkeypatch)
    samples = source.open("-", run_folder, gestures).samples()
    program.type("x,y,z\n" + 4 * "0.5,0.5,0.5\n")
    assert next(samples).codes == bytes(12)  # at once: nothing that follows belongs to it
    program.type(5 * "1,1,1\n")
    program.end()
    assert [len(sample.codes) for sample in samples] == [12, 3]


def test_named_sequences_from_a_fifo(gestures: Manifest, run_folder: RunFolder, tmp_path: Path) -> None:
    fifo = tmp_path / "sensor"
    os.mkfifo(fifo)
    opened = source.open(str(fifo), run_folder, gestures)  # before anybody writes to it
    text = "sequence,label,x,y,z\na,4,0,0,0\na,4,1,1,1\nb,5,0,1,0\na,6,0,0,0\n"
    writer = threading.Thread(target=fifo.write_text, args=(text,))
    writer.start()
    assert [(of.name, of.label, len(of.codes)) for of in opened.samples()] == [
        (f"{fifo}:a", 4, 6), (f"{fifo}:b", 5, 3), (f"{fifo}:a", 6, 3)
    ]  # fmt: skip
    writer.join()


def test_a_source_that_waits_can_be_closed(
    three_numbers: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Typed(monkeypatch)
    opened = source.open("-", run_folder, three_numbers)
    came: list[Sample] = []
    reader = threading.Thread(target=lambda: came.extend(opened.samples()))
    reader.start()
    program.type("x,y,z\n0,0,0\n")
    opened.close()
    reader.join(timeout=30)
    assert not reader.is_alive() and len(came) <= 1
    before_any_line = source.open("-", run_folder, three_numbers)
    before_any_line.close()
    assert list(before_any_line.samples()) == []


def test_standard_input_that_is_closed_or_is_no_text(
    three_numbers: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_csv(), "LINE_MAX", 1000)
    program = Typed(monkeypatch)
    samples = source.open("-", run_folder, three_numbers).samples()
    program.type(2000 * "x")
    with pytest.raises(HostError, match="standard input: no end of a line within 1000 bytes"):
        next(samples)
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it when the descriptor is closed
    with pytest.raises(HostError, match="Standard input is closed"):
        source.open("-", run_folder, three_numbers)


def source_csv() -> types.ModuleType:
    from host.source import csv

    return csv


# --- devices


class Camera:
    """A stand-in for OpenCV: a camera whose frames are one colour, 40 of them at 20 a second of a clock that only it
    moves."""

    CAP_PROP_BUFFERSIZE, COLOR_BGR2RGB = 38, 4

    def __init__(self) -> None:
        self.now, self.grabbed, self.asked, self.released = 100.0, 0, None, False

    def VideoCapture(self, device: int | str) -> "Camera":  # noqa: N802, OpenCV's name
        self.asked = device
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.asked == 1

    def set(self, *_: Any) -> None:
        pass

    def grab(self) -> bool:
        self.grabbed, self.now = self.grabbed + 1, self.now + 0.05
        return self.grabbed <= 40

    def retrieve(self) -> tuple[bool, NDArray[np.uint8]]:
        return True, np.full((12, 16, 3), (0, 0, self.grabbed), dtype=np.uint8)  # blue, green, red

    def cvtColor(self, pixels: NDArray[np.uint8], code: int) -> NDArray[np.uint8]:  # noqa: N802
        assert code == self.COLOR_BGR2RGB
        return pixels[:, :, ::-1]

    def release(self) -> None:
        self.released = True


def test_a_camera_gives_its_present_frame_at_a_rate(
    picture: Callable[[int], Manifest], run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = Camera()
    monkeypatch.setitem(sys.modules, "cv2", camera)  # type: ignore[arg-type]
    monkeypatch.setattr(webcam, "time", types.SimpleNamespace(monotonic=lambda: camera.now))
    samples = source.open("webcam:1", run_folder, picture(3)).samples()
    first = next(samples)
    assert np.frombuffer(first.codes, np.int8).reshape(6, 4, 3)[2, 2].tolist() == [1 - 128, -128, -128]
    camera.now += 1.0  # the session was busy
    rest = list(samples)
    assert 15 <= len(rest) <= 20  # of 39 in two seconds; ten a second
    assert camera.released
    with pytest.raises(HostError, match="Camera 0 cannot be opened") as caught:
        source.open("webcam", run_folder, picture(3))
    assert "ls /dev/video*" in caught.value.next_step


def test_opencv_itself_on_a_film(picture: Callable[[int], Manifest], run_folder: RunFolder, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10, (40, 60))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no film")
    for _ in range(3):
        writer.write(np.full((60, 40, 3), (0, 0, 255), dtype=np.uint8))  # blue, green, red
    writer.release()
    sample, *rest = source.open(f"webcam:{film}", run_folder, picture(3)).samples()
    assert [of.index for of in rest] == [1, 2]
    red, green, blue = np.frombuffer(sample.codes, np.int8).reshape(24, 3).astype(int).T + 128
    assert red.min() > 240 and green.max() < 15 and blue.max() < 15


class Sound:
    """A stand-in for sounddevice: a microphone that hears `blocks` when it is started."""

    class PortAudioError(Exception):
        pass

    def __init__(self, blocks: list[NDArray[np.float32]]) -> None:
        self.blocks = blocks
        self.asked: dict[str, Any] = {}

    def InputStream(self, callback: Callable[..., None], **asked: Any) -> "Sound":  # noqa: N802, its name
        if asked["device"] == "none":
            raise self.PortAudioError("No input device matching 'none'")
        self.asked, self.callback = asked, callback
        return self

    def __enter__(self) -> "Sound":
        self.hear(1)
        return self

    def hear(self, count: int) -> None:
        for _ in range(count):
            self.callback(self.blocks.pop(0), None, None, None)

    def __exit__(self, *_: Any) -> None:
        pass


def test_a_microphone_gives_the_sound_of_the_last_frames(
    speech: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    length = SETTINGS.window + 19 * SETTINGS.hop
    sound = np.random.default_rng(5).uniform(-0.5, 0.5, 10 * length).astype(np.float32)
    microphone = Sound([block[:, None] for block in np.split(sound, 20)])  # half a sequence each
    monkeypatch.setitem(sys.modules, "sounddevice", microphone)  # type: ignore[arg-type]
    opened = source.open("microphone:2", run_folder, speech)
    assert opened.count is None and "microphone 2" in opened.name
    assert (microphone.asked["device"], microphone.asked["samplerate"], microphone.asked["channels"]) == (2, 8000, 1)

    def codes(end: int) -> bytes:
        frames = SETTINGS.frames_of(sound[end - length : end].astype(np.float64))
        return source_csv().codes_of(frames, speech)

    samples: Iterator[Sample] = opened.samples()
    heard: list[bytes] = []
    for blocks in (1, 1, 5):  # the session was busy for the last of them
        speaker = threading.Timer(0.05, microphone.hear, (blocks,))
        speaker.start()
        heard.append(next(samples).codes)
        speaker.join()
    assert heard[:2] == [codes(length), codes(3 * length // 2)]
    assert heard[2] in [codes(step * length // 2) for step in range(4, 9)]
    opened.close()
    assert next(samples, None) is None


def test_a_device_that_is_not_there(
    speech: Manifest, gestures: Manifest, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", Sound([]))  # type: ignore[arg-type]
    with pytest.raises(HostError, match="No input device matching") as caught:
        source.open("microphone:none", run_folder, speech)
    assert "python -m sounddevice" in caught.value.next_step
    with pytest.raises(HostError, match="not made of sound"):
        source.open("microphone", run_folder, gestures)
    with pytest.raises(HostError, match="not images"):
        source.open("webcam", run_folder, gestures)


MISSING = {
    "webcam": ("cv2", ModuleNotFoundError("No module named 'cv2'"), r"pip install -e '\.\[camera\]'"),
    "microphone": ("sounddevice", ModuleNotFoundError("No module named"), r"libportaudio2 && pip install -e '\.\[microphone\]'"),
    "microphone:1": ("sounddevice", OSError("PortAudio library not found"), "sudo apt-get install libportaudio2"),
}  # fmt: skip


@pytest.mark.parametrize("spec", MISSING)
def test_a_library_that_is_missing(
    spec: str, speech: Manifest, picture: Callable[[int], Manifest], run_folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name, error, cure = MISSING[spec]
    imported = builtins.__import__

    def without(module: str, *rest: Any) -> Any:
        if module == name:
            raise error
        return imported(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HostError) as caught:
        source.open(spec, run_folder, picture(1) if spec == "webcam" else speech)
    assert re.search(cure, caught.value.next_step)


def test_sources_import_nothing_that_was_not_asked_for() -> None:
    code = (
        "import sys; import host.source; print([name for name in ('PIL', 'cv2', 'sounddevice') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert all(importlib.util.find_spec(module) for module in SOURCES.values())
