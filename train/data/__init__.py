"""Data sets as arrays, and their fixed splits.

    data = load(config.data)
    parts = splits(data, config.data)

A new data set is one file with a `load(config) -> DataSet`, and one line in `SETS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contract.image import COLOURS, FITS
from contract.log_mel import LogMel
from train.data import add, cifar10, cifar100, csv, digits, digits_noisy, digits_pixels, images, npz, spoken_digits, wav
from train.data.dataset import DataSet
from train.data.split import SPLITS, Splits, load_splits, save_splits, splits

if TYPE_CHECKING:
    from train.config import Data

__all__ = [
    "COLOURS", "FITS", "KEYS", "SETS", "SPLITS", "DataSet", "Source", "Splits", "load", "load_splits", "save_splits",
    "splits",
]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: `keys` are those under [data] that it takes, with defaults; None must be given."""

    load: "Callable[[Data], DataSet]"
    keys: Mapping[str, Any] = field(default_factory=dict)


SETS: Final[dict[str, Source]] = {
    "digits": Source(digits.load),
    "digits_noisy": Source(digits_noisy.load, {"noise": 0.3}),
    "digits_pixels": Source(digits_pixels.load),
    "npz": Source(npz.load, {"file": None, "low": 0.0, "high": 1.0}),
    "csv": Source(csv.load, {"file": None, "low": 0.0, "high": 1.0}),
    "wav": Source(wav.load, {"file": None, "features": LogMel()}),
    "spoken_digits": Source(spoken_digits.load, {"features": LogMel()}),
    "cifar10": Source(cifar10.load),
    "cifar100": Source(cifar100.load),
    "images": Source(images.load, {"file": None, "height": 0, "width": 0, "colour": "rgb", "fit": "crop"}),
    "add": Source(add.load, {"steps": 200, "samples": 20_000}),
}
KEYS: Final = tuple(dict.fromkeys(key for source in SETS.values() for key in source.keys))


def load(config: "Data") -> DataSet:
    """The data set that `config.set` names. Raises TrainError if its file is missing or does not hold what it must."""
    return SETS[config.set].load(config)
