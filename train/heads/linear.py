"""Logits and nothing else."""

import torch
from torch import nn

from train.heads.head import Head


class Linear(Head):
    """Features [N, F] to logits [N, classes]."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(features, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.logits(features)
        return logits
