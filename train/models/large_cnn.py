"""The large model, for the PC: a plain CNN that answers what the base model abstains from. Never exported."""

import torch
from torch import nn

from train.models.blocks import convolution
from train.models.classifier import Classifier


class LargeCnn(Classifier):
    """Two convolutions of `width` channels, two of twice as many at half resolution, a hidden layer with dropout."""

    def __init__(
        self, input_shape: tuple[int, int, int], classes: int, head: str, *, width: int = 32, hidden: int = 128
    ) -> None:
        super().__init__(input_shape, classes, head)
        channels, height, columns = input_shape
        half = -(-height // 2) * -(-columns // 2)  # stride 2 with padding 1 rounds up
        # Shapes for 8x8 digits and width 32.
        self.body = nn.Sequential(
            convolution(channels, width, 3, padding=1),  # (N, 32, 8, 8)
            convolution(width, width, 3, padding=1),
            convolution(width, 2 * width, 3, stride=2, padding=1),  # (N, 64, 4, 4)
            convolution(2 * width, 2 * width, 3, padding=1),
            nn.Flatten(),  # (N, 1024)
            nn.Linear(2 * width * half, hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
        )
        self.end_with(hidden)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.body(image)
        return hidden
