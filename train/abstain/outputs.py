"""What a model said to N samples, as the scores take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outputs:
    """`logits` [N, classes]; `abstain` [N], the logit of Deep Gamblers' extra class; `gate` [N], a logit, high to keep,
    of the model itself; `router` [N], the same of a router beside it (`train.hybrid.ask`)."""

    logits: NDArray[Any]
    abstain: NDArray[Any] | None = None
    gate: NDArray[Any] | None = None
    router: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class of the greatest logit [N], the first of equals."""
        predicted: NDArray[np.int64] = self.logits.argmax(axis=1)
        return predicted


def split(named: Mapping[str, NDArray[Any]], classes: int) -> Outputs:
    """The outputs by name ("logits" [N, classes or classes + 1], perhaps "gate" [N, 1]) of a model of so many
    classes."""
    logits, gate = named["logits"], named.get("gate")
    extra = logits[:, classes] if logits.shape[1] > classes else None
    return Outputs(logits[:, :classes], extra, None if gate is None else gate[:, 0])
