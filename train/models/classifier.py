"""What every model promises to the training loop and to export."""

from typing import Final

import torch
from torch import nn

from train import heads
from train.heads.head import Answer, Head


class Classifier(nn.Module):
    """float32 images [N, C, H, W] in [0, 1] to logits [N, classes] and what else the head gives (`train.heads`).

    A subclass takes `(input_shape, classes, head, *, option=default, ...)`, every option a number or a word, calls
    `super().__init__(input_shape, classes, head)` first and `end_with(features)` last. A base model without a state
    keeps to what the int8 export supports: convolutions (3x3, 1x1, depthwise), batch normalisation, ReLU, `x.mean((2,
    3))`, linear layers with a bias.
    """

    input_name: Final = "image"
    input_range: tuple[float, float] = (0.0, 1.0)  # least and greatest value of what is quantised as the input
    head: Head
    feature_size: int

    def __init__(self, input_shape: tuple[int, int, int], classes: int, head: str) -> None:
        super().__init__()
        self.input_shape = input_shape
        self.classes = classes
        self.head_name = head

    def end_with(self, feature_size: int) -> None:
        """Put the head on so many features."""
        self.feature_size = feature_size
        self.head = heads.build(self.head_name, feature_size, self.classes)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what `forward` returns in eval mode, in order."""
        return self.head.output_names

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """What the head sees of images [N, C, H, W]: [N, feature_size]."""
        raise NotImplementedError

    def forward(self, image: torch.Tensor) -> Answer:
        answer: Answer = self.head(self.features(image))
        return answer
