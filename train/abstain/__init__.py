"""When to abstain: a score says how sure the base model is, a threshold decides, the risk-coverage curve judges.

A sample is accepted if its score is at least the threshold. A new score is one file with a function `(outputs,
temperature) -> scores [N]` in [0, 1], higher meaning surer, and one line in `SCORES`; its integer twin for the board is
in `contract.gate`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import softmax_response as on_board
from train.abstain import entropy, head, margin, normalised_max_logit, reservation, router, softmax_response
from train.abstain.outputs import Outputs

Score = Callable[[Outputs, float], NDArray[np.float64]]

SCORES: Final[dict[str, Score]] = {
    on_board.NAME: softmax_response.scores,
    margin.NAME: margin.scores,
    entropy.NAME: entropy.scores,
    normalised_max_logit.NAME: normalised_max_logit.scores,
    reservation.NAME: reservation.scores,
    head.NAME: head.scores,
    router.NAME: router.scores,
}
