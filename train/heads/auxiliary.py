"""One-Sided Prediction's head: logits for the one-sided loss, and in training others that learn by cross-entropy beside
them."""

import torch
from torch import nn

from train.heads.head import Answer, Head


class Auxiliary(Head):
    """Features [N, F] to logits [N, classes], in training mode (logits, auxiliary logits)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(features, classes)
        self.auxiliary = nn.Linear(features, classes)

    def forward(self, features: torch.Tensor) -> Answer:
        logits: torch.Tensor = self.logits(features)
        return (logits, self.auxiliary(features)) if self.training else logits
