"""CIFAR-100: as CIFAR-10 (`train.data.cifar10`), in 100 classes of 600 images each; `cifar-100-python.tar.gz`, 169
MB."""

from typing import TYPE_CHECKING, Final

from train.data import cifar
from train.data.dataset import DataSet
from train.data.download import Download

if TYPE_CHECKING:
    from train.config import Data

ARCHIVE: Final = Download(
    file="cifar-100-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    bytes=169_001_437,
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",  # as Keras has it
)


def load(config: "Data") -> DataSet:
    """Find or download the archive and read it. Raises TrainError if it cannot be had or is another one."""
    return cifar.read(config.set, ARCHIVE, ("train",), ("test",), "fine_labels", ("meta", "fine_label_names"))
