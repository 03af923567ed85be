"""Whether a probability means what it says: the reliability diagram, and the calibration error that sums it up.

    bins = reliability(probabilities, correct)              15 bins of equal width
    bins = reliability(probabilities, correct, equal_mass=True)     15 bins of equally many samples
    error(bins)

Sources: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equations 2, 3 (ECE, 15 bins); Nixon et al.,
"Measuring Calibration in Deep Learning", CVPR workshops 2019, section 4 (bins of equally many samples, the adaptive
error).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 15  # Guo et al., section 5


@dataclass(frozen=True)
class Bins:
    """The bins that hold a sample, by rising probability; `confidence` and `accuracy` are means over a bin; all are
    [M]."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    samples: NDArray[np.int64]


def reliability(
    probabilities: NDArray[Any], correct: NDArray[np.bool_], bins: int = BINS, *, equal_mass: bool = False
) -> Bins:
    """Probabilities [N] in [0, 1] of having answered right, beside the share that was right.

    Bins of equal width are (i / bins, (i + 1) / bins], the first with 0. Bins of equal mass differ by one sample at
    most.
    """
    order = np.argsort(probabilities, kind="stable")
    if equal_mass:
        parts = np.array_split(order, bins)
    else:
        edges = np.linspace(0, 1, bins + 1)[1:-1]
        parts = np.split(order, np.searchsorted(probabilities[order], edges, side="right"))
    held = [part for part in parts if len(part)]
    return Bins(
        np.array([np.mean(probabilities[part], dtype=np.float64) for part in held]),
        np.array([np.mean(correct[part]) for part in held]),
        np.array([len(part) for part in held]),
    )


def error(bins: Bins) -> float:
    """The mean over all samples of |accuracy - confidence| of their bin."""
    return float(np.average(np.abs(bins.accuracy - bins.confidence), weights=bins.samples))
