"""When to abstain: a score says how sure the base model is, a threshold decides, the risk-coverage curve judges.

A sample is accepted if its score is at least the threshold. A new score is one file with a function
`(logits [N, classes], temperature) -> scores [N]`, higher meaning surer, and one line in `SCORES`; its integer twin for
the board is in `contract.gate`.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import softmax_response as on_board
from train.abstain import softmax_response

SCORES: Final[dict[str, Callable[[NDArray[Any], float], NDArray[np.float64]]]] = {
    on_board.NAME: softmax_response.scores,
}
