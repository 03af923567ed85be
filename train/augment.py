"""Random changes of training images: mirror image, crop, shift, rotation, stretch, brightness, noise, masks.

Sources: an affine map per image through `grid_sample`, as in Jaderberg et al., "Spatial Transformer Networks", NeurIPS
2015, section 3.2; masked rows and columns of a spectrogram, as in Park et al., "SpecAugment", Interspeech 2019, section
2.
"""

import math

import torch
import torch.nn.functional as F

from train.config import Augment


def augment(images: torch.Tensor, config: Augment) -> torch.Tensor:
    """Images [N, C, H, W] in [0, 1], each changed on its own, drawn from torch's global generator; same shape and
    range.

    Pixels that come from outside an image are 0, and so are masked ones. Brightness leaves pixels of 0 as they are: in
    a spectrogram they are what follows the recording.
    """
    if config.flip:
        images = torch.where(torch.rand(len(images))[:, None, None, None] < 0.5, images.flip(3), images)
    if config.crop:
        images = _crop(images, config.crop)
    if config.shift or config.rotate or config.shift_rows or config.stretch:
        images = _move(images, config)
    if config.brightness:
        change = config.brightness * _uniform(len(images))[:, None, None, None]
        images = torch.where(images > 0, (images + change).clamp(0, 1), images)
    if config.noise:
        images = (images + config.noise * torch.randn_like(images)).clamp(0, 1)
    if config.mask_rows:
        images = _mask(images, config.mask_rows, axis=2)
    if config.mask_columns:
        images = _mask(images, config.mask_columns, axis=3)
    return images


def _crop(images: torch.Tensor, most: int) -> torch.Tensor:
    """Shift by a whole number of pixels along each axis, up to `most` either way, so that nothing is interpolated."""
    count, channels, height, width = images.shape
    down, right = torch.randint(0, 2 * most + 1, (2, count, 1))
    rows, columns = down + torch.arange(height), right + torch.arange(width)  # (N, height), (N, width)
    padded = F.pad(images, (most, most, most, most))
    return padded[
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[:, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def _move(images: torch.Tensor, config: Augment) -> torch.Tensor:
    """Shift along each axis, turn about the centre, stretch along the rows from the first one on, each uniformly."""
    count, _, height, width = images.shape
    turn = math.radians(config.rotate) * _uniform(count)
    # An image spans -1 .. 1.
    x, y = config.shift * _uniform(count) * 2 / width, config.shift * _uniform(count) * 2 / height
    scale = torch.ones(count)
    if config.shift_rows:
        y = y + config.shift_rows * _uniform(count) * 2 / height
    if config.stretch:
        scale = 1 + config.stretch * _uniform(count)
        y = y + scale - 1  # puts -1 where it was
    # Turning happens in pixels, not in the -1 .. 1 of each axis, so that an oblong image is not sheared.
    upper = torch.stack([turn.cos(), -turn.sin() * height / width, x], dim=1)
    lower = torch.stack([scale * turn.sin() * width / height, scale * turn.cos(), y], dim=1)
    affine = torch.stack([upper, lower], dim=1)  # (N, 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _mask(images: torch.Tensor, longest: int, axis: int) -> torch.Tensor:
    """One run of 0 to `longest` rows (axis 2) or columns (axis 3) at a random place, set to 0."""
    count, size = len(images), images.shape[axis]
    lengths = torch.randint(0, min(longest, size) + 1, (count,))
    starts = (torch.rand(count) * (size - lengths + 1)).long()
    places = torch.arange(size)
    masked = (places >= starts[:, None]) & (places < (starts + lengths)[:, None])  # (N, size)
    return images.masked_fill(masked[:, None, :, None] if axis == 2 else masked[:, None, None, :], 0)


def _uniform(count: int) -> torch.Tensor:
    """[count] numbers in [-1, 1)."""
    return torch.rand(count) * 2 - 1
