"""What every head is, and the layers that several have."""

from typing import Final

import torch
from torch import nn

Answer = torch.Tensor | tuple[torch.Tensor, ...]  # one output, or several in the order of their names

LOGITS: Final = "logits"  # [N, classes], or [N, classes + 1] with the logit of abstaining last
GATE: Final = "gate"  # [N, 1], a logit: the greater, the rather the sample is answered on the board
AUXILIARY: Final = "auxiliary"  # layers of this name are for training alone
GATE_UNITS: Final = 16  # of the gate's hidden layer; our choice: more cost a board more than the gate is worth


class Head(nn.Module):
    """Features [N, F] to outputs. A subclass takes `(features, classes)`.

    In eval mode it returns what `output_names` says, a tensor if that is one; in training mode there may be more, which
    its loss knows of.
    """

    output_names: tuple[str, ...] = (LOGITS,)

    def forward(self, features: torch.Tensor) -> Answer:
        raise NotImplementedError

    def macs(self) -> int:
        """Multiply-accumulates of what eval mode computes."""
        shipped = (weight for name, weight in self.named_parameters() if not name.startswith(AUXILIARY))
        return sum(weight.numel() for weight in shipped if weight.ndim == 2)


def gate(features: int) -> nn.Sequential:
    """Features to a logit, through a hidden layer: how sure one may be is no linear function of what tells classes
    apart."""
    return nn.Sequential(nn.Linear(features, GATE_UNITS), nn.ReLU(), nn.Linear(GATE_UNITS, 1))


def as_tuple(answer: Answer) -> tuple[torch.Tensor, ...]:
    """The outputs as a tuple, however many there are."""
    return answer if isinstance(answer, tuple) else (answer,)
