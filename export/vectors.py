"""vectors.npz: the test split with the answers of the TensorFlow Lite Micro interpreter and of the gate.

    input      int8 [N, H, W, C]     codes of the images; of sequences int8 [N, T, frame]
    output     int8 [N, classes]     codes of the logits; after each frame int8 [N, T, classes]; one more than classes if the
                                     last is a logit of abstaining
    gate, ...  int8 [N, size]        codes of any other output that is no state, by its name; after each frame [N, T, size]
    statistics int8 [N, S]           what a router reads of the logits; after each frame [N, T, S]
    routed     int8 [N, 1]           what it says; after each frame [N, T, 1]
    label      int64 [N]
    predicted  uint8 [N]             class of the largest logit
    score      uint16 [N]            score code
    accepted   bool [N]              score >= threshold

and of sequences

    steps      uint16 [N]            frames until the decision, which predicted, score and accepted are of
    classes    uint8 [N, T]          predicted class after each frame
    scores     uint16 [N, T]         score code after each frame

The compiled C, the firmware and the host are held to every byte of it. The same arrays give the same file.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.gate import Decisions
from export.kind import LOGITS, Answers


def render(
    codes: NDArray[np.int8], answers: Answers, labels: NDArray[np.int64], decisions: Decisions, in_time: bool
) -> bytes:
    """Content of vectors.npz. With `in_time` samples are sequences; `answers` are of the model, and of a router."""
    arrays: dict[str, NDArray[Any]] = {
        "input": codes,
        **{"output" if name == LOGITS else name: said if in_time else said[:, 0] for name, said in answers.items()},
        "label": labels,
        "predicted": decisions.predicted,
        "score": decisions.score,
        "accepted": decisions.accepted,
    }
    if in_time:
        arrays |= {"steps": decisions.steps, "classes": decisions.classes, "scores": decisions.scores}
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
