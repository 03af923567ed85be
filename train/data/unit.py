"""Values to the [0, 1] of a data set: `low` .. `high` of the configuration, or bytes, become 0 .. 1."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import Pixels
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data

BYTE: Final = 255  # the greatest


def real(images: Pixels) -> NDArray[np.float32]:
    """A data set's images, or some of them, as float32 in [0, 1]; no copy if they are that already."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(BYTE)
    return images.astype(np.float32, copy=False)


def to_unit(values: NDArray[Any], what: str, config: "Data") -> NDArray[np.float32]:
    """float32 in [0, 1], same shape. Raises TrainError if a value is not finite or lies beyond `low` .. `high`."""
    assert config.low is not None and config.high is not None  # train.config fills them in
    least, greatest = float(values.min()), float(values.max())
    if not (least >= config.low and greatest <= config.high):  # negated, so that NaN is refused as well
        raise TrainError(
            f"{what} ranges over {least:g} .. {greatest:g}, expected finite values in {config.low:g} .. {config.high:g}.",
            "Set low and high under [data] to the least and greatest value that can occur.",
        )
    return ((values - config.low) / (config.high - config.low)).astype(np.float32)
