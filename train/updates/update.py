"""What every update rule is: a function of a batch that moves the model's weights."""

from typing import TYPE_CHECKING, Any

import torch

from train.losses.loss import Loss
from train.models.classifier import Classifier

if TYPE_CHECKING:
    from train.config import Rule


class Update:
    """`clip` bounds the norm of the gradient of all weights together; 0 leaves it as it is."""

    def __init__(
        self, rule: "Rule", model: Classifier, optimiser: torch.optim.Optimizer, loss: Loss, clip: float
    ) -> None:
        self.model = model
        self.optimiser = optimiser
        self.loss = loss
        self.clip = clip

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        """Images [N, C, H, W] and targets [N] to the loss after the whole image, having taken one step or several."""
        raise NotImplementedError

    def descend(self, objective: torch.Tensor) -> None:
        """One optimiser step down the gradient of a scalar."""
        self.optimiser.zero_grad()
        objective.backward()  # type: ignore[no-untyped-call]
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        self.loss.after_step()

    def end_epoch(self) -> None:
        """Called after each epoch, before validation."""

    def state_dict(self) -> dict[str, Any]:
        """What a training that was stopped needs to go on, beside model and optimiser."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
