"""Whole networks against the interpreter: what single operators cannot show is whether buffers survive their
neighbours."""

from pathlib import Path

import numpy as np

from native_c import differing
from tflite_builder import Builder, options, schema

RELU = schema.ActivationFunctionType.RELU


def separable(rng: np.random.Generator) -> bytes:
    """A MobileNet in miniature: depthwise layers of stride 1 and 2 between pointwise ones that widen and narrow."""
    build = Builder()
    size, depth, scale = int(rng.integers(7, 15)), int(rng.integers(1, 9)), 0.05
    source = tensor = build.tensor("in", (1, size, size, depth), "int8", scale, -128)
    for layer in range(int(rng.integers(3, 7))):
        pointwise = layer % 2 == 1
        channels = int(rng.integers(2, 20)) if pointwise else depth
        stride = 1 if pointwise else int(rng.integers(1, 3))
        out = -(-size // stride)
        shape = (channels, 1, 1, depth) if pointwise else (1, 3, 3, channels)
        spread = 0.05 / np.sqrt(depth if pointwise else 9)
        scales = rng.uniform(spread / 3, spread, channels).tolist()
        weights = build.tensor(f"w{layer}", shape, "int8", scales, 0, 0 if pointwise else 3,
                               rng.integers(-127, 128, shape))  # fmt: skip
        bias = build.tensor(f"b{layer}", (channels,), "int32", [scale * s for s in scales], 0, 0,
                            rng.integers(-2000, 2000, channels))  # fmt: skip
        target = build.tensor(f"t{layer}", (1, out, out, channels), "int8", 0.05, -128)
        fields = {"padding": schema.Padding.SAME, "strideH": stride, "strideW": stride, "dilationHFactor": 1,
                  "dilationWFactor": 1, "fusedActivationFunction": RELU}  # fmt: skip
        if pointwise:
            build.operator("CONV_2D", [tensor, weights, bias], [target], options("Conv2DOptions", **fields))
        else:
            build.operator("DEPTHWISE_CONV_2D", [tensor, weights, bias], [target],
                           options("DepthwiseConv2DOptions", depthMultiplier=1, **fields))  # fmt: skip
        tensor, size, depth = target, out, channels
    return build.bytes([source], [tensor])


def test_buffers_survive_their_neighbours(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    assert differing([separable(rng) for _ in range(16)], tmp_path, rng, runs=3) == {}
