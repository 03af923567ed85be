"""AppealNet: two heads, a prediction and q, the probability of keeping the sample; what is not kept goes to the large
model.

    mean( q l ) + beta mean( -log q )

l is the cross-entropy of the prediction. The large model is a black box whose own loss, (1 - q) times that of its
answer, counts as 0. A larger `beta` makes appealing dearer, so more samples are kept. Source: Li et al., "AppealNet: An
Efficient and Highly-Accurate Edge/Cloud Collaborative Architecture for DNN Inference", DAC 2021. Only its abstract
could be read: this is our form of it.
"""

import torch
import torch.nn.functional as F

from train.errors import TrainError
from train.losses.loss import CORRECT, Loss


class AppealNet(Loss):
    """Outputs are (logits [N, classes], gate logits [N, 1]), targets int64 [N]."""

    def __init__(self, classes: int, *, beta: float = 0.1) -> None:
        if not beta > 0:
            raise TrainError(f"loss.beta is {beta:g}, expected a number above 0: at 0 nothing is kept.", CORRECT)
        self.beta = beta

    def __call__(self, outputs: tuple[torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        logits, gate = outputs
        kept = torch.sigmoid(gate[:, 0]) * F.cross_entropy(logits, targets, reduction="none")
        return kept.mean() - self.beta * F.logsigmoid(gate).mean()
