"""Routers: small networks beside the base model that say which samples to keep on the board and which to send to the
large model.

    router = build("small", features=model.feature_size, classes=10, options={"hidden": 16})
    keep = router(statistics, features)         # [N, S] and [N, F] to [N, 1], a logit: high answers on the board
    router = load(Path("runs/hybrid_digits/router.pt"))

Source: Kag, Fedorov, Gangrade, Whatmough and Saligrama, "Efficient Edge Inference by Selective Query", ICLR 2023, whose
r is the other way round, 1 for the large model. A new router is one file with a subclass of
`train.routers.router.Router`, and one line in `ROUTERS`. PyTorch is imported when a router is first asked for.
"""

from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

from train.models import Option, keywords

if TYPE_CHECKING:
    from train.routers.router import Router

ROUTERS: Final[dict[str, str]] = {
    "small": "train.routers.small:SmallRouter",
    "full": "train.routers.full:FullRouter",
}


def options(name: str) -> dict[str, Option]:
    """The options of a router with their defaults."""
    return keywords(ROUTERS[name])


def build(name: str, features: int, classes: int, options: Mapping[str, Option]) -> "Router":
    """A new router for a model of so many features and classes, its weights drawn from torch's global generator."""
    router: Router = resolve_name(ROUTERS[name])(features, classes, **options)
    return router


def load(path: Path) -> "Router":
    """The trained router of a checkpoint file, in eval mode. Raises TrainError if it is missing or damaged."""
    from train.routers import checkpoint

    return checkpoint.load(path)
