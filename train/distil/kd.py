"""Knowledge distillation: the student's softened probabilities follow the teacher's.

    (1 - a) * loss of the labels + a T^2 KL( softmax(t / T) || softmax(s / T) )

a is `share`, T the `temperature`; T^2 keeps the gradient's size, which falls with 1 / T^2.
Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2.
"""

import torch
import torch.nn.functional as F

from train.distil.distillation import Distillation
from train.losses.loss import Loss
from train.models.classifier import Classifier


class KnowledgeDistillation(Distillation):
    def __init__(self, loss: Loss, teacher: Classifier, *, share: float = 0.9, temperature: float = 4.0) -> None:
        super().__init__(loss, teacher, share, temperature)

    def knowledge(
        self, logits: torch.Tensor, taught: torch.Tensor, features: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        student, teacher = (F.log_softmax(values / self.temperature, dim=1) for values in (logits, taught))
        return self.temperature**2 * F.kl_div(student, teacher, log_target=True, reduction="batchmean")
