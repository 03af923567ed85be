"""Sequence data sets: the add task, CSV and WAV files, spoken digits, splits by group, downloads."""

import dataclasses
import functools
import hashlib
import http.server
import io
import os
import struct
import threading
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import wavfile

from contract.log_mel import LogMel
from train import data
from train.config import Data
from train.data import DataSet, download, recording, spoken_digits
from train.data.download import Download, find
from train.data.recording import read_wav
from train.errors import TrainError

SMALL = LogMel(rate=8000, frames=20, bands=8)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "CACHE", tmp_path / "cache")


# The add task.


@pytest.mark.parametrize("steps", [2, 50, 51])
def test_the_sum_of_the_two_marked_values(steps: int) -> None:
    samples = data.load(Data(set="add", steps=steps, samples=2000))
    assert samples.images.shape == (2000, 1, steps, 2)
    assert samples.images.dtype == samples.labels.dtype == np.float32
    assert samples.predicts_number
    assert samples.classes == ("sum",)
    values, marks = samples.images[:, 0, :, 0], samples.images[:, 0, :, 1]
    assert set(np.unique(marks)) <= {0, 1}
    half = steps // 2
    for part in (marks[:, :half], marks[:, half:]):
        assert (part.sum(axis=1) == 1).all()
        assert part.any(axis=0).all()  # every place occurs
    np.testing.assert_allclose(samples.labels, [row[mark == 1].sum() for row, mark in zip(values, marks, strict=True)])
    assert 0 <= values.min() < values.max() < 1
    assert np.mean((samples.labels - 1) ** 2) == pytest.approx(1 / 6, rel=0.1)  # four standard errors


