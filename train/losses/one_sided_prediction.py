"""One-Sided Prediction: for each class a set of samples as large as possible, with a bound on the others that fall into
it.

With f the softmax of the logits and means over a batch,

    L_k = mean of -log f_k over samples of class k            stands for the coverage of class k
    C_k = mean of -log(1 - f_k) over all other samples        stands for its one-sided error
    M   = sum_k [ L_k + lambda_k (C_k - phi_k) ] + mu sum_k phi_k
    loss = a M + (1 - a) cross-entropy of an auxiliary head on the same features

which weights and phi >= 0 minimise and lambda >= 0 maximises. At the saddle lambda_k is mu wherever phi_k > 0, and
phi_k is C_k: mu is the one knob, and the threshold on max_k f_k, chosen with it on the validation split, the other. Of
equally frequent classes f_k = P(k | x) makes all L_k and C_k least at once, so mu matters by what the model cannot fit.

After each step of the weights, phi and then lambda take a plain gradient step of `rate`, and are clipped at 0: a slower
time scale of their own, without weight decay. One after the other, since steps at once spiral outwards. Source:
Gangrade, Kag and Saligrama, "Selective Classification via One-Sided Prediction", AISTATS 2021; initial values and a as
in the authors' code, whose PyTorch version leaves lambda out of the one-sided term and decays both; this does neither.
"""

from typing import Any

import torch
import torch.nn.functional as F

from train.errors import TrainError
from train.losses.loss import CORRECT, Loss

FIRST_BOUND = 0.5  # of phi; lambda begins at mu - 0.5, or 0: as in the authors' code


class OneSidedPrediction(Loss):
    """Outputs are (logits [N, classes], auxiliary logits [N, classes]), targets int64 [N].

    `multipliers` (lambda) and `bounds` (phi) are float32 [classes]. A class that a batch lacks has no L_k there; one
    that is alone in it has no C_k, and its lambda and phi stay where they are.
    """

    def __init__(self, classes: int, *, mu: float = 1.0, rate: float = 0.01, a: float = 0.9) -> None:
        if mu < 0:
            raise TrainError(f"loss.mu is {mu:g}, expected a number of 0 or more.", CORRECT)
        if not rate >= 0:
            raise TrainError(f"loss.rate is {rate:g}, expected a number of 0 or more.", CORRECT)
        if not 0 <= a <= 1:
            raise TrainError(f"loss.a is {a:g}, expected a share of 0 to 1.", CORRECT)
        self.classes = classes
        self.mu = mu
        self.rate = rate
        self.a = a
        self.multipliers = torch.full((classes,), max(mu - FIRST_BOUND, 0.0))
        self.bounds = torch.full((classes,), FIRST_BOUND)
        self._violations: torch.Tensor | None = None  # C_k of the last batch
        self._measured: torch.Tensor | None = None  # whether that batch tells them

    def __call__(self, outputs: tuple[torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        logits, auxiliary = outputs
        own = F.one_hot(targets, self.classes).to(logits.dtype)
        coverages, violations = surrogates(logits, own)
        self._violations, self._measured = violations.detach(), (1 - own).sum(0) > 0
        self.multipliers, self.bounds = self.multipliers.to(logits.device), self.bounds.to(logits.device)
        saddle = (coverages + self.multipliers * (violations - self.bounds) + self.mu * self.bounds).sum()
        return self.a * saddle + (1 - self.a) * F.cross_entropy(auxiliary, targets)

    def after_step(self) -> None:
        """Descend phi, then ascend lambda, by the violations of the batch that the weights just took a step on."""
        if self._violations is None or self._measured is None:
            return
        bounds = (self.bounds - self.rate * (self.mu - self.multipliers)).clamp(min=0)
        self.bounds = torch.where(self._measured, bounds, self.bounds)
        multipliers = (self.multipliers + self.rate * (self._violations - self.bounds)).clamp(min=0)
        self.multipliers = torch.where(self._measured, multipliers, self.multipliers)

    def state_dict(self) -> dict[str, Any]:
        return {"multipliers": self.multipliers, "bounds": self.bounds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.multipliers, self.bounds = state["multipliers"], state["bounds"]


def surrogates(logits: torch.Tensor, own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """L_k and C_k [classes], of logits [N, classes] and `own` [N, classes], 1 at the label and 0 elsewhere.

    -log(1 - f_k) is -log1p(-f_k) but of the greatest logit, whose f_k may round to 1: of that it is the log-sum-exp of
    all less that of the others. So whatever rounds to 0 or 1 in float32 still has a finite loss and a gradient.
    """
    logs = F.log_softmax(logits, dim=1)
    greatest = F.one_hot(logits.argmax(dim=1), logits.shape[1]).bool()
    others = logits.masked_fill(greatest, -torch.inf).logsumexp(dim=1, keepdim=True)
    # log1p never sees the greatest, also not on the way back, where an endless slope times 0 would be NaN.
    violation = torch.where(
        greatest,
        logits.logsumexp(dim=1, keepdim=True) - others,
        -torch.log1p(-logs.masked_fill(greatest, -1.0).exp()),
    )
    coverages = -(own * logs).sum(0) / own.sum(0).clamp(min=1)
    violations = ((1 - own) * violation).sum(0) / (1 - own).sum(0).clamp(min=1)
    return coverages, violations
