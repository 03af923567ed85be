"""Backpropagation through time: one gradient through the whole sequence. Of a model without a state, plain
backpropagation.

With `tail` above 1 the loss is the mean over the answers after each of the last `tail` frames, and not that after the
last alone: a model that is asked earlier learns to answer earlier, which is what a decision in time
(`contract.gate.in_time`) needs.
"""

from typing import TYPE_CHECKING

import torch

from train.errors import TrainError
from train.losses.loss import Loss
from train.models.classifier import Classifier
from train.models.recurrent import Recurrent
from train.updates.update import Update

if TYPE_CHECKING:
    from train.config import Rule


class Bptt(Update):
    def __init__(
        self, rule: "Rule", model: Classifier, optimiser: torch.optim.Optimizer, loss: Loss, clip: float
    ) -> None:
        super().__init__(rule, model, optimiser, loss, clip)
        steps = model.input_shape[1]
        if rule.tail > steps:
            raise TrainError(
                f"update.tail is {rule.tail} and a sequence has {steps} time steps, expected at most as many.",
                "Lower tail under update.",
            )
        self.tail = rule.tail

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        if self.tail > 1 and isinstance(self.model, Recurrent):
            outputs = tuple(output.flatten(0, 1) for output in self.model.running(images, self.tail))
            answer = outputs if len(outputs) > 1 else outputs[0]
            loss = self.loss(answer, targets.repeat_interleave(self.tail))
        else:
            loss = self.loss(self.model(images), targets)
        self.descend(loss)
        return loss.item()
