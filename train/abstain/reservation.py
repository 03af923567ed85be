"""What a model trained as Deep Gamblers leaves for its bets: 1 minus the probability of its extra class, "abstain".

Source: Liu et al., "Deep Gamblers: Learning to Abstain with Portfolio Theory", NeurIPS 2019.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.outputs import Outputs
from train.abstain.softmax import softmax
from train.errors import TrainError

NAME: Final = "reservation"


def scores(outputs: Outputs, temperature: float) -> NDArray[np.float64]:
    """1 - p_abstain of the softmax over all classes + 1 logits / temperature, in [0, 1]; float64 [N].

    Raises TrainError if the model has no extra class."""
    if outputs.abstain is None:
        raise TrainError(
            f"score {NAME!r}: the model has no extra class, expected one trained with deep_gamblers.",
            "Take another score, or that loss.",
        )
    everything = np.concatenate([outputs.logits, outputs.abstain[:, np.newaxis]], axis=1)
    kept: NDArray[np.float64] = softmax(everything, temperature)[:, :-1].sum(axis=1)  # 1 - p would round to 0 sooner
    return np.clip(kept, 0, 1)
