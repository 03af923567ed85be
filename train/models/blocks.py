"""Layers that several models are built from."""

from torch import nn


def convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU; `groups=inputs` makes it depthwise.

    The convolution has no bias: the normalisation brings one, and export folds both into the convolution.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
