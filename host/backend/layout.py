"""Where the values of a sample go in a large model's input.

    layout = fit((None, 1, 8, 8), manifest, None, "large.onnx")
    layout.arrange(samples)         # [N, 8, 8, 1] -> [N, 1, 8, 8]

Samples come as host.backend.LargeModel has them: images [N, H, W, C], or sequences [N, T, F] whose frames are the rows
of an image of height T, those of each channel one after the other (F = C * W). What an input may be:

    nhwc    [N, H, W, C], as TensorFlow has it
    nchw    [N, C, H, W], as PyTorch has it, and what `python -m train` saves
    flat    [N, H * W], row by row, of images with one channel
    ntf     [N, T, F], of sequences
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from host.errors import HostError

LAYOUTS: Final = ("nhwc", "nchw", "flat", "ntf")


@dataclass(frozen=True)
class Layout:
    """One of LAYOUTS; `shape` is that of one sample."""

    name: str
    shape: tuple[int, ...]

    def arrange(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples to the model's input [N, *shape], contiguous."""
        if samples.ndim == 3 and self.name in ("nhwc", "nchw"):
            channels = self.shape[0] if self.name == "nchw" else self.shape[-1]
            samples = samples.reshape(*samples.shape[:2], channels, -1).swapaxes(2, 3)
        if self.name == "nchw":
            samples = np.moveaxis(samples, -1, 1)
        return np.ascontiguousarray(samples.reshape(len(samples), *self.shape))


def fit(declared: Sequence[int | None], manifest: Manifest, wanted: str | None, where: str) -> Layout:
    """The layout of an input that is declared as [N, ...], None for any size. `wanted` is one of LAYOUTS, None for
    whichever fits.

    Raises HostError, in which `where` names the model, if none fits, or if several do.
    """
    words = f"{where}: its input is {described(declared)}, and a sample of {manifest.name} is {_sample(manifest)}"
    fitting = [layout for layout in _possible(declared[1:], manifest) if _fits(declared[1:], layout.shape)]
    if not fitting:
        raise HostError(f"{words}.", "Take a model that was trained on such samples.")
    names = [layout.name for layout in fitting]
    if wanted and wanted not in names:
        raise HostError(f"{words}: that is not {wanted}.", f"Say layout={' or layout='.join(names)}, or nothing.")
    if wanted:
        return fitting[names.index(wanted)]
    if len(fitting) > 1:
        raise HostError(
            f"{words}: that fits {' and '.join(names)}.", f"Say which: append ?layout={' or ?layout='.join(names)}."
        )
    return fitting[0]


def described(shape: Sequence[int | None]) -> str:
    """A declared shape in words."""
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def _possible(declared: Sequence[int | None], manifest: Manifest) -> Iterator[Layout]:
    if manifest.stream is None:
        height, width, channels = manifest.inputs[0].shape[1:]
        yield Layout("nhwc", (height, width, channels))
        yield Layout("nchw", (channels, height, width))
        if channels == 1:
            yield Layout("flat", (height * width,))
        return
    steps, size = manifest.stream.steps, manifest.inputs[0].shape[1]
    yield Layout("ntf", (steps, size))
    if len(declared) == 3:  # the manifest does not say of how many channels the frames are: the model does
        if (channels := declared[2] or 0) and size % channels == 0:
            yield Layout("nhwc", (steps, size // channels, channels))
        if (channels := declared[0] or 0) and size % channels == 0:
            yield Layout("nchw", (channels, steps, size // channels))


def _fits(declared: Sequence[int | None], shape: Sequence[int]) -> bool:
    return len(declared) == len(shape) and all(
        size in (None, actual) for size, actual in zip(declared, shape, strict=True)
    )


def _sample(manifest: Manifest) -> str:
    if manifest.stream is None:
        height, width, channels = manifest.inputs[0].shape[1:]
        return f"an image of {height} x {width}, {channels} channel{'s' * (channels > 1)}"
    return f"a sequence of {manifest.stream.steps} frames of {manifest.inputs[0].shape[1]}"
