"""The digits of `train.data.digits` pixel by pixel, in reading order: sequences of 64 steps of one value."""

import dataclasses
from typing import TYPE_CHECKING

from train.data import digits
from train.data.dataset import DataSet

if TYPE_CHECKING:
    from train.config import Data


def load(config: "Data") -> DataSet:
    by_row = digits.load(config)
    return dataclasses.replace(by_row, images=by_row.images.reshape(len(by_row.images), 1, -1, 1))
