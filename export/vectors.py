"""vectors.npz: the test split with the answers of the TensorFlow Lite Micro interpreter and of the gate.

    input      int8 [N, H, W, C]     codes of the images; of sequences int8 [N, T, frame]
    output     int8 [N, classes]     codes of the logits; after each frame int8 [N, T, classes]
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


def render(
    codes: NDArray[np.int8], logits: NDArray[np.int8], labels: NDArray[np.int64], decisions: Decisions, in_time: bool
) -> bytes:
    """Content of vectors.npz, from logits [N, T, classes]. With `in_time` samples are sequences."""
    arrays: dict[str, NDArray[Any]] = {
        "input": codes,
        "output": logits if in_time else logits[:, 0],
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
