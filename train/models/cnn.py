"""A compact CNN of depthwise separable convolutions for a microcontroller: 1,418 parameters on 8x8 digits.

The structure is MobileNet's (Howard et al., 2017, section 3.1) in miniature. The stride-2 layer has no padding: PyTorch
pads both sides where TensorFlow's SAME pads one, and the difference would cost a PAD operator on the board.
"""

import torch
from torch import nn

from train.errors import TrainError
from train.models.blocks import convolution
from train.models.classifier import Classifier


class Cnn(Classifier):
    """`width` channels at full resolution, twice and four times as many at half resolution."""

    def __init__(self, input_shape: tuple[int, int, int], classes: int, head: str, *, width: int = 8) -> None:
        super().__init__(input_shape, classes, head)
        channels, height, columns = input_shape
        if min(height, columns) < 3:
            raise TrainError(
                f"model 'cnn': images are {height}x{columns}, expected 3x3 or more.",
                "Use larger images for this model.",
            )
        # Shapes for 8x8 digits and width 8.
        self.body = nn.Sequential(
            convolution(channels, width, 3, padding=1),  # (N, 8, 8, 8)
            convolution(width, width, 3, stride=2, groups=width),  # (N, 8, 3, 3)
            convolution(width, 2 * width, 1),  # (N, 16, 3, 3)
            convolution(2 * width, 2 * width, 3, padding=1, groups=2 * width),
            convolution(2 * width, 4 * width, 1),  # (N, 32, 3, 3)
        )
        self.end_with(4 * width)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.body(image).mean((2, 3))  # (N, 32)
        return pooled