def test_the_add_task_follows_its_seed() -> None:
    one, same, other = (data.load(Data(set="add", steps=9, samples=100, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)


def test_numbers_are_split_without_classes() -> None:
    config = Data(set="add", steps=4, samples=200, validation=0.2, test=0.1)
    parts = data.splits(data.load(config), config)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [140, 40, 20]
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(200))


# CSV.


CSV = """sequence,label,ax,ay
one,walk,0.5,-1
one,walk,0.25,1
two,rest,0,0
two,rest,1,0.5
"""


def csv(path: Path, text: str, **options: Any) -> Data:
    (path / "mine.csv").write_text(text)
    return Data(**{"set": "csv", "file": str(path / "mine.csv"), "low": -1.0, "high": 1.0, **options})


def test_csv_of_sequences(tmp_path: Path) -> None:
    samples = data.load(csv(tmp_path, CSV + "\n"))
    assert samples.name == "mine"
    assert samples.classes == ("rest", "walk")
    assert samples.labels.tolist() == [1, 0]
    assert samples.images.dtype == np.float32
    np.testing.assert_array_equal(samples.images, [[[[0.75, 0], [0.625, 1]]], [[[0.5, 0.5], [1, 0.75]]]])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CSV, "", "empty, expected a CSV file"),
        ("sequence,label", "series,class", "its header is 'series,class,ax,ay', expected 'sequence,label,...'"),
        (CSV, "sequence,label\na,b\n", "its header is 'sequence,label', expected"),
        ("0.25,1", "0.25", "line 3: 3 fields, expected 4 as in the first line"),
        ("0.25,1", "0.25,1,2", "line 3: 5 fields, expected 4"),
        ("0.25,1", "0.25,nan", "line 3: holds 0.25, nan, expected finite numbers"),
        ("0.25,1", "0.25,", "line 3: could not convert string to float: '', expected numbers"),
        ("0.25,1", "0.25,inf", "line 3: holds 0.25, inf, expected finite numbers"),
        ("0.25,1", "0.25,7", "a value ranges over -1 .. 7, expected finite values in -1 .. 1"),
        ("one,walk,0.25,1\n", "", "line 3: sequence 'two' has 2 time steps, expected 1 as 'one' has"),
        ("one,walk,0.25", "one,rest,0.25", "line 3: the label is 'rest', expected 'walk' as in the rest of"),
        ("two,rest,1,0.5", "two,rest,1,0.5\none,walk,1,1", "line 6: sequence 'one' goes on after another one"),
        ("rest", "walk", "its labels are ['walk'], expected two classes or more"),
        (",ax,", ',"ax,', "not a CSV file"),
    ],
)
def test_what_a_csv_must_hold(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(TrainError) as raised:
        data.load(csv(tmp_path, CSV.replace(old, new)))
    assert raised.value.problem.startswith(str(tmp_path / "mine.csv"))
    assert said in raised.value.problem
    assert raised.value.exit_code == 2


def test_a_missing_csv_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none\.csv: cannot be read \(No such file or directory\)"):
        data.load(csv(tmp_path, CSV, file=str(tmp_path / "none.csv")))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\0")
    with pytest.raises(TrainError, match=r"binary\.csv: not a CSV file"):
        data.load(csv(tmp_path, CSV, file=str(tmp_path / "binary.csv")))


def test_npz_of_sequences_in_their_own_units(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.linspace(-40, 40, 24).reshape(4, 3, 2), y=[0, 1, 0, 1])
    samples = data.load(Data(set="npz", file=str(path), low=-40.0, high=60.0))
    assert samples.images.shape == (4, 1, 3, 2)
    assert (samples.images.min(), samples.images.max()) == (0.0, pytest.approx(0.8))


# WAV.


def wav(samples: NDArray[Any], rate: int = 8000) -> bytes:
    """As SciPy writes it, an implementation that is not ours."""
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def pcm24(values: list[int]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(b"".join(value.to_bytes(3, "little", signed=True) for value in values))
    return buffer.getvalue()


def test_samples_of_every_depth_are_on_one_scale() -> None:
    expected = [-1.0, -0.5, 0.0, 0.5]
    for content in (
        wav(np.array([0, 64, 128, 192], np.uint8)),
        wav(np.array([-32768, -16384, 0, 16384], np.int16)),
        pcm24([-(1 << 23), -(1 << 22), 0, 1 << 22]),
        wav(np.array([-(1 << 31), -(1 << 30), 0, 1 << 30], np.int32)),
    ):
        assert read_wav("a.wav", content, 8000).tolist() == expected


def test_channels_are_averaged() -> None:
    stereo = np.array([[16384, 0], [-32768, 0]], np.int16)
    assert read_wav("a.wav", wav(stereo), 8000).tolist() == [0.25, -0.5]


@given(st.binary(max_size=60), st.integers(0, 60))
def test_no_file_is_worse_than_an_error(noise: bytes, cut: int) -> None:
    good = wav(np.arange(8, dtype=np.int16))
    for content in (noise, good[:cut], good[:cut] + noise):
        try:
            assert len(read_wav("a.wav", content, 8000)) > 0
        except TrainError as error:
            assert error.problem.startswith("a.wav: ")


def extensible(bits: int, code: int) -> bytes:
    """A WAV header of any format code, and four bytes of data."""
    form = struct.pack("<HHIIHH", code, 1, 8000, 8000 * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 8) + bytes(8)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a WAV file of 8 to 32 bit PCM samples (it ends early)"),
        (b"ID3 an MP3, really", "not a WAV file of 8 to 32 bit PCM samples (file does not start with RIFF id)"),
        (wav(np.zeros(9, np.float32)), "not a WAV file of 8 to 32 bit PCM samples (unknown format: 3)"),
        (extensible(64, 1), "not a WAV file of 8 to 32 bit PCM samples (64 bits a sample)"),
        (wav(np.zeros(0, np.int16)), "holds no samples"),
        (wav(np.zeros(9, np.int16), 16000), "sampled at 16000 Hz, expected 8000 Hz (rate under [data.features])"),
    ],
)
def test_recordings_that_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(TrainError) as raised:
        read_wav("folder/a.wav", content, 8000)
    assert raised.value.problem.startswith("folder/a.wav: ")
    assert said in raised.value.problem


