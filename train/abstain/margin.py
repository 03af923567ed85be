"""Margin: how far the largest softmax probability is above the second largest."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs
from train.abstain.softmax import softmax

NAME: Final = "margin"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """p_1 - p_2 of the sorted softmax(logits / temperature), in [0, 1]; float64 [N]."""
    ranked = np.sort(softmax(outputs.logits, temperature), axis=1)
    margin: NDArray[np.float64] = ranked[:, -1] - ranked[:, -2]
    return margin
