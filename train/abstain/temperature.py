"""Temperature scaling: the one number T that makes softmax(logits / T) fit the labels best.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Dividing by T never changes the
predicted class; with more than two classes it does change the order of samples by softmax response, so the threshold is
chosen after it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LOWEST: Final = 0.05
HIGHEST: Final = 20.0
HALVINGS: Final = 60  # of log(HIGHEST / LOWEST) = 6: ends below the spacing of doubles


def negative_log_likelihood(logits: NDArray[Any], labels: NDArray[np.int64], temperature: float) -> float:
    """Mean of -log softmax(logits / temperature)[label], of logits [N, classes] and labels [N], in nats."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]))


def fit(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """The temperature in LOWEST .. HIGHEST of the least negative log-likelihood, for validation logits [N, classes].

    The negative log-likelihood is convex in 1/T, so its slope has one root, which bisection on log T finds. Without a
    single error the best fit would be T = 0, an endless confidence that no split of finite size justifies; then it is
    1.
    """
    if np.all(logits.argmax(axis=1) == labels):
        return 1.0
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _slope(logits, labels, np.exp(-middle)) > 0:  # 1/T is too large
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def _slope(logits: NDArray[Any], labels: NDArray[np.int64], inverse: float) -> float:
    """d NLL / d(1/T): the expected logit under the softmax, minus the logit of the label."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted * inverse)
    expected = (weights * shifted).sum(axis=1) / weights.sum(axis=1)
    return float(np.mean(expected - shifted[np.arange(len(labels)), labels]))
