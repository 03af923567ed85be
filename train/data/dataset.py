"""What a data set is to the rest of the project."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DataSet:
    """Labelled images: `images` float32 [N, C, H, W] in [0, 1], `labels` int64 [N] indexing `classes`."""

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: channels, height, width."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width
