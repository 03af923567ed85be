"""Sums over as many pixels as halfwords hold, and more: four channels at a time, and the ones that remain."""

from pathlib import Path

import numpy as np
import pytest

from native_c import differing
from tflite_builder import Builder, options, schema


def average(size: int, channels: int) -> bytes:
    build = Builder()
    source = build.tensor("in", (1, size, size, channels), "int8", 0.5, 3)
    out = build.tensor("out", (1, 1, 1, channels), "int8", 0.5, 3)
    build.operator("AVERAGE_POOL_2D", [source], [out], options(
        "Pool2DOptions", padding=schema.Padding.VALID, strideH=1, strideW=1, filterHeight=size, filterWidth=size))  # fmt: skip
    return build.bytes([source], [out])


def mean(size: int, channels: int) -> bytes:
    build = Builder()
    source = build.tensor("in", (1, size, size, channels), "int8", 0.5, 3)
    axes = build.tensor("axes", (2,), "int32", data=np.array([1, 2]))
    out = build.tensor("out", (1, channels), "int8", 0.4, -7)
    build.operator("MEAN", [source, axes], [out], options("ReducerOptions", keepDims=False))
    return build.bytes([source], [out])


@pytest.mark.parametrize("size", [15, 16, 17, 33])
def test_sums_of_many_pixels(size: int, tmp_path: Path) -> None:
    contents = [make(size, channels) for make in (average, mean) for channels in (3, 4, 9)]
    assert differing(contents, tmp_path, np.random.default_rng(size), runs=3) == {}
