"""Random changes of training images: shift, rotation, noise.

Source of the geometry: an affine map per image through `grid_sample`, as in Jaderberg et al., "Spatial Transformer
Networks", NeurIPS 2015, section 3.2.
"""

import math

import torch
import torch.nn.functional as F

from train.config import Augment


def augment(images: torch.Tensor, config: Augment) -> torch.Tensor:
    """Images [N, C, H, W] in [0, 1], each changed on its own, drawn from torch's global generator; same shape and range.

    Pixels that come from outside an image are 0.
    """
    if config.shift or config.rotate:
        images = _move(images, config.shift, math.radians(config.rotate))
    if config.noise:
        images = (images + config.noise * torch.randn_like(images)).clamp(0, 1)
    return images


def _move(images: torch.Tensor, shift: float, angle: float) -> torch.Tensor:
    """Shift by up to `shift` pixels along each axis and turn by up to `angle` radians, uniformly."""
    count, _, height, width = images.shape
    turn = angle * _uniform(count)
    x, y = shift * _uniform(count) * 2 / width, shift * _uniform(count) * 2 / height  # an image spans -1 .. 1
    # Turning happens in pixels, not in the -1 .. 1 of each axis, so that an oblong image is not sheared.
    upper = torch.stack([turn.cos(), -turn.sin() * height / width, x], dim=1)
    lower = torch.stack([turn.sin() * width / height, turn.cos(), y], dim=1)
    affine = torch.stack([upper, lower], dim=1)  # (N, 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _uniform(count: int) -> torch.Tensor:
    """[count] numbers in [-1, 1)."""
    return torch.rand(count) * 2 - 1
