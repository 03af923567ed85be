"""What training makes small: cross-entropy for classes, or a loss that learns when to abstain as well; the mean squared
error for a number.

    loss = build("selective_net", classes=10, options={"coverage": 0.8})
    loss(outputs, targets)                            # at the end of a sequence
    loss.part(outputs, targets, part=2, parts=10)     # after part 2 of 0 .. 9, before the sequence has ended

Outputs are what the head gives in training mode (`train.heads`), so a loss names the head that it needs, and the score
that only such a model has. A new loss is one file with a subclass of `train.losses.loss.Loss`, and one line in
`LOSSES`. PyTorch is imported when one is first asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

from train.heads import LINEAR
from train.models import Option, keywords

if TYPE_CHECKING:
    from train.losses.loss import Loss


@dataclass(frozen=True)
class Entry:
    """A loss: its class, which takes `(classes, *, option=default, ...)`; the head it needs; a score of `train.abstain`
    that needs this loss."""

    constructor: str
    head: str = LINEAR
    score: str | None = None


LOSSES: Final[dict[str, Entry]] = {
    "cross_entropy": Entry("train.losses.cross_entropy:CrossEntropy"),
    "mean_squared_error": Entry("train.losses.mean_squared_error:MeanSquaredError"),
    "deep_gamblers": Entry("train.losses.deep_gamblers:DeepGamblers", "extra_class", "reservation"),
    "selective_net": Entry("train.losses.selective_net:SelectiveNet", "selection", "head"),
    "one_sided_prediction": Entry("train.losses.one_sided_prediction:OneSidedPrediction", "auxiliary"),
    "appeal_net": Entry("train.losses.appeal_net:AppealNet", "keep", "head"),
}
OF_CLASSES: Final = "cross_entropy"  # what classes are learned with unless the configuration says otherwise
OF_NUMBERS: Final = "mean_squared_error"


def options(name: str) -> dict[str, Option]:
    """The options of a loss with their defaults."""
    return keywords(LOSSES[name].constructor)


def build(name: str, classes: int, options: Mapping[str, Option]) -> "Loss":
    """A loss over so many classes. Raises TrainError for an option that makes no sense."""
    loss: Loss = resolve_name(LOSSES[name].constructor)(classes, **options)
    return loss
