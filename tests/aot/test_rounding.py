"""Where the last bit of a multiplier decides, and scales at the ends of what the kernels take.

The cases of the first kind were found by searching for scales on which float32 and double disagree, then for the codes
that show it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.graph import parse
from export.micro import Micro
from native_c import NativeModel
from tflite_builder import Builder, options, schema

EVERY_INT8 = np.arange(-128, 128, dtype=np.int8)
EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)


def check(content: bytes, values: list[NDArray[Any]], folder: Path) -> None:
    expected = Micro(content).call(*values)
    found = NativeModel(parse(content, "rounding"), folder).run(*values)
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))


def test_fully_connected_per_tensor(tmp_path: Path) -> None:
    build = Builder()
    bias = np.array([8444796, 12748310, 8682405, 600547, 7737369])
    source = build.tensor("in", (1, 1), "int16", 0.25603726506233215)
    weights = build.tensor("weights", (5, 1), "int8", 0.0034851969685405493, data=np.ones((5, 1)))
    sums = build.tensor("bias", (5,), "int32", 0.0008923403220251203, data=bias)
    out = build.tensor("out", (1, 5), "int16", 0.4015684425830841)
    build.operator("FULLY_CONNECTED", [source, weights, sums], [out], options("FullyConnectedOptions"))
    check(build.bytes([source], [out]), [np.zeros((1, 1), np.int16)], tmp_path)


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        (0.0011470114113762975, 0.002970020053908229, 0.0006788873579353094),
        (0.010248231701552868, 0.005807623267173767, 0.028493892401456833),
    ],
)
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_sum(op: str, a: float, b: float, result: float, tmp_path: Path) -> None:
    build = Builder()
    first = build.tensor(
        "a", (8, 1), "int16", a, 0, 0, np.array([-30000, -2177, -11, 0, 1, 997, 12345, 32767])[:, None]
    )
    second = build.tensor("b", (1, EVERY_INT16.size), "int16", b)
    out = build.tensor("out", (8, EVERY_INT16.size), "int16", result)
    build.operator(op, [first, second], [out], options(f"{op.capitalize()}Options"))
    check(build.bytes([second], [out]), [EVERY_INT16[None]], tmp_path)


@pytest.mark.parametrize("op", ["RELU", "QUANTIZE"])
def test_rescaling(op: str, tmp_path: Path) -> None:
    build = Builder()
    source = build.tensor("in", EVERY_INT16.shape, "int16", 0.03510206937789917)
    out = build.tensor("out", EVERY_INT16.shape, "int16", 0.01263726968318224)
    build.operator(op, [source], [out])
    check(build.bytes([source], [out]), [EVERY_INT16], tmp_path)


@pytest.mark.parametrize(
    ("scale", "result"),
    [(0.018163789063692093, 0.004117829259485006), (0.08916769921779633, 0.11548575013875961)],
)
def test_hard_swish(scale: float, result: float, tmp_path: Path) -> None:
    build = Builder()
    source = build.tensor("in", EVERY_INT8.shape, "int8", scale, -5)
    out = build.tensor("out", EVERY_INT8.shape, "int8", result, 3)
    build.operator("HARD_SWISH", [source], [out], options("HardSwishOptions"))
    check(build.bytes([source], [out]), [EVERY_INT8], tmp_path)


@pytest.mark.parametrize("scale", [0.2448979616165161, 0.23529411852359772])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("op", ["RELU6", "MAX_POOL_2D"])
def test_activation_range(op: str, dtype: str, scale: float, tmp_path: Path) -> None:
    """6 / scale lies between two codes only in float32, which is what decides here."""
    build = Builder()
    values = {"int8": EVERY_INT8, "int16": EVERY_INT16[32000:33000]}[dtype][None, :, None, None]
    source = build.tensor("in", values.shape, dtype, scale)
    out = build.tensor("out", values.shape, dtype, scale)
    pool = options("Pool2DOptions", strideH=1, strideW=1, filterHeight=1, filterWidth=1, padding=schema.Padding.VALID,
                   fusedActivationFunction=schema.ActivationFunctionType.RELU6)  # fmt: skip
    build.operator(op, [source], [out], pool if op == "MAX_POOL_2D" else None)
    check(build.bytes([source], [out]), [values], tmp_path)


SIGMOIDS = {
    "int8": [(1e-7, 0), (0.001, -128), (0.03, 0), (0.03, 127), (0.2, -128), (7.9, 0), (8.1, 127), (300.0, 0)],
    "int16": [(scale, 0) for scale in (2.0**-12, 2.0**-11, 2.0**-13, 0.00024409, 0.00031, 0.002, 1e-7, 2.6)],
}


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("dtype", SIGMOIDS)
def test_every_code_of_a_sigmoid(dtype: str, op: str, tmp_path: Path) -> None:
    build = Builder()
    values = {"int8": EVERY_INT8, "int16": EVERY_INT16}[dtype]
    result = (1 / 256, -128) if dtype == "int8" else (2.0**-15, 0)
    sources, outputs = [], []
    for scale, zero_point in SIGMOIDS[dtype]:
        sources.append(build.tensor("in", values.shape, dtype, scale, zero_point))
        outputs.append(build.tensor("out", values.shape, dtype, *result))
        build.operator(op, [sources[-1]], [outputs[-1]])
    check(build.bytes(sources, outputs), [values] * len(sources), tmp_path)


@pytest.mark.parametrize("scale", [15.9, 16.1, 500.0])
def test_a_softmax_of_which_only_the_largest_code_counts(scale: float, tmp_path: Path) -> None:
    build = Builder()
    source = build.tensor("in", (1, 4), "int8", scale)
    out = build.tensor("out", (1, 4), "int8", 1 / 256, -128)
    build.operator("SOFTMAX", [source], [out], options("SoftmaxOptions", beta=1.0))
    check(build.bytes([source], [out]), [np.array([[7, 6, 7, -128]], np.int8)], tmp_path)
