"""Heads by name: what a model says about the features it computed.

    head = build("selection", features=32, classes=10)
    logits, gate, auxiliary = head(features)       # in training mode; in eval mode logits and gate

Which head a model has follows from the loss it is trained with (`train.losses`). A new head is one file with a subclass
of `train.heads.head.Head`, and one line in `HEADS`. PyTorch is imported when a head is first asked for.
"""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from train.heads.head import Head

HEADS: Final[dict[str, str]] = {
    "linear": "train.heads.linear:Linear",
    "extra_class": "train.heads.extra_class:ExtraClass",
    "auxiliary": "train.heads.auxiliary:Auxiliary",
    "selection": "train.heads.selection:Selection",
    "keep": "train.heads.keep:Keep",
}
LINEAR: Final = "linear"  # what a model has unless its loss needs another


def build(name: str, features: int, classes: int) -> "Head":
    """A new head for so many features, its weights drawn from torch's global generator."""
    head: Head = resolve_name(HEADS[name])(features, classes)
    return head
