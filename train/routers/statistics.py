"""The figures of the logits that routers read, in floating point; `contract.gate.statistics` makes the same in
integers."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate.statistics import TOP
from train.abstain.softmax import softmax


def _surprise(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """H(p) / log(classes) [N, 1]."""
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)  # 0 log 0 = 0
    entropy: NDArray[np.float64] = -(p * logs).sum(axis=1, keepdims=True) / np.log(p.shape[1])
    return entropy


def _small(p: NDArray[np.float64]) -> NDArray[np.float64]:
    ranked = -np.sort(-p, axis=1)
    return np.hstack([_surprise(p), ranked[:, :1] - ranked[:, 1:2], ranked[:, :1]])


def _full(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([_surprise(p), -np.sort(-p, axis=1)[:, :TOP]])


OF: Final[dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {"small": _small, "full": _full}


def statistics(name: str, logits: NDArray[Any], temperature: float) -> NDArray[np.float32]:
    """What the statistics of that name are for logits [N, classes]: float32 [N, S] in [0, 1].

    small   H / log C, p1 - p2, p1        full   H / log C, then the largest probabilities, at most 10, in falling order
    """
    return OF[name](softmax(logits, temperature)).clip(0, 1).astype(np.float32)  # against rounding