def tone(hertz: float, seconds: float = 0.3) -> NDArray[np.int16]:
    return (12000 * np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000)).astype(np.int16)


def folder_of_tones(path: Path) -> Path:
    for name, hertz in (("low", 300), ("high", 2000)):
        (path / "tones" / name).mkdir(parents=True)
        for index in range(3):
            (path / "tones" / name / f"{index}.wav").write_bytes(wav(tone(hertz + 10 * index)))
    return path / "tones"


def test_a_folder_of_recordings(tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path)
    samples = data.load(Data(set="wav", file=str(folder), features=SMALL))
    assert (samples.name, samples.classes) == ("tones", ("high", "low"))
    assert samples.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert samples.images.shape == (6, 1, 20, 8)
    assert samples.features == SMALL
    loudest = samples.images.mean(axis=(1, 2)).argmax(axis=1)
    assert (loudest[:3] > loudest[3:]).all()
    single = SMALL.frames_of(read_wav("a", (folder / "high" / "1.wav").read_bytes(), 8000))
    np.testing.assert_array_equal(samples.images[1, 0], single)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="none: no such folder, expected a folder with one subfolder"):
        data.load(Data(set="wav", file=str(tmp_path / "none"), features=SMALL))
    (tmp_path / "mine" / "one").mkdir(parents=True)
    (tmp_path / "mine" / "one" / "a.wav").write_bytes(wav(tone(440)))
    with pytest.raises(TrainError, match="mine: 1 WAV files in 1 subfolders, expected"):
        data.load(Data(set="wav", file=str(tmp_path / "mine"), features=SMALL))


def test_frames_are_kept_until_settings_or_files_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, computed = folder_of_tones(tmp_path), []
    whole = LogMel.frames_of
    monkeypatch.setattr(LogMel, "frames_of", lambda self, samples: computed.append(1) or whole(self, samples))

    def load(features: LogMel = SMALL) -> tuple[NDArray[np.float32], int]:
        computed.clear()
        return data.load(Data(set="wav", file=str(folder), features=features)).images, len(computed)

    first, count = load()
    again, none = load()
    assert (count, none) == (6, 0)
    np.testing.assert_array_equal(first, again)
    assert load(LogMel(rate=8000, frames=20, bands=8, floor_db=-90.0))[1] == 6
    (folder / "low" / "0.wav").write_bytes(wav(tone(330)))
    assert load()[1] == 6
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(b"damaged")
    assert load()[1] == 6
    monkeypatch.setattr(recording, "CACHE", Path("/dev/null/cache"))  # cannot be written
    assert load()[1] == 6


# Spoken digits.


SOUND = wav(np.arange(300, dtype=np.int16))


def archive(
    path: Path, speakers: tuple[str, ...] = ("ann", "bob", "cid", "dan", "eve", "fay"), count: int = 50
) -> Path:
    """An archive of the right names with recordings of a few samples, in an order of its own."""
    with zipfile.ZipFile(path / "spoken_digits.zip", "w") as file:
        file.writestr("free-spoken-digit-dataset-1.0.10/README.md", "text")
        for index in reversed(range(count)):
            for digit in range(10):
                for speaker in speakers:
                    file.writestr(f"free-spoken-digit-dataset-1.0.10/recordings/{digit}_{speaker}_{index}.wav", SOUND)
    return path


def spoken(**options: Any) -> Data:
    return Data(**{"set": "spoken_digits", "features": SMALL, "validation": 0.1, **options})


