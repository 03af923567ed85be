"""The small router: entropy, margin and largest probability of the base model's softmax, and one linear map of its
features."""

import torch
from torch import nn

from contract.gate.statistics import STATISTICS
from train.routers.router import Router, Sum


class SmallRouter(Router):
    """`hidden` units."""

    statistics = "small"

    def __init__(self, features: int, classes: int, *, hidden: int = 16) -> None:
        super().__init__()
        self.layers = Sum(
            nn.Linear(STATISTICS[self.statistics].count(classes), hidden),
            nn.Linear(features, hidden),
            nn.Sequential(nn.ReLU(), nn.Linear(hidden, 1)),
        )

    def forward(self, statistics: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.layers(statistics, features)
        return logit

    def folded(self) -> nn.Module:
        return self.layers.eval()
