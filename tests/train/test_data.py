"""Data sets and splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from train import data
from train.config import Data
from train.data import DataSet
from train.errors import TrainError

DIGITS = Data(set="digits")
FIRST = [21, 24, 28, 34, 35, 37, 39, 42]  # of the test split; a change would make old results incomparable


def archive(path: Path, **arrays: Any) -> Data:
    np.savez(path, **arrays)
    return Data(set="npz", file=str(path), low=0.0, high=1.0)


def test_digits_are_those_of_scikit_learn() -> None:
    digits, source = data.load(DIGITS), load_digits()
    assert digits.images.shape == (1797, 1, 8, 8)
    assert digits.images.dtype == np.float32
    assert digits.labels.dtype == np.int64
    assert digits.input_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    np.testing.assert_array_equal(digits.images.reshape(-1, 64) * 16, source.data)
    np.testing.assert_array_equal(digits.labels, source.target)


def test_noisy_digits_are_the_digits_under_gaussian_noise() -> None:
    clean, noisy = data.load(DIGITS), data.load(Data(set="digits_noisy", noise=0.2))
    assert noisy.images.dtype == np.float32
    assert (noisy.images.min(), noisy.images.max()) == (0, 1)
    np.testing.assert_array_equal(noisy.labels, clean.labels)
    middle = clean.images == 0.5  # 2.5 deviations from either end: clipping hardly matters
    assert np.std(noisy.images[middle]) == pytest.approx(0.2, abs=0.005)
    again = data.load(Data(set="digits_noisy", noise=0.2))
    np.testing.assert_array_equal(again.images, noisy.images)
    np.testing.assert_array_equal(data.load(Data(set="digits_noisy", noise=0.0)).images, clean.images)


def test_the_splits_of_digits_are_fixed() -> None:
    parts = data.splits(data.load(DIGITS), DIGITS)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [989, 359, 449]
    assert parts.test[:8].tolist() == FIRST


@given(
    counts=st.lists(st.integers(8, 40), min_size=2, max_size=5),
    validation=st.floats(0.15, 0.4),
    test=st.floats(0.15, 0.4),
    seed=st.integers(0, 9),
)
def test_splits_are_disjoint_whole_stratified_and_repeatable(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    samples = DataSet("any", np.zeros((len(labels), 1, 1, 1), np.float32), labels, tuple(map(str, range(len(counts)))))
    config = Data(set="digits", validation=validation, test=test, seed=seed)
    parts = data.splits(samples, config)
    lists = (parts.train, parts.validation, parts.test)
    assert sorted(np.concatenate(lists).tolist()) == list(range(len(labels)))
    for part, share in ((parts.validation, validation), (parts.test, test)):
        assert len(part) == round(share * len(labels))
        for index, count in enumerate(counts):
            # Two roundings of at most one sample: the part's size, and this class's place in it.
            assert abs(np.count_nonzero(labels[part] == index) - share * count) <= 2
    again = data.splits(samples, config)
    for first, second in zip(lists, (again.train, again.validation, again.test), strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_splits() -> None:
    digits = data.load(DIGITS)
    one, other = (data.splits(digits, Data(set="digits", seed=seed)) for seed in (0, 1))
    assert one.test.tolist() != other.test.tolist()


def test_splits_survive_their_file(tmp_path: Path) -> None:
    parts = data.splits(data.load(DIGITS), DIGITS)
    data.save_splits(parts, DIGITS, tmp_path / "splits.json")
    loaded = data.load_splits(tmp_path / "splits.json")
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(loaded, name))
        assert getattr(loaded, name).dtype == np.int64


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"train": [0], "validation": [1], "test": ["x"]}'])
def test_damaged_splits_are_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "splits.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrainError, match=r"splits\.json: cannot be read as splits"):
        data.load_splits(path)


def test_a_class_too_small_to_split_is_refused() -> None:
    samples = DataSet("few", np.zeros((5, 1, 2, 2), np.float32), np.array([0, 0, 0, 0, 1]), ("a", "b"))
    with pytest.raises(TrainError, match=r"few: 5 samples of 2 classes cannot be split"):
        data.splits(samples, DIGITS)


def labelled(labels: list[int], classes: tuple[str, ...], **more: Any) -> DataSet:
    return DataSet("mine", np.zeros((len(labels), 1, 2, 2), np.float32), np.array(labels), classes, **more)


@pytest.mark.parametrize("count", [1, 40])
def test_a_data_set_of_one_class_is_refused(count: int) -> None:
    with pytest.raises(
        TrainError, match=f"mine: all {count} samples are of the class 'b', expected two classes or more"
    ):
        data.splits(labelled([1] * count, ("a", "b")), DIGITS)


def test_a_class_without_a_sample_is_refused() -> None:
    with pytest.raises(
        TrainError, match=r"mine: the train split has no sample of 'b' among its 22, expected every class"
    ):
        data.splits(labelled([0, 2] * 20, ("a", "b", "c")), DIGITS)


def test_a_class_that_misses_a_split_is_named() -> None:
    """A stratified split gives a class of two samples none of a small test split."""
    with pytest.raises(TrainError, match=r"mine: the (validation|test) split has no sample of 'rare' among its 10"):
        data.splits(labelled([0] * 198 + [1] * 2, ("a", "rare")), Data(set="digits", validation=0.05, test=0.05))
    own = np.arange(40) < 10
    with pytest.raises(TrainError, match=r"mine: the test split has no sample of 'b' among its 10"):
        data.splits(labelled([0] * 20 + [1] * 20, ("a", "b"), own_test=own), Data(set="digits", split="own"))


def test_of_many_missing_classes_a_few_are_named() -> None:
    names = tuple(f"c{index}" for index in range(9))
    with pytest.raises(TrainError, match=r"no sample of 'c2', 'c3', 'c4', 'c5', 'c6' and 2 more among"):
        data.splits(labelled([0, 1] * 20, names), DIGITS)


@pytest.mark.parametrize("shape", [(6, 4, 5), (6, 3, 4, 5)])
def test_npz_of_bytes_and_of_floats(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)
    of_bytes = data.load(archive(tmp_path / "bytes.npz", x=pixels, y=labels))
    of_floats = data.load(archive(tmp_path / "floats.npz", x=pixels / 255, y=labels, classes=["a", "b", "c"]))
    assert of_bytes.images.shape == (6, 1, 4, 5) if len(shape) == 3 else shape
    assert of_bytes.images.dtype == of_floats.images.dtype == np.float32
    np.testing.assert_allclose(of_bytes.images, of_floats.images, rtol=1e-6)
    assert (of_bytes.name, of_bytes.classes, of_floats.classes) == ("bytes", ("0", "1", "2"), ("a", "b", "c"))
    assert of_bytes.labels.tolist() == labels.tolist()


X, Y = np.zeros((4, 2, 2)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X}, "holds ['x'], expected arrays named 'x' and 'y'"),
        ({"y": Y}, "holds ['y'], expected arrays named 'x' and 'y'"),
        ({"x": X[0], "y": Y}, "x has the shape [2, 2], expected [N, H, W] or [N, C, H, W]"),
        ({"x": X[:0], "y": Y[:0]}, "x has the shape [0, 1, 2, 2], expected"),
        ({"x": X + 2, "y": Y}, "x ranges over 2 .. 2, expected finite values in 0 .. 1"),
        ({"x": X * np.nan, "y": Y}, "x ranges over nan .. nan"),
        ({"x": X.astype(int), "y": Y}, "x is int64, expected uint8 or floating point"),
        ({"x": X, "y": Y[:3]}, "y is int64 [3], expected integers [4]"),
        ({"x": X, "y": Y / 2}, "y is float64 [4], expected integers [4]"),
        ({"x": X, "y": Y - 1}, "y ranges over -1 .. 0 with 1 class names"),
        ({"x": X, "y": Y * 0}, "y ranges over 0 .. 0 with 1 class names, expected two or more classes"),
        ({"x": X, "y": Y, "classes": ["a"]}, "y ranges over 0 .. 1 with 1 class names"),
        ({"x": np.array([None]), "y": Y}, "not an NPZ archive (Object arrays cannot be loaded"),
    ],
)
def test_what_an_npz_must_hold(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    config = archive(tmp_path / "mine.npz", **arrays)
    with pytest.raises(TrainError) as raised:
        data.load(config)
    assert raised.value.problem.startswith(f"{config.file}: ")
    assert said in raised.value.problem


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"text"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(TrainError, match=r"mine\.npz: not an NPZ archive"):
        data.load(Data(set="npz", file=str(path)))


def test_a_single_array_is_not_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "mine.npy"
    np.save(path, X)
    with pytest.raises(TrainError, match="a single array"):
        data.load(Data(set="npz", file=str(path)))


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none\.npz: no such file"):
        data.load(Data(set="npz", file=str(tmp_path / "none.npz")))
