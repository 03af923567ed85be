"""Images to a model's pixels, the same for training and for a host that streams to the board.

    fitted = prepare(Image.open("cat.jpg"), "rgb", size=(32, 32), fit="crop")

An image is turned as its camera says and loses its transparency; "grey" is Pillow's luma of ITU-R 601-2. `fit = "crop"`
scales it until it covers the size and cuts out its middle, "stretch" scales each axis on its own, both bilinear.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS: Final = {"rgb": "RGB", "grey": "L"}  # Pillow's modes
FITS: Final = ("crop", "stretch")
DEEP: Final = ("I", "F")  # Pillow's modes of more than 8 bits a pixel begin so; it would clip them


def prepare(image: "Image", colour: str, size: tuple[int, int] | None, fit: str) -> "Image":
    """8 bits a pixel, in `colour`, as large as `size`, which is width and height; None leaves the size as it is.

    `image` must not be of a mode that begins with one of DEEP.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    upright = ImageOps.exif_transpose(image).convert(COLOURS[colour])
    if size is None or upright.size == size:
        return upright
    if fit == "crop":
        return ImageOps.fit(upright, size, Resampling.BILINEAR)
    return upright.resize(size, Resampling.BILINEAR)
