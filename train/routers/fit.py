"""How a router learns, base and large model staying as they are: to say what a proxy label says of each sample.

    o = 1 if the base is wrong and the large model right, else 0            what only asking puts right
    loss = BCE(keep, 1 - o) + penalty * max(0, c - mean(sigmoid(keep)))     c is the coverage, at least

Source: Kag et al., "Efficient Edge Inference by Selective Query", ICLR 2023. Poster and code of the authors have the
penalty the other way round, (coverage - c)+, which pushes the coverage down to c and not up to it, and the code takes
the mean of logits; this is what the constraint says.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from contract.errors import CHECK_FAILED
from train.errors import TrainError
from train.routers.router import Router

BATCH: Final = 32  # small, as the train split may be


@dataclass(frozen=True)
class Settings:
    """Of a router's training; `coverage` is c."""

    coverage: float
    penalty: float
    epochs: int
    learning_rate: float


def proxy(base_correct: NDArray[np.bool_], large_correct: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """o [N]: the base is wrong and the large model right."""
    asked: NDArray[np.bool_] = ~base_correct & large_correct
    return asked


def objective(keep: torch.Tensor, asked: torch.Tensor, coverage: float, penalty: float) -> torch.Tensor:
    """The loss of a batch: `keep` logits [N], `asked` [N] is o."""
    short = F.relu(coverage - torch.sigmoid(keep).mean())
    return F.binary_cross_entropy_with_logits(keep, 1 - asked) + penalty * short


def fit(
    router: Router,
    statistics: NDArray[np.float32],
    features: NDArray[np.float32],
    asked: NDArray[np.bool_],
    settings: Settings,
) -> None:
    """Train the router on samples [N], and leave it in eval mode. Random numbers are torch's.

    Raises TrainError if there is nothing to learn, or the loss is no longer finite.
    """
    if not asked.any():
        raise TrainError(
            f"hybrid: on none of {len(asked)} training samples is the base wrong and the large model right, expected "
            "some, since they are what a router learns from.",
            "Take a smaller base model, train it for fewer epochs, or choose another score under [gate].",
        )
    inputs, seen = torch.from_numpy(statistics), torch.from_numpy(features)
    targets = torch.from_numpy(asked.astype(np.float32))
    batch = min(BATCH, len(targets))
    steps = len(targets) // batch  # an incomplete batch is left out; the next epoch's order will have its samples
    optimiser = torch.optim.AdamW(router.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.epochs * steps
    )
    router.train()
    for epoch in range(1, settings.epochs + 1):
        total = 0.0
        for chosen in torch.split(torch.randperm(len(targets))[: steps * batch], batch):
            keep = router(inputs[chosen], seen[chosen])[:, 0]
            loss = objective(keep, targets[chosen], settings.coverage, settings.penalty)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += loss.item()
        if not math.isfinite(total):
            raise TrainError(
                f"router: the loss is {total / steps} in epoch {epoch} of {settings.epochs}, at a learning rate of up to "
                f"{settings.learning_rate}; base and large model are kept.",
                "Lower learning_rate under [hybrid] and run again with --restart.",
                exit_code=CHECK_FAILED,
            )
    router.eval()


def logits(router: Router, statistics: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[Any]:
    """What the router says to samples, the logit of keeping each: float32 [N]. It is left in eval mode."""
    with torch.inference_mode():
        answer: NDArray[Any] = router.eval()(torch.from_numpy(statistics), torch.from_numpy(features))[:, 0].numpy()
    return answer
