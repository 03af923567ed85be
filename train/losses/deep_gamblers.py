"""Deep Gamblers: the model bets on a class, or keeps its stake by giving probability to one more output, "abstain".

    -log( p_y + p_abstain / o )          p = softmax over C + 1 outputs

With a `reward` o the gambler who bets on y wins o times the stake, so a small o makes abstaining attractive; o in (1,
C], as with o <= 1 it would never pay to bet. It is computed as -logaddexp(log p_y, log p_abstain - log o), which stays
finite. For the first `warm_up` epochs the loss is the cross-entropy of the C classes alone: a model that knows nothing
yet, and is right once in C, finds that abstaining pays if o < C, and may stay there. The authors warm up for a third of
their epochs. Source: Liu et al., "Deep Gamblers: Learning to Abstain with Portfolio Theory", NeurIPS 2019, in the form
of the authors' code; what the warm-up leaves out (the extra output) is our form.
"""

from typing import Any

import torch
import torch.nn.functional as F

from train.errors import TrainError
from train.losses.loss import CORRECT, Loss


class DeepGamblers(Loss):
    """Outputs are logits [N, classes + 1], "abstain" last; targets int64 [N] below `classes`."""

    def __init__(self, classes: int, *, reward: float = 2.0, warm_up: int = 10) -> None:
        if not 1 < reward <= classes:
            raise TrainError(
                f"loss.reward is {reward:g}, expected a number above 1 and at most {classes}, the number of classes.",
                CORRECT,
            )
        self.reward = reward
        self.warm_up = warm_up
        self.epoch = 1

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.epoch <= self.warm_up:
            return F.cross_entropy(outputs[:, :-1], targets)
        return gamble(outputs, targets, self.reward)

    def end_epoch(self, epoch: int) -> None:
        self.epoch = epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


def gamble(outputs: torch.Tensor, targets: torch.Tensor, reward: float) -> torch.Tensor:
    """Mean of -log(p_y + p_abstain / reward) of outputs [N, classes + 1]; an endless reward is allowed here."""
    logs = F.log_softmax(outputs, dim=1)
    right = logs.gather(1, targets[:, None])[:, 0]
    stake = logs[:, -1] - torch.log(torch.tensor(reward, dtype=logs.dtype, device=logs.device))
    return -torch.logaddexp(right, stake).mean()
