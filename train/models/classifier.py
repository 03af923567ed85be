"""What every model promises to the training loop and to export."""

from typing import Final

import torch
from torch import nn


class Classifier(nn.Module):
    """float32 images [N, C, H, W] in [0, 1] to logits [N, classes].

    A subclass takes `(input_shape, classes, *, option=default, ...)`, every option a number or a word, and calls
    `super().__init__(input_shape, classes)`. A base model without a state keeps to what the int8 export supports: convolutions (3x3,
    1x1, depthwise), batch normalisation, ReLU, `x.mean((2, 3))`, linear layers with a bias.
    """

    input_name: Final = "image"
    output_names: Final = ("logits",)
    input_range: tuple[float, float] = (0.0, 1.0)  # least and greatest value of what is quantised as the input

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.input_shape = input_shape
        self.classes = classes

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError
