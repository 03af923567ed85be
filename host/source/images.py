"""Images, one or a folder of them, fitted to the model's input as its training fits them: `--source pictures/`.

Every file that Pillow reads, also in subfolders, by name; a file's label is its folder's name if that is a class. Files
are read when their turn comes, so that a folder may hold more than fits in memory. A model of images [H, W, 1] gets
them grey, one of [H, W, 3] in colour. Where the run was trained on a folder of images, `fit` is that of its run.toml;
elsewhere it is "crop": contract.image has both.
"""

import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from contract.image import DEEP, FITS, prepare
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.codes import codes_of
from host.errors import HostError
from host.source import Source

try:
    from PIL import Image
except ModuleNotFoundError as missing:
    raise HostError("Pillow is not installed.", "Install it with `pip install -e '.[host]'`.") from missing

COLOUR_OF: Final = {1: "grey", 3: "rgb"}  # by channels


class Fit:
    """From a picture to input codes. `description` says what is done. Raises HostError for a model that takes no
    images."""

    def __init__(self, run: RunFolder, manifest: Manifest) -> None:
        shape = manifest.inputs[0].shape
        if manifest.stream or len(shape) != 4 or shape[3] not in COLOUR_OF:
            kind = "frames of a sequence" if manifest.stream else "inputs"
            raise HostError(
                f"The model of run {manifest.name} takes {kind} of shape {list(shape)}, not images.",
                "Give --source a WAV file or a CSV file of frames, or name the run of a model of images.",
            )
        self._manifest, self._size, self._colour = manifest, (shape[2], shape[1]), COLOUR_OF[shape[3]]
        self._fit = _fit_of(run)
        done = "middle cut out" if self._fit == "crop" else "stretched"
        self.description = f"{self._colour}, {done} to {shape[2]}x{shape[1]}"

    def codes(self, image: "Image.Image") -> bytes:
        """Raises ValueError for more than 8 bits a pixel."""
        if image.mode.startswith(DEEP):
            raise ValueError(f"more than 8 bits for each pixel, Pillow's mode {image.mode}")
        pixels = np.asarray(prepare(image, self._colour, self._size, self._fit), dtype=np.uint8)
        return codes_of(pixels.astype(np.float32) / np.float32(255), self._manifest)


class Images(Source):
    def __init__(self, path: Path, fit: Fit, manifest: Manifest) -> None:
        super().__init__(f"{path} ({fit.description})", sum(1 for _ in _files(path)))
        self._path, self._codes, self._classes = path, fit.codes, manifest.classes
        if not self.count:
            raise HostError(
                f"{path}: holds no image that Pillow reads, and neither do its subfolders.",
                "Name an image, a folder of them, or a folder with one subfolder per class.",
            )

    def samples(self) -> Iterator[Sample]:
        for index, file in enumerate(_files(self._path)):
            if self._closed.is_set():
                return
            folder = file.parent.name if file.parent != self._path and file != self._path else None
            label = self._classes.index(folder) if folder in self._classes else None
            yield Sample(index, label, _read(file, self._codes), str(file))


def load(detail: str, run: RunFolder, manifest: Manifest) -> Images:
    """The image, or the folder, `detail`. Raises HostError naming it and the cause."""
    return Images(Path(detail), Fit(run, manifest), manifest)


def _files(path: Path) -> Iterator[Path]:
    """The images in it, of each folder before its subfolders, by name; hidden ones and those of other kinds are passed
    over."""
    if not path.is_dir():
        yield path
        return
    kinds = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    for folder, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in kinds:
                yield Path(folder, name)


def _read(file: Path, codes: "Callable[[Image.Image], bytes]") -> bytes:
    try:
        with Image.open(file) as image:
            return codes(image)
    except (OSError, SyntaxError, ValueError, NotImplementedError, Image.DecompressionBombError) as error:
        raise HostError(f"{file}: not an image that can be read ({error}).", "Replace or remove it.") from None


def _fit_of(run: RunFolder) -> str:
    """`fit` under [data] of the run's configuration, if it is there."""
    try:
        settings = tomllib.loads(run.config.read_text())
    except (OSError, ValueError):
        return FITS[0]  # the run came without its configuration
    fit = settings.get("data", {}).get("fit")
    return fit if fit in FITS else FITS[0]
