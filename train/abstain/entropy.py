"""Entropy of the softmax, turned round: 1 where one class has all the probability, 0 where all have the same."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs
from train.abstain.softmax import softmax

NAME: Final = "entropy"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """1 - H(softmax(logits / temperature)) / log(classes), in [0, 1]; float64 [N]."""
    p = softmax(outputs.logits, temperature)
    surprise = np.log(p, out=np.zeros_like(p), where=p > 0)  # 0 log 0 = 0
    certainty: NDArray[np.float64] = 1 + (p * surprise).sum(axis=1) / np.log(p.shape[1])
    return certainty.clip(0, 1)  # against rounding
