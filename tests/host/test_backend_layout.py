"""Where the values of a sample go: each layout against indexing by hand, and shapes that fit none or several."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import manifest as manifests
from contract.manifest import Manifest, Stream, Tensor
from contract.run_folder import RunFolder
from host.backend import layout
from host.errors import HostError


def images(run_folder: RunFolder, height: int, width: int, channels: int) -> Manifest:
    manifest = manifests.load(run_folder.manifest)
    return replace(manifest, inputs=(Tensor("image", (1, height, width, channels), "int8", 1 / 255, -128),))


def frames(run_folder: RunFolder, steps: int, size: int) -> Manifest:
    manifest = manifests.load(run_folder.manifest)
    stream = Stream(steps, 1, 0.0, 1.0, None)
    return replace(manifest, inputs=(Tensor("frame", (1, size), "int8", 1 / 255, -128),), stream=stream)


SIZES = st.integers(1, 4)


@given(st.integers(1, 3), SIZES, SIZES, SIZES)
def test_every_value_of_an_image_comes_where_the_layout_has_it(n: int, height: int, width: int, channels: int) -> None:
    samples = np.random.default_rng(0).random((n, height, width, channels), dtype=np.float32)
    last = layout.Layout("nhwc", (height, width, channels)).arrange(samples)
    first = layout.Layout("nchw", (channels, height, width)).arrange(samples)
    assert first.flags.c_contiguous and first.dtype == np.float32
    for index in np.ndindex(samples.shape):
        sample, row, column, channel = index
        assert last[index] == first[sample, channel, row, column] == samples[index]


@given(st.integers(1, 3), SIZES, SIZES, SIZES)
def test_frames_are_the_rows_of_each_channel_one_after_the_other(n: int, steps: int, width: int, channels: int) -> None:
    samples = np.random.default_rng(0).random((n, steps, channels * width), dtype=np.float32)
    last = layout.Layout("nhwc", (steps, width, channels)).arrange(samples)
    first = layout.Layout("nchw", (channels, steps, width)).arrange(samples)
    for sample, step, channel, column in np.ndindex(n, steps, channels, width):
        value = samples[sample, step, channel * width + column]
        assert last[sample, step, column, channel] == first[sample, channel, step, column] == value


def test_frames_become_the_rows_that_a_recurrent_model_was_trained_on() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from train import models

    pictures = torch.rand(2, 3, 4, 5)
    made = models.build("rnn", (3, 4, 5), 2, {"hidden": 4}).frames(pictures).numpy()
    np.testing.assert_array_equal(layout.Layout("nchw", (3, 4, 5)).arrange(made), pictures.numpy())


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ((None, 4, 5, 3), "nhwc"),
        ((1, 3, 4, 5), "nchw"),
        ((None, None, None, 3), "nhwc"),
        ((None, 3, None, None), "nchw"),
    ],
)
def test_the_shape_says_which_layout_an_image_has(
    run_folder: RunFolder, declared: tuple[int | None, ...], name: str
) -> None:
    assert layout.fit(declared, images(run_folder, 4, 5, 3), None, "x").name == name


def test_images_of_one_channel_may_be_flat(run_folder: RunFolder) -> None:
    found = layout.fit((None, 20), images(run_folder, 4, 5, 1), None, "x")
    samples = np.arange(20, dtype=np.float32).reshape(1, 4, 5, 1)
    assert found.arrange(samples).tolist() == [list(range(20))]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ((None, 6, 10), ("ntf", (6, 10))),
        ((None, 6, None), ("ntf", (6, 10))),
        ((None, 2, 6, 5), ("nchw", (2, 6, 5))),
        ((None, 1, 6, 10), ("nchw", (1, 6, 10))),
        ((None, 6, 5, 2), ("nhwc", (6, 5, 2))),
        ((None, 2, None, None), ("nchw", (2, 6, 5))),
    ],
)
def test_the_shape_says_which_layout_a_sequence_has(
    run_folder: RunFolder, declared: tuple[int | None, ...], expected: tuple[str, tuple[int, ...]]
) -> None:
    assert layout.fit(declared, frames(run_folder, 6, 10), None, "x") == layout.Layout(*expected)


@pytest.mark.parametrize(
    ("declared", "wanted", "words"),
    [
        (
            (None, 4, 5),
            None,
            r"x: its input is \[any, 4, 5\], and a sample of scripted is an image of 4 x 5, 3 channels\.",
        ),
        ((None, 5, 4, 3), None, "Take a model that was trained on such samples"),
        ((None, 60), None, "an image of 4 x 5, 3 channels"),  # of several channels nobody knows the order
        ((None, None, None, None), None, r"fits nhwc and nchw.*Say which: append \?layout=nhwc or \?layout=nchw"),
        ((None, 3, 4, 5), "nhwc", "that is not nhwc.*Say layout=nchw, or nothing"),
    ],
)
def test_must_refuse(run_folder: RunFolder, declared: tuple[int | None, ...], wanted: str | None, words: str) -> None:
    with pytest.raises(HostError, match=words):
        layout.fit(declared, images(run_folder, 4, 5, 3), wanted, "x")


def test_a_cube_needs_a_word(run_folder: RunFolder) -> None:
    cube = images(run_folder, 3, 3, 3)
    with pytest.raises(HostError, match="fits nhwc and nchw"):
        layout.fit((None, 3, 3, 3), cube, None, "x")
    assert layout.fit((None, 3, 3, 3), cube, "nchw", "x").name == "nchw"


def test_sequences_must_fit_too(run_folder: RunFolder) -> None:
    with pytest.raises(HostError, match="is a sequence of 6 frames of 10"):
        layout.fit((None, 3, 6, 5), frames(run_folder, 6, 10), None, "x")
