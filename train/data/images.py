"""Any images by class, in a folder or a .zip: `set = "images"`, `file = "mine"` or `file = "mine.zip"`.

    mine/cat/1.png  mine/cat/2.jpg  mine/dog/1.png ...                      split = "random"
    mine/train/cat/1.png  mine/train/dog/1.png  mine/test/cat/2.png ...     or split = "own", which tests on mine/test

Classes are the folders' names in alphabetical order; PNG and JPEG files lie directly in them. A folder that holds all
of it may lie around it in the archive. What is not at `file` is looked for by its name in the folder that DEMUR_DATA
names.

All images must be of one size, unless `height` and `width` are given, to which they are then fitted; `colour` is "rgb"
or "grey", `fit` is "crop" or "stretch" (contract.image). Images stay bytes, a quarter of what they would take as
float32.

They are kept in `build/images/`, named after settings and files, so the next run of the same data starts at once.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.image import COLOURS, DEEP, prepare
from contract.progress import Progress
from train.data.dataset import DataSet
from train.data.download import beside
from train.errors import TrainError

if TYPE_CHECKING:
    from PIL.Image import Image

    from train.config import Data

CACHE: Final = Path("build/images")
SUFFIXES: Final = (".png", ".jpg", ".jpeg")
PARTS: Final = ("train", "test")
FORM: Final = (
    "Give a folder or .zip with one subfolder of PNG or JPEG files for each class, alone or in train/ and test/."
)


@dataclass(frozen=True)
class Found:
    """An image by the name of its file, its class, and whether it lies in test/."""

    name: str
    class_name: str
    test: bool


class Files(Protocol):
    """Names of all files and folders of a folder or an archive, a folder's ending with /; what is in one of them; and a
    mark of it that is another one if the file is changed."""

    names: list[str]

    def read(self, name: str) -> bytes: ...

    def mark(self, name: str) -> str: ...


def load(config: "Data") -> DataSet:
    """Read all images. Raises TrainError naming the file, the class or the size that is not as it must be."""
    path = _locate(Path(str(config.file)))
    with _open(path) as files:
        found = _classify(path, files.names)
        classes = sorted({image.class_name for image in found})
        images = _kept_pixels(path, files, found, config)
    own = np.array([image.test for image in found])
    return DataSet(
        name=path.stem,
        images=images,
        labels=np.array([classes.index(image.class_name) for image in found], dtype=np.int64),
        classes=tuple(classes),
        own_test=own if own.any() else None,
    )


def _locate(path: Path) -> Path:
    if path.exists():
        return path
    if local := beside(path.name):
        return local
    raise TrainError(f"{path}: no such folder or archive, and {path.name} is not in DEMUR_DATA either.",
                     "Correct `file` under [data].")  # fmt: skip


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        paths = sorted(path.rglob("*"))
        self.names = [item.relative_to(path).as_posix() + "/" * item.is_dir() for item in paths]

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def mark(self, name: str) -> str:
        status = (self._path / name).stat()
        return f"{status.st_size} {status.st_mtime_ns}"


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = sorted(archive.namelist())

    def read(self, name: str) -> bytes:
        return self._archive.read(name)

    def mark(self, name: str) -> str:
        return f"{self._archive.getinfo(name).file_size} {self._archive.getinfo(name).CRC}"


@contextmanager
def _open(path: Path) -> Iterator[Files]:
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield _Archive(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise TrainError(f"{path}: cannot be read as a .zip archive ({error}).", FORM) from None


def _classify(path: Path, names: Sequence[str]) -> list[Found]:
    """Every image's class, in the order of the names. Hidden files, and what systems put into archives, are passed
    over."""
    places = [(name, PurePosixPath(name).parts) for name in names]
    places = [(name, parts) for name, parts in places if not any(part.startswith((".", "__")) for part in parts)]
    root = _around([parts for name, parts in places if not name.endswith("/")])
    places = [(name, parts[root:]) for name, parts in places if len(parts) > root]
    split = {parts[0] for _, parts in places} == set(PARTS)
    depth = 1 + split  # of a class's folder

    found = [
        Found(name, parts[depth - 1], test=split and parts[0] == "test")
        for name, parts in places
        if len(parts) == depth + 1 and parts[-1].lower().endswith(SUFFIXES)
    ]
    folders = {parts[:depth] for name, parts in places if len(parts) > depth - (name[-1] == "/")}
    counts = dict.fromkeys(sorted(folders), 0)
    for image in found:
        counts[("test" if image.test else "train", image.class_name) if split else (image.class_name,)] += 1
    classes = {image.class_name for image in found}
    if len(classes) < 2:
        raise TrainError(f"{path}: {len(found)} images in {len(classes)} classes, expected two classes or more.", FORM)
    for folder, count in counts.items():
        if not count:
            raise TrainError(f"{path}: class {'/'.join(folder)} has no PNG or JPEG file.",
                             "Put images directly in it, or remove it.")  # fmt: skip
    if split and (missing := sorted({image.class_name for image in found if image.test}
                                    - {image.class_name for image in found if not image.test})):  # fmt: skip
        raise TrainError(f"{path}: test/ has the classes {', '.join(missing)}, which train/ lacks.",
                         "Put images of them in train/, or remove them from test/.")  # fmt: skip
    return found


def _around(files: Sequence[tuple[str, ...]]) -> int:
    """How many folders lie around everything: those that all files share, the folder of a class excepted."""
    shared = 0
    while files and all(len(parts) > shared + 2 for parts in files) and len({parts[shared] for parts in files}) == 1:
        shared += 1
    return shared


def _kept_pixels(path: Path, files: Files, found: Sequence[Found], config: "Data") -> NDArray[np.uint8]:
    """uint8 [N, C, H, W]: those of an earlier run, or read and kept for the next one."""
    settings = (config.height, config.width, config.colour, config.fit)
    made_by = repr((settings, [(item.name, files.mark(item.name)) for item in found]))
    kept = CACHE / f"{hashlib.sha256(made_by.encode()).hexdigest()[:32]}.npy"
    try:
        loaded: NDArray[np.uint8] = np.load(kept)
        return loaded
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        pass  # not there, or damaged: made again
    images = _pixels(path, files, found, config)
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(fresh, images)
        fresh.replace(kept)  # whole or not at all: several runs may read the same data at once
    except OSError:
        pass  # a folder that cannot be written costs time, not the result
    return images


def _pixels(path: Path, files: Files, found: Sequence[Found], config: "Data") -> NDArray[np.uint8]:
    """uint8 [N, C, H, W]."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise TrainError("Pillow: not installed.", 'Run: pip install -e ".[train]"') from None

    size = (config.width, config.height) if config.width and config.height else None
    images: NDArray[np.uint8] | None = None
    with Progress("read images", len(found)) as progress:
        for index, item in enumerate(found):
            name = f"{path}:{item.name}" if path.is_file() else str(path / item.name)
            try:
                with Image.open(io.BytesIO(files.read(item.name))) as image:
                    fitted = _fit(image, name, size, config)
                    size = size or fitted.size
                    pixels = np.asarray(fitted, dtype=np.uint8)
            except (OSError, SyntaxError, ValueError, zipfile.BadZipFile, Image.DecompressionBombError) as error:
                raise TrainError(f"{name}: not an image that can be read ({error}).", "Replace or remove it.") from None
            if fitted.size != size:
                raise TrainError(
                    f"{name}: {fitted.width}x{fitted.height} pixels (width x height), expected {size[0]}x{size[1]} as the "
                    "images before it have.",
                    "Set height and width under [data], to which all images then are fitted.",
                )
            if images is None:
                images = np.empty((len(found), len(COLOURS[str(config.colour)]), size[1], size[0]), dtype=np.uint8)
            images[index] = pixels if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
            progress.advance()
    assert images is not None  # there are two classes at least
    return images


def _fit(image: "Image", name: str, size: tuple[int, int] | None, config: "Data") -> "Image":
    if image.mode.startswith(DEEP):
        raise TrainError(f"{name}: more than 8 bits for each pixel (Pillow's mode {image.mode}).",
                         "Convert it to an 8-bit PNG or JPEG.")  # fmt: skip
    return prepare(image, str(config.colour), size if config.height else None, str(config.fit))
