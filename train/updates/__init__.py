"""How a batch of sequences becomes optimiser steps. A new rule is one file with a subclass of
`train.updates.update.Update`, and one line in `UPDATES`. PyTorch is imported when a rule is first asked for.

    update = build(config.update, model, optimiser, loss, clip=1.0)
    batch_loss = update(images, targets)
"""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

    from train.config import Rule
    from train.losses.loss import Loss
    from train.models.classifier import Classifier
    from train.updates.update import Update

UPDATES: Final[dict[str, str]] = {
    "bptt": "train.updates.bptt:Bptt",
    "truncated_bptt": "train.updates.truncated_bptt:TruncatedBptt",
    "fptt": "train.updates.fptt:Fptt",
}


def build(rule: "Rule", model: "Classifier", optimiser: "torch.optim.Optimizer", loss: "Loss", clip: float) -> "Update":
    """The update rule that `rule.name` names. Raises TrainError if the model or its sequences are not what it needs."""
    update: Update = resolve_name(UPDATES[rule.name])(rule, model, optimiser, loss, clip)
    return update
