"""Distillation: a base model learns from what the large model says, beside the labels. None of it is in the model that
ships.

    loss = build("kd", loss, teacher=large, options={"temperature": 4.0})    # around the loss of the labels
    loss.see(images)                                                         # the teacher answers the batch
    loss(outputs, targets)

A configuration asks for it with `[base.distil]`; the large model is then trained first. A new way is one file with a
subclass of `train.distil.distillation.Distillation`, and one line in `DISTILLATIONS`. PyTorch is imported when one is
first asked for.
"""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

from train.models import Option, keywords

if TYPE_CHECKING:
    from train.losses.loss import Loss
    from train.models.classifier import Classifier

DISTILLATIONS: Final[dict[str, str]] = {
    "kd": "train.distil.kd:KnowledgeDistillation",
    "disk": "train.distil.disk:Disk",
}


def options(name: str) -> dict[str, Option]:
    """The options of a way to distil with their defaults."""
    return keywords(DISTILLATIONS[name])


def build(name: str, loss: "Loss", teacher: "Classifier", options: Mapping[str, Option]) -> "Loss":
    """`loss`, of the labels, joined by what the trained `teacher` says. Raises TrainError for an option that makes no
    sense."""
    joined: Loss = resolve_name(DISTILLATIONS[name])(loss, teacher, **options)
    return joined
