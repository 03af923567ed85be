"""Augmentation against SciPy's affine transform."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from train.augment import augment
from train.config import Augment


def pictures(height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.rand(5, 2, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_moving_is_an_affine_map_about_the_centre(size: tuple[int, int]) -> None:
    images = pictures(*size)
    torch.manual_seed(3)
    moved = augment(images, Augment(shift=1.5, rotate=30))
    torch.manual_seed(3)  # the same draws, in the same order
    turn, right, down = (scale * (torch.rand(5).double() * 2 - 1) for scale in (math.radians(30), 1.5, 1.5))
    centre = (np.array(size) - 1) / 2
    for index in range(5):
        cosine, sine = math.cos(turn[index]), math.sin(turn[index])
        matrix = np.array([[cosine, sine], [-sine, cosine]])  # of (row, column)
        offset = centre + np.array([down[index], right[index]]) - matrix @ centre
        for channel in range(2):
            expected = ndimage.affine_transform(
                images[index, channel].double().numpy(), matrix, offset, order=1, mode="grid-constant"
            )
            np.testing.assert_allclose(moved[index, channel].numpy(), expected, atol=1e-5)


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    torch.manual_seed(0)
    grey = torch.full((100, 1, 16, 16), 0.5)
    noisy = augment(grey, Augment(noise=0.05))
    assert float(noisy.std()) == pytest.approx(0.05, rel=0.02)
    loud = augment(grey, Augment(noise=1.0))
    assert 0 <= loud.min() < loud.max() <= 1


def test_about_every_second_image_is_mirrored() -> None:
    torch.manual_seed(0)
    images = torch.rand(1000, 2, 3, 5)
    flipped = augment(images, Augment(flip=True))
    mirrored = (flipped == images.flip(3)).all(dim=(1, 2, 3))
    assert ((flipped == images).all(dim=(1, 2, 3)) ^ mirrored).all()
    assert 430 < int(mirrored.sum()) < 570  # beyond that, a fair coin would be in one of 100,000 runs


def test_a_crop_is_a_shift_by_whole_pixels_with_zeros_beyond() -> None:
    torch.manual_seed(0)
    images = torch.rand(200, 2, 5, 7) + 0.01
    cropped = augment(images, Augment(crop=2))
    seen = set()
    for image, found in zip(images, cropped, strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
        places = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.equal(found, padded[:, row : row + 5, column : column + 7])
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 25  # 200 draws miss one of 25 places in 1 of 140 runs


def test_nothing_asked_is_nothing_done() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    images = pictures()
    assert torch.equal(augment(images, Augment()), images)
    assert torch.equal(torch.get_rng_state(), before)
