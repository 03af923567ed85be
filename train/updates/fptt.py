"""Forward propagation through time: truncated backpropagation that holds the weights to a running estimate of
themselves.

After each part, with W the weights, Wbar their running mean and lam a running estimate of the gradient of the loss,

    minimise  loss(W) - <lam, W> + alpha / 2 |W - Wbar|^2      by one optimiser step
    lam   <-  lam - alpha (W - Wbar)
    Wbar  <-  (1 - beta) Wbar + beta W - (beta / alpha) lam

and after each epoch, if `restart`, W <- Wbar and lam <- 0. At the exact minimum lam becomes the gradient at the new W,
which is why its coefficient is 1, as in the authors' code, and not the 1/2 that expanding the paper's square gives.
Source: Kag and Saligrama, "Training Recurrent Neural Networks via Forward Propagation Through Time", ICML 2021. It
keeps three copies of the weights and pays off with gated cells; an iRNN is not one.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from train.losses.loss import Loss
from train.models.classifier import Classifier
from train.updates.truncated_bptt import TruncatedBptt

if TYPE_CHECKING:
    from train.config import Rule


class Regulariser:
    """Wbar and lam of a list of weights."""

    def __init__(self, weights: Iterable[torch.Tensor], alpha: float, beta: float) -> None:
        self.weights = list(weights)
        self.alpha = alpha
        self.beta = beta
        self.means = [weight.detach().clone() for weight in self.weights]
        self.gradients = [torch.zeros_like(weight) for weight in self.weights]

    def penalty(self) -> torch.Tensor:
        """-<lam, W> + alpha / 2 |W - Wbar|^2, a scalar."""
        terms = [
            self.alpha / 2 * (weight - mean).square().sum() - (weight * gradient).sum()
            for weight, mean, gradient in zip(self.weights, self.means, self.gradients, strict=True)
        ]
        return torch.stack(terms).sum()

    @torch.no_grad()
    def follow(self) -> None:
        """Move lam and Wbar after a step."""
        for weight, mean, gradient in zip(self.weights, self.means, self.gradients, strict=True):
            gradient -= self.alpha * (weight - mean)
            mean.mul_(1 - self.beta).add_(self.beta * weight - self.beta / self.alpha * gradient)

    @torch.no_grad()
    def restart(self) -> None:
        """W <- Wbar, lam <- 0."""
        for weight, mean, gradient in zip(self.weights, self.means, self.gradients, strict=True):
            weight.copy_(mean)
            gradient.zero_()


class Fptt(TruncatedBptt):
    def __init__(
        self, rule: "Rule", model: Classifier, optimiser: torch.optim.Optimizer, loss: Loss, clip: float
    ) -> None:
        super().__init__(rule, model, optimiser, loss, clip)
        self.regulariser = Regulariser(model.parameters(), rule.alpha, rule.beta)
        self.strength = rule.strength
        self.restart = rule.restart

    def objective(self, loss: torch.Tensor) -> torch.Tensor:
        return loss + self.strength * self.regulariser.penalty()

    def after_step(self) -> None:
        self.regulariser.follow()

    def end_epoch(self) -> None:
        if self.restart:
            self.regulariser.restart()

    def state_dict(self) -> dict[str, Any]:
        return {"means": self.regulariser.means, "gradients": self.regulariser.gradients}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.regulariser.means, self.regulariser.gradients = state["means"], state["gradients"]
