"""Router: the probability to keep the sample that a second, small network gives, from the base's logits and features.

Source: Kag et al., "Efficient Edge Inference by Selective Query", ICLR 2023; the networks are in `train.routers`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs
from train.abstain.sigmoid import sigmoid
from train.errors import TrainError

NAME: Final = "router"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """sigmoid(what the router says), in [0, 1]; float64 [N]. `temperature` is not used: it is in what the router saw.

    Raises TrainError if nothing was routed."""
    if outputs.router is None:
        raise TrainError(
            f"score {NAME!r}: these outputs have no router's answer, expected a run with [hybrid].",
            "Take another score.",
        )
    return sigmoid(outputs.router)
