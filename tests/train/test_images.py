"""Images in folders and archives, CIFAR archives, and data sets that stay bytes."""

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from contract.run_folder import RunFolder
from train import config, data, loop, models
from train.config import Augment, Data, Model
from train.data import DataSet, cifar10, cifar100, images
from train.data.unit import real
from train.errors import TrainError

COLOURS = {"cat": (250, 10, 20), "dog": (10, 240, 30)}
JPEG_COPIES = "cifar10_jpeg.zip"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for the next run goes to a folder of this test."""
    monkeypatch.setattr(images, "CACHE", tmp_path / "kept")


def put(path: Path, size: tuple[int, int] = (6, 4), colour: tuple[int, ...] = (1, 2, 3), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour if mode == "RGB" else colour[0]).save(path)


def tree(folder: Path, *parts: str) -> Path:
    """Three pictures of each class in each part, each pixel in the class's colour, plus the file's number in blue."""
    for part in parts or ("",):
        for name, (red, green, blue) in COLOURS.items():
            for number in range(3):
                put(folder / part / name / f"{number}.png", colour=(red, green, blue + number))
    return folder


def packed(folder: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, inside + path.relative_to(folder).as_posix())
    return folder.with_suffix(".zip")


def load(path: Path, **keys: Any) -> DataSet:
    return data.load(
        Data(**{"set": "images", "file": str(path), "height": 0, "width": 0, "colour": "rgb", "fit": "crop"} | keys)
    )


def check(samples: DataSet, copies: int = 1) -> None:
    assert samples.images.shape == (6 * copies, 3, 4, 6)
    assert samples.images.dtype == np.uint8
    assert samples.classes == ("cat", "dog")
    for index, (image, label) in enumerate(zip(samples.images, samples.labels, strict=True)):
        red, green, blue = COLOURS[samples.classes[label]]
        expected = np.array([red, green, blue + index % 3])
        assert (image == expected[:, None, None]).all()


def test_a_folder_of_classes(tmp_path: Path) -> None:
    samples = load(tree(tmp_path / "pets"))
    check(samples)
    assert samples.name == "pets"
    assert samples.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert samples.own_test is None


@pytest.mark.parametrize("inside", ["", "pets-main/", "a/b/"])
def test_an_archive_is_read_as_its_folder_is(tmp_path: Path, inside: str) -> None:
    check(load(packed(tree(tmp_path / "pets"), inside)))


def test_the_folders_train_and_test_are_a_split(tmp_path: Path) -> None:
    samples = load(tree(tmp_path / "pets", "train", "test"))
    check(samples, copies=2)
    assert samples.own_test is not None
    assert samples.own_test.tolist() == [True] * 6 + [False] * 6
    parts = data.splits(samples, Data(set="images", split="own", validation=1 / 6))
    assert parts.test.tolist() == list(range(6))
    assert (len(parts.train), len(parts.validation)) == (4, 2)


def test_what_systems_put_beside_images_is_passed_over(tmp_path: Path) -> None:
    folder = tree(tmp_path / "pets")
    (folder / "cat" / "Thumbs.db").write_bytes(b"?")
    (folder / "README.txt").write_text("pets")
    put(folder / "cat" / ".hidden.png", size=(1, 1))
    put(folder / "__MACOSX" / "cat" / "0.png", size=(1, 1))
    check(load(folder))


def test_grey_is_the_luminance(tmp_path: Path) -> None:
    samples = load(tree(tmp_path / "pets"), colour="grey")
    assert samples.images.shape == (6, 1, 4, 6)
    red, green, blue = COLOURS["cat"]
    assert samples.images[0, 0, 0, 0] == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=1)  # BT.601


def test_images_are_fitted_to_a_size(tmp_path: Path) -> None:
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 4:8] = 200  # the middle, 4x4
    for name in COLOURS:
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.fromarray(wide).save(tmp_path / "pets" / name / "0.png")
    cropped = load(tmp_path / "pets", height=4, width=4)
    assert (cropped.images == 200).all()
    stretched = load(tmp_path / "pets", height=4, width=4, fit="stretch").images
    assert stretched.shape == (2, 3, 4, 4)
    assert (
        (stretched[..., 0] == 0).all()
        and (stretched[..., 1:3] == round(200 * 2 / 3)).all()
        and (stretched[..., 3] == 0).all()
    )


def test_a_photo_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255  # white at the left
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by 90 degrees clockwise: what was left is up
    for name in COLOURS:
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "pets" / name / "0.jpg", exif=orientation, quality=95)
    samples = load(tmp_path / "pets")
    assert samples.images.shape == (2, 3, 16, 8)
    assert (samples.images[:, :, :6] > 200).all() and (samples.images[:, :, 10:] < 50).all()


def test_the_next_run_reads_no_image_and_sees_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tree(tmp_path / "pets")
    first = load(folder)
    assert "read images: 6/6" in capsys.readouterr().err
    np.testing.assert_array_equal(load(folder).images, first.images)
    assert capsys.readouterr().err == ""
    put(folder / "cat" / "0.png", colour=(9, 9, 9))
    os.utime(folder / "cat" / "0.png", ns=(0, 0))
    assert (load(folder).images[0] == 9).all()


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


MUST_REFUSE = {
    "one class": (lambda folder: [path.unlink() for path in (folder / "dog").iterdir()] and (folder / "dog").rmdir(),
                  "3 images in 1 classes"),
    "an empty class": (lambda folder: (folder / "fish").mkdir(), "class fish has no PNG or JPEG file"),
    "another size": (lambda folder: put(folder / "dog" / "1.png", size=(5, 4)),
                     "dog/1.png: 5x4 pixels (width x height), expected 6x4"),
    "cut short": (lambda folder: spoil(folder / "dog" / "2.png"), "dog/2.png: not an image that can be read"),
    "no image": (lambda folder: (folder / "dog" / "2.png").write_text("no"), "dog/2.png: not an image that can be read"),
    "16 bits": (lambda folder: put(folder / "cat" / "1.png", colour=(999,), mode="I;16"),
                "cat/1.png: more than 8 bits for each pixel"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), MUST_REFUSE.values(), ids=MUST_REFUSE.keys())
@pytest.mark.parametrize("archive", [False, True], ids=["folder", "archive"])
def test_what_is_not_as_it_must_be_is_named(tmp_path: Path, damage: Any, said: str, archive: bool) -> None:
    folder = tree(tmp_path / "pets")
    damage(folder)
    with pytest.raises(TrainError) as raised:
        load(packed(folder) if archive else folder)
    assert raised.value.problem.startswith(f"{tmp_path}/pets")
    assert said in raised.value.problem


def test_a_class_that_only_the_test_split_has_is_refused(tmp_path: Path) -> None:
    folder = tree(tmp_path / "pets", "train", "test")
    put(folder / "test" / "fish" / "0.png")
    with pytest.raises(TrainError, match="test/ has the classes fish, which train/ lacks"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"text"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pets.zip").write_bytes(content)
    with pytest.raises(TrainError, match=r"pets\.zip: cannot be read as a \.zip archive"):
        load(tmp_path / "pets.zip")


def test_a_missing_folder_is_looked_for_in_demur_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMUR_DATA", str(tmp_path / "there"))
    with pytest.raises(TrainError, match=r"pets: no such folder or archive, and pets is not in DEMUR_DATA"):
        load(tmp_path / "pets")
    tree(tmp_path / "there" / "pets")
    check(load(tmp_path / "pets"))


@pytest.mark.parametrize(("line", "said"), [
    ("height = 8", "data.height is 8 and data.width 0, expected both or neither"),
    ('colour = "blue"', "data.colour is 'blue', expected one of rgb, grey"),
    ('fit = "pad"', "data.fit is 'pad', expected one of crop, stretch"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(f'name = "a"\n[data]\nset = "images"\nfile = "pets"\n{line}\n[base]\nmodel = "cnn"\n')
    with pytest.raises(TrainError) as raised:
        config.load(path)
    assert said in raised.value.problem


# CIFAR archives.


def cifar_archive(path: Path, files: dict[str, Any]) -> str:
    """Write an archive in the layout of the official one, and return its SHA-256."""
    with tarfile.open(path, "w:gz") as archive:
        for name, value in files.items():
            content = pickle.dumps(value, protocol=2)
            member = tarfile.TarInfo(f"cifar-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def batch(labels: str, count: int, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {
        "data": random.integers(0, 256, (count, 3072), dtype=np.uint8),
        labels: random.integers(0, 3, count).tolist(),
    }


@pytest.fixture
def cifars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Both archives in miniature, in the folder that DEMUR_DATA names; the files of CIFAR-10."""
    ten = {name: batch("labels", 4, seed) for seed, name in enumerate((*cifar10.TRAIN, "test_batch"))}
    hundred = {name: batch("fine_labels", 5, seed) for seed, name in enumerate(("train", "test"))}
    names = ["a", "b", "c"]
    for module, files in (
        (cifar10, {**ten, "batches.meta": {"label_names": names}}),
        (cifar100, {**hundred, "meta": {"fine_label_names": names}}),
    ):
        sha256 = cifar_archive(tmp_path / module.ARCHIVE.file, files)
        monkeypatch.setattr(module, "ARCHIVE", replace(module.ARCHIVE, sha256=sha256))
    monkeypatch.setenv("DEMUR_DATA", str(tmp_path))
    return ten


