"""Softmax response: the largest softmax probability.

Source: Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017, section 3. The board's
integer version is `contract.gate.softmax_response`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scores(logits: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """max_i softmax(logits / temperature)_i, of logits [N, classes], in (0, 1]; float64 [N]."""
    top = logits.max(axis=1, keepdims=True)
    exponentials = np.exp((logits.astype(np.float64) - top) / temperature)
    response: NDArray[np.float64] = 1 / exponentials.sum(axis=1)  # the largest of them is exp(0) = 1
    return response
