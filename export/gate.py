"""The gate of an int8 model: table, threshold and what it does, measured on the model that the board runs.

    gate = calibrate("softmax_response", logits, temperature, target, {"validation": (codes, labels), "test": (codes, labels)})
    decisions = decide(gate, codes)

The float threshold of training does not carry over: the board ranks int8 logits. So the threshold is chosen again, on
the validation split and on score codes. The test split is only measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import SCORES, predicted_class, softmax_response
from contract.manifest import Gate, Measured, Tensor

if TYPE_CHECKING:
    from train.abstain.threshold import Target

# Score -> its table of a logit scale and a temperature. A score of contract.gate.SCORES has a line here.
TABLES: Final[dict[str, Callable[[float, float], tuple[int, ...]]]] = {
    softmax_response.NAME: softmax_response.table,
}

CALIBRATED_ON: Final = "validation"


@dataclass(frozen=True)
class Decisions:
    """What the gate makes of N samples: `predicted` uint8 [N], `score` uint16 [N], `accepted` bool [N]."""

    predicted: NDArray[np.uint8]
    score: NDArray[np.uint16]
    accepted: NDArray[np.bool_]


def calibrate(
    score: str,
    output: Tensor,
    temperature: float,
    target: "Target",
    splits: Mapping[str, tuple[NDArray[np.int8], NDArray[np.int64]]],
) -> Gate:
    """The gate on `output`, its threshold chosen on the split named "validation" to meet `target`.

    `splits` are int8 logits [N, classes] and labels [N] by name; the result measures each. Raises TrainError if no
    threshold meets the target.
    """
    from train.abstain import risk_coverage
    from train.abstain.threshold import choose

    table = TABLES[score](output.scale, temperature)
    scored = {name: (_scores(score, table, codes), _predicted(codes) == labels)
              for name, (codes, labels) in splits.items()}  # fmt: skip
    threshold = int(choose(*scored[CALIBRATED_ON], target))
    measured = tuple(
        Measured(name, len(codes), *risk_coverage.measure(codes, correct, threshold))
        for name, (codes, correct) in scored.items()
    )
    return Gate(score, output.name, temperature, table, threshold, {target.key: target.value}, measured)


def decide(gate: Gate, logits: NDArray[np.int8]) -> Decisions:
    """What the board decides for int8 logits [N, classes]."""
    scores = _scores(gate.score, gate.table, logits)
    return Decisions(_predicted(logits), scores, scores >= gate.threshold)


# Lists, because differences of numpy's int8 wrap around.
def _scores(score: str, table: tuple[int, ...], logits: NDArray[np.int8]) -> NDArray[np.uint16]:
    return np.array([SCORES[score](row, table) for row in logits.tolist()], np.uint16)


def _predicted(logits: NDArray[np.int8]) -> NDArray[np.uint8]:
    return np.array([predicted_class(row) for row in logits.tolist()], np.uint8)
