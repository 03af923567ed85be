"""Two int8 weights in a halfword, two halfwords in a word: the layout that the packed kernels share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def halfwords(weights: NDArray[Any]) -> NDArray[np.int64]:
    """Words [pair of outputs, pair of inputs] from int8 weights [output, input], both counts even, inputs a multiple of
    4.

    A halfword holds 256 * wa + wb of outputs a and b. The inputs of four are paired (0, 2) and (1, 3), as SXTB16 leaves
    them.
    """
    outputs = len(weights)
    ordered = weights.astype(np.int64).reshape(outputs, -1, 2, 2).transpose(0, 1, 3, 2).reshape(outputs, -1)
    halves = (256 * ordered[0::2] + ordered[1::2]) & 0xFFFF
    return np.asarray(halves[:, 0::2] | halves[:, 1::2] << 16, np.int64)
