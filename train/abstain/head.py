"""The gate of a model that has one: the probability to keep the sample, as SelectiveNet's g and AppealNet's q are."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs
from train.abstain.sigmoid import sigmoid
from train.errors import TrainError

NAME: Final = "head"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """sigmoid(gate), in [0, 1]; float64 [N]. `temperature`, which is the logits', is not used.

    Raises TrainError if the model has no gate."""
    if outputs.gate is None:
        raise TrainError(
            f"score {NAME!r}: the model has no gate, expected one trained with selective_net or appeal_net.",
            "Take another score, or such a loss.",
        )
    return sigmoid(outputs.gate)
