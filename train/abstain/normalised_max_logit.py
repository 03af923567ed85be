"""The largest logit above their mean, divided by the length of the vector of logits: sure is what stands out.

It needs no temperature, as it does not change when all logits are scaled or shifted alike.
Source: Cattelan and Silva, "How to Fix a Broken Confidence Estimator", UAI 2024: their maximum of centred, p-normalised
logits, with p = 2, where they choose p on held-out samples.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs

NAME: Final = "normalised_max_logit"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """max_i d_i / |d|_2 with d = logits - mean(logits), in [0, 1), 0 if all logits are equal; float64 [N].

    `temperature` is not used."""
    logits = outputs.logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)  # so that the mean of equal logits is what they are, without rounding
    above = logits - logits.mean(axis=1, keepdims=True)
    length = np.sqrt((above**2).sum(axis=1))
    return np.divide(above.max(axis=1), length, out=np.zeros(len(logits)), where=length > 0)
