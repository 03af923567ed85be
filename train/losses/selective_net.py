"""SelectiveNet: cross-entropy over the samples that the gate g selects, with a penalty while it selects too few.

    alpha ( mean(g l) / mean(g) + lambda max(0, c - mean(g))^2 ) + (1 - alpha) mean(l_h)

l is the cross-entropy of the prediction head, l_h that of the auxiliary one, c the coverage that is asked for. The
means are over the batch. Dividing by mean(g), the empirical coverage, makes the first term the selective risk: it is in
the paper, and left out of the authors' code. It is computed with softmax weights over log g, which stay finite when
every g is close to 0. Source: Geifman and El-Yaniv, "SelectiveNet: A Deep Neural Network with an Integrated Reject
Option", ICML 2019, with lambda = 32 and alpha = 0.5. One model is trained for each coverage; its threshold on g is
chosen on the validation split.
"""

import torch
import torch.nn.functional as F

from train.errors import TrainError
from train.losses.loss import CORRECT, Loss


class SelectiveNet(Loss):
    """Outputs are (logits [N, classes], gate logits [N, 1], auxiliary logits [N, classes]), targets int64 [N]."""

    def __init__(self, classes: int, *, coverage: float = 0.8, penalty: float = 32.0, alpha: float = 0.5) -> None:
        if not 0 < coverage <= 1:
            raise TrainError(f"loss.coverage is {coverage:g}, expected a share above 0 and at most 1.", CORRECT)
        if penalty < 0:
            raise TrainError(f"loss.penalty is {penalty:g}, expected a number of 0 or more.", CORRECT)
        if not 0 <= alpha <= 1:
            raise TrainError(f"loss.alpha is {alpha:g}, expected a share of 0 to 1.", CORRECT)
        self.coverage = coverage
        self.penalty = penalty
        self.alpha = alpha

    def __call__(self, outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        logits, gate, auxiliary = outputs
        weights = F.logsigmoid(gate[:, 0]).softmax(dim=0)  # g / sum(g)
        risk = (weights * F.cross_entropy(logits, targets, reduction="none")).sum()
        short = F.relu(self.coverage - torch.sigmoid(gate).mean())
        selective = risk + self.penalty * short.square()
        return self.alpha * selective + (1 - self.alpha) * F.cross_entropy(auxiliary, targets)
