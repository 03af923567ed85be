"""Optimisers and learning rate schedules by name. PyTorch is imported when one is first asked for.

one_cycle  from a 25th of the learning rate up to it and down to almost 0 (Smith and Topin, "Super-Convergence", 2019)
cosine     from the learning rate down to 0 along half a cosine (Loshchilov and Hutter, "SGDR", 2017, equation 5, no restart)
constant   the learning rate throughout
"""

from collections.abc import Iterable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

    from train.config import Model

OPTIMISERS: Final[dict[str, str]] = {
    "adamw": "torch.optim:AdamW",
    "adam": "torch.optim:Adam",
    "sgd": "torch.optim:SGD",
}
SCHEDULES: Final = ("one_cycle", "cosine", "constant")
MOMENTUM: Final = 0.9  # of SGD


def build(config: "Model", weights: "Iterable[torch.nn.Parameter]", steps: int) -> (
    "tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]"
):  # fmt: skip
    """The optimiser of `weights` and its schedule, which is stepped once a batch, `steps` times in all."""
    from torch.optim import lr_scheduler

    more = {"momentum": MOMENTUM} if config.optimiser == "sgd" else {}
    optimiser: torch.optim.Optimizer = resolve_name(OPTIMISERS[config.optimiser])(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay, **more
    )
    if config.schedule == "one_cycle":
        return optimiser, lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps)
    if config.schedule == "cosine":
        return optimiser, lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    return optimiser, lr_scheduler.ConstantLR(optimiser, factor=1.0)
