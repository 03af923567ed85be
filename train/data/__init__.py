"""Data sets as arrays, and their fixed splits.

    data = load(config.data)
    parts = splits(data, config.data)

A new data set is one file with a `load(config) -> DataSet`, and one line in `SETS`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from train.data import digits, npz
from train.data.dataset import DataSet
from train.data.split import Splits, load_splits, save_splits, splits

if TYPE_CHECKING:
    from train.config import Data

__all__ = ["SETS", "DataSet", "Splits", "load", "load_splits", "save_splits", "splits"]

SETS: Final[dict[str, "Callable[[Data], DataSet]"]] = {
    "digits": digits.load,
    "npz": npz.load,
}


def load(config: "Data") -> DataSet:
    """The data set that `config.set` names. Raises TrainError if its file is missing or does not hold what it must."""
    return SETS[config.set](config)
