"""scikit-learn's bundled handwritten digits: 1797 grey images of 8x8, ten classes, nothing to download.

Source: the test part of the UCI "Optical Recognition of Handwritten Digits" data set (Alpaydin and Kaynak, 1998), where
each pixel counts the ink dots of a 4x4 block, hence 0 .. 16.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from train.data.dataset import DataSet

if TYPE_CHECKING:
    from train.config import Data

MAX_PIXEL: Final = 16  # dots in a 4x4 block


def load(config: "Data") -> DataSet:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return DataSet(
        name=config.set,
        images=(bunch.images[:, None] / MAX_PIXEL).astype(np.float32),  # [N, 1, 8, 8]
        labels=bunch.target.astype(np.int64),
        classes=tuple(str(name) for name in bunch.target_names),
    )
