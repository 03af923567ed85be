"""The full router: entropy and all differences of pairs of the largest probabilities, an MLP of the features, an MLP of
both.

Source: Kag et al., "Efficient Edge Inference by Selective Query", ICLR 2023, in the form of the authors' code: the 10
largest probabilities, features through 128 units, 64 units after them, batch normalisation. They take all 100
differences; the 45 of a larger and a smaller probability say the same.
"""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from contract.gate.statistics import STATISTICS
from train.routers.router import Router, Sum


class FullRouter(Router):
    """`hidden` units, and twice as many in the first layer of the features."""

    statistics = "full"
    differences: torch.Tensor

    def __init__(self, features: int, classes: int, *, hidden: int = 64) -> None:
        super().__init__()
        self.register_buffer(
            "differences", differences(STATISTICS[self.statistics].count(classes) - 1), persistent=False
        )
        self.layers = Sum(
            nn.Linear(len(self.differences), hidden),
            nn.Sequential(*_normalised(features, 2 * hidden), nn.Linear(2 * hidden, hidden)),
            nn.Sequential(nn.ReLU(), *_normalised(hidden, hidden), nn.Linear(hidden, 1)),
        )

    def forward(self, statistics: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.layers(statistics @ self.differences.T, features)
        return logit

    def folded(self) -> nn.Module:
        self.eval()
        given = self.layers.from_statistics
        assert isinstance(given, nn.Linear) and isinstance(given.bias, nn.Parameter)
        first = nn.Linear(self.differences.shape[1], given.out_features)
        with torch.no_grad():
            first.weight.copy_(given.weight @ self.differences)
            first.bias.copy_(given.bias)
        return Sum(first, _fused(self.layers.from_features), _fused(self.layers.rest)).eval()


def differences(largest: int) -> torch.Tensor:
    """The matrix [1 + K (K - 1) / 2, 1 + K] that leaves the entropy as it is and makes p_i - p_j, i < j, of K
    probabilities."""
    matrix = torch.zeros(1 + largest * (largest - 1) // 2, 1 + largest)
    matrix[0, 0] = 1
    for row, (first, second) in enumerate(torch.combinations(torch.arange(largest)).tolist(), start=1):
        matrix[row, 1 + first], matrix[row, 1 + second] = 1, -1
    return matrix


def _normalised(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()


def _fused(layers: nn.Module) -> nn.Sequential:
    """The layers with each batch normalisation in the linear layer before it."""
    fused: list[nn.Module] = []
    for layer in layers.children():
        if isinstance(layer, nn.BatchNorm1d):
            before = fused.pop()
            assert isinstance(before, nn.Linear)
            layer = fuse_linear_bn_eval(before, layer)
        fused.append(layer)
    return nn.Sequential(*fused)
