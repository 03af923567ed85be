"""Residual networks for small images: the CIFAR ResNets by depth and width.

    models.build("resnet", (3, 32, 32), 10, {})                                       # ResNet-32
    models.build("resnet", (3, 32, 32), 100, {"widths": "8-16-32-64", "blocks": 1})   # ResNet10-s

A stage for each of `widths`, its channels, has `blocks` blocks of two 3x3 convolutions each; every stage but the first
halves height and width. 6 blocks + 2 is the depth of three stages: 5 blocks make ResNet-32. Where shapes change, the
shortcut is a 1x1 convolution (option B of the paper). The ResNet10 of "Scaffolding a Student" (DiSK) have four stages
of one block:

    xxxs "4-8-8-16"    xxs "8-8-16-16"    xs "8-16-16-32"    s "8-16-32-64"    m "16-32-64-128"    l "32-64-128-256"

On a board a shortcut is an ADD in int8, and a stride of 2 with PyTorch's padding costs a PAD. Source: He, Zhang, Ren
and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2; initial weights: He et al., "Delving
Deep into Rectifiers", ICCV 2015, equation 14; widths of ResNet10 as in the authors' code of DiSK (ICLR 2023).
"""

import re

import torch
import torch.nn.functional as F
from torch import nn

from train.errors import TrainError
from train.models.blocks import convolution
from train.models.classifier import Classifier


class Resnet(Classifier):
    """`widths` are the stages' channels, joined by "-"; `blocks` is how many blocks each of them has."""

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        classes: int,
        head: str,
        *,
        widths: str = "16-32-64",
        blocks: int = 5,
    ) -> None:
        super().__init__(input_shape, classes, head)
        if not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", widths):
            raise TrainError(
                f"model 'resnet': widths is {widths!r}, expected numbers of channels such as '16-32-64'.",
                "Correct options under the model.",
            )
        channels, *_ = stages = [int(width) for width in widths.split("-")]
        layers: list[nn.Module] = [convolution(input_shape[0], channels, 3, padding=1)]
        for index, width in enumerate(stages):
            for block in range(blocks):
                layers.append(Block(channels, width, stride=2 if index and not block else 1))
                channels = width
        self.body = nn.Sequential(*layers)
        for module in self.body.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.end_with(channels)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        # Channels last: an epoch of ResNet10-s takes two thirds of the time on a CPU.
        body = self.body(image.contiguous(memory_format=torch.channels_last))
        # The mean over both axes, in the one form that onnx2tf converts without a TRANSPOSE when it follows a sum.
        pooled: torch.Tensor = F.adaptive_avg_pool2d(body, 1).flatten(1)  # (N, 64) of (N, 64, 8, 8)
        return pooled


class Block(nn.Module):
    """Two 3x3 convolutions and the sum with what came in, ReLU after it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride=stride, padding=1)
        self.second = convolution(outputs, outputs, 3, padding=1)[:2]  # without its ReLU, which follows the sum
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride=stride)[:2]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(self.first(image)) + self.shortcut(image))
