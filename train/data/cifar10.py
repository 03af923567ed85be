"""CIFAR-10: 60,000 colour photographs of 32x32 in ten classes, 10,000 of which are its own test split (170 MB to
download).

The archive is `cifar-10-python.tar.gz` in the folder that the environment variable DEMUR_DATA names, if it is there;
otherwise it is downloaded once, into the user's cache. `train.data.cifar` tells what is in it. `split = "own"` with
`validation = 0.083333` gives 45,000 samples to train on, 5,000 to choose thresholds and 10,000 to test.
"""

from typing import TYPE_CHECKING, Final

from train.data import cifar
from train.data.dataset import DataSet
from train.data.download import Download

if TYPE_CHECKING:
    from train.config import Data

ARCHIVE: Final = Download(
    file="cifar-10-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    bytes=170_498_071,
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",  # as Keras has it
)
TRAIN: Final = tuple(f"data_batch_{number}" for number in range(1, 6))


def load(config: "Data") -> DataSet:
    """Find or download the archive and read it. Raises TrainError if it cannot be had or is another one."""
    return cifar.read(config.set, ARCHIVE, TRAIN, ("test_batch",), "labels", ("batches.meta", "label_names"))
