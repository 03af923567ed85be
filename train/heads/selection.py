"""SelectiveNet's three heads: prediction f, selection g, and in training an auxiliary prediction h.

h sees every sample, so that the features are not those of the easy ones alone. Source: Geifman and El-Yaniv,
"SelectiveNet: A Deep Neural Network with an Integrated Reject Option", ICML 2019. Their g has a hidden layer of 512
units with batch normalisation; ours is a board's (`train.heads.head.GATE_UNITS`).
"""

import torch
from torch import nn

from train.heads.head import Answer
from train.heads.keep import Keep


class Selection(Keep):
    """Features [N, F] to (logits [N, classes], gate [N, 1]), in training mode (logits, gate, auxiliary logits)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes)
        self.auxiliary = nn.Linear(features, classes)

    def forward(self, features: torch.Tensor) -> Answer:
        logits, gate = self.logits(features), self.gate(features)
        return (logits, gate, self.auxiliary(features)) if self.training else (logits, gate)