def test_spoken_digits_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMUR_DATA", str(archive(tmp_path)))
    monkeypatch.setattr(spoken_digits, "DIGEST", recording.digest([("", SOUND)] * 3000))
    samples = data.load(spoken())
    assert samples.images.shape == (3000, 1, 20, 8)
    assert samples.labels.tolist() == np.repeat(np.arange(10), 300).tolist()
    assert samples.own_test is not None and samples.groups is not None
    assert samples.groups[:51].tolist() == ["ann"] * 50 + ["bob"]
    assert samples.own_test[:50].tolist() == [True] * 5 + [False] * 45

    own = data.splits(samples, spoken(split="own"))
    assert [len(part) for part in (own.train, own.validation, own.test)] == [2400, 300, 300]
    np.testing.assert_array_equal(own.test, np.flatnonzero(samples.own_test))
    assert np.bincount(samples.labels[own.validation]).tolist() == [30] * 10

    held = data.splits(samples, spoken(split="held_out", held_out="eve"))
    assert [len(part) for part in (held.train, held.validation, held.test)] == [2200, 300, 500]
    assert set(samples.groups[held.test]) == {"eve"}
    assert "eve" not in samples.groups[np.concatenate([held.train, held.validation])]

    with pytest.raises(TrainError, match="held_out is 'joe', and the groups of data set spoken_digits are: ann, bob,"):
        data.splits(samples, spoken(split="held_out", held_out="joe"))


@pytest.mark.parametrize("split", [{"split": "own"}, {"split": "held_out", "held_out": "ann"}])
def test_a_split_that_the_data_set_lacks_is_refused(split: dict[str, str]) -> None:
    with pytest.raises(TrainError, match=r"sets no test samples aside|the groups of data set digits are: none"):
        data.splits(data.load(Data(set="digits")), Data(set="digits", **split))  # type: ignore[arg-type]


def test_another_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMUR_DATA", str(archive(tmp_path, count=3)))
    with pytest.raises(TrainError, match="holds 180 recordings of spoken digits, expected 3000"):
        data.load(spoken())
    archive(tmp_path)
    with pytest.raises(
        TrainError, match=f"its recordings have the SHA-256 [0-9a-f]{{64}}, expected {spoken_digits.DIGEST}"
    ):
        data.load(spoken())
    (tmp_path / "spoken_digits.zip").write_bytes(b"no archive")
    with pytest.raises(TrainError, match="cannot be read as a zip archive"):
        data.load(spoken())


@pytest.mark.skipif(
    not (Path(os.environ.get("DEMUR_DATA", "")) / "spoken_digits.zip").is_file(),
    reason="spoken_digits.zip is not in DEMUR_DATA",
)
def test_the_published_recordings() -> None:
    samples = data.load(spoken())
    assert samples.groups is not None
    assert sorted(set(samples.groups.tolist())) == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    lengths = (samples.images[:, 0].max(axis=2) > 0).sum(axis=1)
    assert lengths.min() == 1 + (1148 - 200) // 80  # of the shortest recording, which has 1148 samples


# Downloads.


PUBLISHED = b"what was published" * 1000


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log to stderr, where the progress is looked for."""

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of `a.zip`, and an empty cache; DEMUR_DATA names no folder."""
    monkeypatch.delenv(download.VARIABLE, raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "downloads" / name)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.zip").write_bytes(PUBLISHED)
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/a.zip"
        served.shutdown()


def wanted(url: str) -> Download:
    return Download("a.zip", url, len(PUBLISHED))


