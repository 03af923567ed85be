"""The digits of `train.data.digits` under Gaussian noise: a task on which a small model errs often enough to be told to
ask.

The noise belongs to the data set, test samples included: it is drawn once, from a fixed seed, and pixels stay in 0 ..
1. It is `train.augment` that draws anew for every batch.
"""

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from train.data import digits
from train.data.dataset import DataSet

if TYPE_CHECKING:
    from train.config import Data

SEED: Final = 0


def load(config: "Data") -> DataSet:
    clean = digits.load(config)
    assert config.noise is not None  # train.config fills it in
    noise = config.noise * np.random.default_rng(SEED).standard_normal(clean.images.shape, dtype=np.float32)
    return dataclasses.replace(clean, images=np.clip(clean.images + noise, 0, 1, dtype=np.float32))
