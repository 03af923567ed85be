"""Truncated backpropagation through time: the sequence in `parts`, a step after each, no gradient from one to the next.

Every part has a loss, `Loss.part`, also where the label is that of the whole sequence. Activations are kept for T /
parts time steps at once. With one part it is `bptt`. Source: Williams and Peng, "An Efficient Gradient-Based Algorithm
for On-Line Training of Recurrent Network Trajectories", Neural Computation, 1990, with equal look-back and step.
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


class TruncatedBptt(Update):
    model: Recurrent

    def __init__(
        self, rule: "Rule", model: Classifier, optimiser: torch.optim.Optimizer, loss: Loss, clip: float
    ) -> None:
        super().__init__(rule, model, optimiser, loss, clip)
        steps = model.input_shape[1]
        if not isinstance(model, Recurrent):
            raise TrainError(
                f"update.name is {rule.name!r} for a model without a state, expected 'bptt'.",
                "Correct it, or take a recurrent model.",
            )
        if steps < rule.parts:
            raise TrainError(
                f"update.parts is {rule.parts} and a sequence has {steps} time steps, expected as many steps as parts or "
                "more.",
                "Lower parts under update.",
            )
        self.parts = rule.parts

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        state = self.model.cell.initial(len(images))
        for part, frames in enumerate(torch.tensor_split(self.model.frames(images), self.parts, dim=1)):
            state = self.model.run(frames, tuple(tensor.detach() for tensor in state))
            loss = self.loss.part(self.model.head(state[0]), targets, part, self.parts)
            self.descend(self.objective(loss))
            self.after_step()
        return loss.item()

    def objective(self, loss: torch.Tensor) -> torch.Tensor:
        """What the step after a part descends."""
        return loss

    def after_step(self) -> None:
        """Called after the step of each part."""
