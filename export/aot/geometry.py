"""Shapes of sliding windows: where the padding of SAME and VALID falls, and the checks every image operator needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.graph import GraphError, Tensor

SAME = 0  # Padding of the schema


@dataclass(frozen=True)
class Window:
    """A sliding window over an image; sizes as (y, x). `pad` is what precedes the image: the rest follows from
    sizes."""

    input: tuple[int, int]
    output: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]

    @property
    def padded(self) -> bool:
        """Whether any position of the window reaches outside the image."""
        return any(
            pad > 0 or (output - 1) * stride - pad + (kernel - 1) * dilation >= size
            for size, output, kernel, stride, dilation, pad in zip(
                self.input, self.output, self.kernel, self.stride, self.dilation, self.pad, strict=True
            )
        )

    def fields(self) -> dict[str, int]:
        """The parameters that the C kernels share."""
        return {
            "input_height": self.input[0],
            "input_width": self.input[1],
            "output_height": self.output[0],
            "output_width": self.output[1],
            "kernel_height": self.kernel[0],
            "kernel_width": self.kernel[1],
            "stride_y": self.stride[0],
            "stride_x": self.stride[1],
            "pad_top": self.pad[0],
            "pad_left": self.pad[1],
        }

    def overlap(self, input_channels: int, output_channels: int, group: int, whole: bool) -> int:
        """How many bytes an output written pixel by pixel must start before the input (`Node.overlaps`).

        A channel is a byte here. Outputs are written `group` pixels at a time. With `whole` a group is written after all that it needs was read;
        without, every channel of a pixel is read until the pixel's last channel is written.
        """
        pixels = self.output[0] * self.output[1]
        rows, columns = np.divmod(np.arange(pixels), self.output[1])
        first = [
            np.clip(place * stride - pad, 0, size - 1)
            for place, stride, pad, size in zip((rows, columns), self.stride, self.pad, self.input, strict=True)
        ]
        # The lowest byte that this pixel or any later one still reads.
        lowest = np.minimum.accumulate(((first[0] * self.input[1] + first[1]) * input_channels)[::-1])[::-1]
        written = np.minimum(np.arange(group, pixels + group, group), pixels) * output_channels
        needed = lowest[group::group] if whole else lowest[::group]
        return int((written[: len(needed)] - needed).max(initial=-self.input[0] * self.input[1] * input_channels))


def window(source: Tensor, output: Tensor, kernel: tuple[int, int], options: Mapping[str, Any]) -> Window:
    """Window of an operator over one NHWC image. Raises GraphError if the shapes do not fit together."""
    if len(source.shape) != 4 or len(output.shape) != 4 or source.shape[0] != 1 or output.shape[0] != 1:
        raise GraphError(f"shapes {source.shape} to {output.shape}, expected one image (1, height, width, channels).",
                         "Export with a batch of one.")  # fmt: skip
    stride = (int(options["StrideH"]), int(options["StrideW"]))
    dilation = (int(options.get("DilationHFactor", 1)), int(options.get("DilationWFactor", 1)))
    if (
        min(*stride, *dilation, *kernel) < 1
        or max(*source.shape, *output.shape, *kernel, *stride, *dilation) >= 1 << 15
    ):
        raise GraphError(f"stride {stride}, dilation {dilation}, kernel {kernel} or a shape is out of range.",
                         "Use values from 1 to 32767.")  # fmt: skip
    pads = []
    for axis in (0, 1):
        size, found = source.shape[1 + axis], output.shape[1 + axis]
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        same = options["Padding"] == SAME
        expected = -(-size // stride[axis]) if same else (size + stride[axis] - extent) // stride[axis]
        if found != expected:
            raise GraphError(f"output size {found} along axis {1 + axis}, expected {expected}.",
                             "Make the file again with the converter that wrote it.")  # fmt: skip
        pads.append(max(0, (found - 1) * stride[axis] + extent - size) // 2)
    return Window(
        (source.shape[1], source.shape[2]),
        (output.shape[1], output.shape[2]),
        kernel,
        stride,
        dilation,
        (pads[0], pads[1]),
    )
