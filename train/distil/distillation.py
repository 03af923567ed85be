"""What every way to distil has: a loss of the labels, a teacher, and a share of each.

(1 - share) * loss of the labels + share * knowledge(student, teacher)
"""

from typing import Any, Final

import torch

from train.errors import TrainError
from train.heads.head import as_tuple
from train.losses.loss import Loss
from train.models.classifier import Classifier

CORRECT: Final = "Correct it under the model's distil."  # the next step of an option that makes no sense


class Distillation(Loss):
    """A subclass takes `(loss, teacher, *, option=default, ...)`, every option a number or a word, and gives
    `knowledge`.

    The teacher is trained and stays as it is. Student and teacher are compared on the logits of the classes; other
    outputs of the student are the business of `loss`.
    """

    def __init__(self, loss: Loss, teacher: Classifier, share: float, temperature: float) -> None:
        if not 0 <= share <= 1:
            raise TrainError(f"distil.share is {share:g}, expected a share of 0 to 1.", CORRECT)
        if not temperature > 0:
            raise TrainError(f"distil.temperature is {temperature:g}, expected a number above 0.", CORRECT)
        self.loss = loss
        self.teacher = teacher.eval()
        self.share = share
        self.temperature = temperature
        self.features = torch.empty(0)  # of the teacher on the batch [N, F]
        self.taught = torch.empty(0)  # its logits [N, classes]

    @torch.no_grad()
    def see(self, images: torch.Tensor) -> None:
        self.loss.see(images)
        self.features = self.teacher.features(images)
        self.taught = as_tuple(self.teacher.head(self.features))[0]

    def knowledge(
        self, logits: torch.Tensor, taught: torch.Tensor, features: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """How far the student's `logits` are from those that the teacher `taught` [N, classes]; its features are [N,
        F]."""
        raise NotImplementedError

    def __call__(self, outputs: Any, targets: torch.Tensor) -> torch.Tensor:
        return (1 - self.share) * self.loss(outputs, targets) + self.share * self._knowledge(outputs, targets)

    def part(self, outputs: Any, targets: torch.Tensor, part: int, parts: int) -> torch.Tensor:
        knowledge = (part + 1) / parts * self._knowledge(outputs, targets)
        return (1 - self.share) * self.loss.part(outputs, targets, part, parts) + self.share * knowledge

    def _knowledge(self, outputs: Any, targets: torch.Tensor) -> torch.Tensor:
        logits = as_tuple(outputs)[0][:, : self.taught.shape[1]]  # without Deep Gamblers' extra class
        answers = len(logits) // len(self.taught)  # of the student to one image: several with a `tail` of time steps
        return self.knowledge(
            logits, self.taught.repeat_interleave(answers, 0), self.features.repeat_interleave(answers, 0), targets
        )

    def after_step(self) -> None:
        self.loss.after_step()

    def end_epoch(self, epoch: int) -> None:
        self.loss.end_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        return {"loss": self.loss.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.loss.load_state_dict(state["loss"])
