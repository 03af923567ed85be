"""Any labelled images or sequences in a NumPy archive: `set = "npz"`, `file = "mine.npz"`.

The archive holds

    x        [N, H, W] or [N, C, H, W], uint8 in 0 .. 255 or floating point in `low` .. `high` (0 .. 1 by default)
             sequences are [N, T, d]: a row is a time step
    y        [N] integers, 0 .. classes - 1
    classes  [classes] names; optional, by default the numbers themselves
"""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataSet
from train.data.unit import to_unit
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data

MAKE: Final = 'Make it with `numpy.savez("mine.npz", x=images, y=labels)`: x [N, H, W] or [N, C, H, W], y [N] integers.'


def load(config: "Data") -> DataSet:
    """Read and check the archive. Raises TrainError naming the file, what was found and what was expected."""
    path = Path(str(config.file))
    arrays = _read(path)
    images, labels = _images(path, arrays["x"], config), arrays["y"]
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise TrainError(
            f"{path}: y is {labels.dtype} {list(labels.shape)}, expected integers [{len(images)}] as x has.", MAKE
        )
    count = int(labels.max()) + 1
    classes = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else tuple(map(str, range(count)))
    if labels.min() < 0 or count > len(classes) or len(classes) < 2:
        raise TrainError(
            f"{path}: y ranges over {labels.min()} .. {labels.max()} with {len(classes)} class names, expected two "
            "or more classes and y in 0 .. classes - 1.",
            MAKE,
        )
    return DataSet(path.stem, images, labels.astype(np.int64), classes)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("a single array, not an archive")
        with opened as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise TrainError(f"{path}: no such file, expected an NPZ archive.", "Correct `file` under [data].") from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise TrainError(f"{path}: not an NPZ archive ({error}).", MAKE) from None
    for name in ("x", "y"):
        if name not in arrays:
            raise TrainError(f"{path}: holds {sorted(arrays)}, expected arrays named 'x' and 'y'.", MAKE)
    return arrays


def _images(path: Path, x: NDArray[Any], config: "Data") -> NDArray[np.float32]:
    """float32 [N, C, H, W] in [0, 1]."""
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or x.size == 0:
        raise TrainError(f"{path}: x has the shape {list(x.shape)}, expected [N, H, W] or [N, C, H, W].", MAKE)
    if x.dtype == np.uint8:
        return x.astype(np.float32) / 255
    if not np.issubdtype(x.dtype, np.floating):
        raise TrainError(f"{path}: x is {x.dtype}, expected uint8 or floating point.", MAKE)
    return to_unit(x, f"{path}: x", config)