def test_a_download_is_shown_and_kept(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = find(wanted(server))
    assert path == tmp_path / "downloads" / "demur" / "a.zip"
    assert path.read_bytes() == PUBLISHED
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("download a.zip, KiB: ")
    assert shown[-1].startswith("download a.zip, KiB: 18/18")
    (tmp_path / "served" / "a.zip").unlink()
    assert find(wanted(server)) == path
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", [None, "/none"])
def test_offline_the_error_says_what_to_do(server: str, monkeypatch: pytest.MonkeyPatch, folder: str | None) -> None:
    if folder:
        monkeypatch.setenv(download.VARIABLE, folder)
    with pytest.raises(TrainError) as raised:
        find(wanted("http://127.0.0.1:9/a.zip"))  # the discard port, where nothing listens
    assert f"a.zip: not in DEMUR_DATA ({folder or 'not set'}) and not to be had from http://127.0.0.1:9/a.zip" in (
        raised.value.problem
    )
    assert raised.value.next_step.endswith("as a.zip in a folder, and name that folder in DEMUR_DATA.")
    assert raised.value.exit_code == 2


def test_what_the_server_lacks_is_an_error_as_well(server: str) -> None:
    with pytest.raises(TrainError, match=r"not to be had from http.*none\.zip \(HTTPError\)"):
        find(wanted(server.replace("a.zip", "none.zip")))


class Ranges(Quiet):
    """Serves parts of files, as asked for, and breaks off after `bytes_left` bytes."""

    bytes_left = 0
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        type(self).asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(PUBLISHED):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(PUBLISHED) - start))
        self.end_headers()
        part = PUBLISHED[start:][: type(self).bytes_left]
        type(self).bytes_left -= len(part)
        self.wfile.write(part)


@pytest.fixture
def breaking(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that breaks off in the middle, the first time; an empty cache. A chunk that is not whole is lost."""
    monkeypatch.setattr(download, "CHUNK", 1000)
    Ranges.bytes_left, Ranges.asked[:] = 5500, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/a.zip"
        served.shutdown()


def test_an_interrupted_download_goes_on(breaking: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainError, match="not to be had") as raised:
        find(wanted(breaking))
    assert "goes on where it stopped" in raised.value.next_step
    Ranges.bytes_left = len(PUBLISHED)
    capsys.readouterr()
    assert find(wanted(breaking)).read_bytes() == PUBLISHED
    assert Ranges.asked == [None, "bytes=5000-"]
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "download a.zip, KiB: 4/18"
    assert shown[-1] == "download a.zip, KiB: 18/18"


def test_a_part_that_is_no_part_of_the_file_is_dropped(breaking: str, tmp_path: Path) -> None:
    Ranges.bytes_left = len(PUBLISHED)
    (tmp_path / "downloads" / "demur").mkdir(parents=True)
    (tmp_path / "downloads" / "demur" / "a.zip.part").write_bytes(bytes(len(PUBLISHED)))
    assert find(wanted(breaking)).read_bytes() == PUBLISHED


def test_another_file_than_expected_is_refused_and_not_kept(server: str, tmp_path: Path) -> None:
    right, wrong = hashlib.sha256(PUBLISHED).hexdigest(), 64 * "0"
    with pytest.raises(TrainError, match="not the file that was expected") as raised:
        find(dataclasses.replace(wanted(server), sha256=wrong))
    assert right in raised.value.problem and wrong in raised.value.problem
    assert list((tmp_path / "downloads" / "demur").iterdir()) == []
    assert find(dataclasses.replace(wanted(server), sha256=right)).read_bytes() == PUBLISHED


def test_a_local_copy_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(b"copy")
    monkeypatch.setenv(download.VARIABLE, str(tmp_path))
    assert find(Download("a.zip", "http://127.0.0.1:9/a.zip", 4)) == tmp_path / "a.zip"


def dataset(labels: list[int]) -> DataSet:
    return DataSet("few", np.zeros((len(labels), 1, 2, 2), np.float32), np.array(labels), ("a", "b"))


def test_a_held_out_group_that_takes_all_of_a_class_is_refused() -> None:
    samples = dataset([0, 0, 0, 0, 1, 1])
    grouped = DataSet(samples.name, samples.images, samples.labels, samples.classes, groups=np.array(list("aaabbb")))
    with pytest.raises(TrainError, match="the test split takes all samples of b"):
        data.splits(grouped, Data(set="digits", split="held_out", held_out="b", validation=0.2))
