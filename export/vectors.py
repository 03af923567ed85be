"""vectors.npz: the test split with the answers of the TensorFlow Lite Micro interpreter and of the gate.

    input      int8 [N, H, W, C]     codes of the images
    output     int8 [N, classes]     codes of the logits
    label      int64 [N]
    predicted  uint8 [N]             class of the largest logit
    score      uint16 [N]            score code
    accepted   bool [N]              score >= threshold

The compiled C, the firmware and the host are held to every byte of it. The same arrays give the same file.
"""

import io

import numpy as np
from numpy.typing import NDArray

from export.gate import Decisions


def render(codes: NDArray[np.int8], logits: NDArray[np.int8], labels: NDArray[np.int64], decisions: Decisions) -> bytes:
    """Content of vectors.npz."""
    content = io.BytesIO()
    np.savez(
        content,
        input=codes,
        output=logits,
        label=labels,
        predicted=decisions.predicted,
        score=decisions.score,
        accepted=decisions.accepted,
    )
    return content.getvalue()
