"""Softmax response: the largest softmax probability.

Source: Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017, section 3. The board's
integer version is `contract.gate.softmax_response`. On a network trained by One-Sided Prediction this is that rule's
own score: accept if max_k f_k is at least the threshold.
"""

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """max_i softmax(logits / temperature)_i, in (0, 1]; float64 [N]."""
    top = outputs.logits.max(axis=1, keepdims=True)
    exponentials = np.exp((outputs.logits.astype(np.float64) - top) / temperature)
    response: NDArray[np.float64] = 1 / exponentials.sum(axis=1)  # the largest of them is exp(0) = 1
    return response