def test_cifar10_is_planes_of_rows_and_its_own_split(cifars: dict[str, Any]) -> None:
    samples = data.load(Data(set="cifar10"))
    assert samples.images.shape == (24, 3, 32, 32)
    assert samples.images.dtype == np.uint8
    assert (samples.name, samples.classes) == ("cifar10", ("a", "b", "c"))
    assert samples.own_test is not None and np.flatnonzero(samples.own_test).tolist() == [20, 21, 22, 23]
    for index in (0, 7, 23):
        source = list(cifars.values())[index // 4]
        row, column = 5, 17
        for channel in range(3):
            expected = source["data"][index % 4][1024 * channel + 32 * row + column]
            assert samples.images[index, channel, row, column] == expected
        assert samples.labels[index] == source["labels"][index % 4]


def test_cifar100_takes_the_fine_labels(cifars: dict[str, Any]) -> None:
    samples = data.load(Data(set="cifar100"))
    assert samples.images.shape == (10, 3, 32, 32)
    assert samples.labels.tolist() == [
        *batch("fine_labels", 5, 0)["fine_labels"],
        *batch("fine_labels", 5, 1)["fine_labels"],
    ]


def test_another_archive_is_refused_before_it_is_unpickled(
    cifars: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.data.cifar.pickle.load", lambda *_, **__: pytest.fail("opened"))
    cifar_archive(tmp_path / cifar10.ARCHIVE.file, {"data_batch_1": {}})
    with pytest.raises(
        TrainError, match=r"cifar-10-python\.tar\.gz: its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}"
    ):
        data.load(Data(set="cifar10"))


def test_an_archive_without_its_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = cifar_archive(tmp_path / cifar10.ARCHIVE.file, {"data_batch_1": {}})
    monkeypatch.setattr(cifar10, "ARCHIVE", replace(cifar10.ARCHIVE, sha256=sha256))
    monkeypatch.setenv("DEMUR_DATA", str(tmp_path))
    with pytest.raises(TrainError, match=r"not the archive of cifar10 \(KeyError: 'data_batch_2'\)"):
        data.load(Data(set="cifar10"))


def test_the_jpeg_copies_of_cifar10(tmp_path: Path) -> None:
    """A part of each class: reading all 60,000 takes half a minute."""
    folder = os.environ.get("DEMUR_DATA")
    if not folder or not (Path(folder) / JPEG_COPIES).exists():
        pytest.skip(f"{JPEG_COPIES} is not in the folder that DEMUR_DATA names")
    with zipfile.ZipFile(Path(folder) / JPEG_COPIES) as whole, zipfile.ZipFile(tmp_path / "some.zip", "w") as some:
        for name in whole.namelist():
            if name.endswith("00.jpg"):
                some.writestr(name, whole.read(name))
    samples = load(tmp_path / "some.zip")
    assert samples.images.shape == (600, 3, 32, 32)
    assert samples.classes == (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
    )  # fmt: skip
    assert np.bincount(samples.labels).tolist() == [60] * 10
    assert samples.own_test is not None and samples.own_test.sum() == 100
    # Mean pixels of CIFAR-10 are 125, 123 and 114 (of red, green and blue) with deviations of 63, 62 and 67.
    np.testing.assert_allclose(samples.images.mean(axis=(0, 2, 3)), [125, 123, 114], atol=8)


# Bytes, and float32 in [0, 1].


def test_training_on_bytes_is_training_on_what_they_stand_for(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (80, 3, 8, 8), dtype=np.uint8)
    of_bytes = DataSet("noise", pixels, random.integers(0, 2, 80), ("a", "b"))
    of_floats = replace(of_bytes, images=pixels.astype(np.float32) / 255)
    parts = data.splits(of_bytes, Data(set="digits"))
    weights = []
    for name, samples in (("bytes", of_bytes), ("floats", of_floats)):
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        torch.manual_seed(0)
        model = models.build("cnn", (3, 8, 8), 2, {"width": 4})
        settings = Model(model="cnn", epochs=2, batch=8, augment=Augment(flip=True, shift=1.0))
        assert len(list(loop.fit("base", model, settings, samples, parts, folder))) == 2
        weights.append((model.state_dict(), loop.logits(model, samples.images)))
    for one, other in zip(weights[0][0].values(), weights[1][0].values(), strict=True):
        assert torch.equal(one, other)
    np.testing.assert_array_equal(weights[0][1], weights[1][1])


def test_the_greatest_byte_is_one() -> None:
    values = real(np.arange(256, dtype=np.uint8))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, np.arange(256) / 255, rtol=1e-7)
    assert real(values) is values
