"""Trained routers as files that `torch.load(path, weights_only=True)` reads: a dict of

format       1
router       name in train.routers.ROUTERS
features     of the base model
classes      how many it has
options      of the router's constructor
state_dict   its weights
"""

from pathlib import Path
from typing import Any, Final

import torch

from train import routers
from train.errors import TrainError
from train.models.checkpoint import DAMAGED, reason
from train.routers.router import Router

FORMAT: Final = 1


def save(router: Router, name: str, features: int, classes: int, options: dict[str, Any], path: Path) -> None:
    """Write a router that `train.routers.build` made of the same arguments."""
    about = {"router": name, "features": features, "classes": classes, "options": options}
    torch.save({"format": FORMAT, **about, "state_dict": router.state_dict()}, path)


def load(path: Path) -> Router:
    """The router in eval mode. Raises TrainError if the file is missing or is not such a file."""
    again = "Train the run again with --restart."
    try:
        value = torch.load(path, weights_only=True)
        if value["format"] != FORMAT:
            raise TrainError(f"{path}: format is {value['format']!r}, expected {FORMAT}.", again)
        router = routers.build(value["router"], value["features"], value["classes"], value["options"])
        router.load_state_dict(value["state_dict"])
    except FileNotFoundError:
        raise TrainError(f"{path}: no such router.", "Train the run first: python -m train <config>.") from None
    except DAMAGED as error:
        raise TrainError(f"{path}: not a router's checkpoint ({reason(error)}).", again) from None
    return router.eval()
