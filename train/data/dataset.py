"""What a data set is to the rest of the project."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.log_mel import LogMel

Pixels = NDArray[np.float32] | NDArray[np.uint8]


@dataclass(frozen=True)
class DataSet:
    """Labelled images: `images` [N, C, H, W], float32 in [0, 1] or bytes, and `labels` int64 [N] indexing `classes`.

    Bytes are for large data sets, and 255 of them is 1: `train.data.unit.real` makes float32 of as many as are used at
    once.

    A sequence [T, d] is an image [1, T, d]: a row is a time step. If `labels` are float32 [N], each is a number to be
    predicted, and `classes` holds its name alone.

    Some data sets set samples aside for testing, `own_test` bool [N], or tell who made which, `groups` [N] names; sound
    comes with the settings `features` that made frames of it.
    """

    name: str
    images: Pixels
    labels: NDArray[Any]
    classes: tuple[str, ...]
    own_test: NDArray[np.bool_] | None = None
    groups: NDArray[np.str_] | None = None
    features: LogMel | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: channels, height, width."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def predicts_number(self) -> bool:
        """Whether labels are numbers rather than classes."""
        return bool(np.issubdtype(self.labels.dtype, np.floating))
