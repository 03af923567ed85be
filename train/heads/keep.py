"""AppealNet's head: logits, and a gate that says whether to keep the sample or to appeal to the large model."""

import torch
from torch import nn

from train.heads.head import GATE, LOGITS, Answer, Head, gate


class Keep(Head):
    """Features [N, F] to (logits [N, classes], gate [N, 1])."""

    output_names = (LOGITS, GATE)

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(features, classes)
        self.gate = gate(features)

    def forward(self, features: torch.Tensor) -> Answer:
        return self.logits(features), self.gate(features)
