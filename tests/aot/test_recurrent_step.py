"""What one time step of an iRNN with 64 hidden units costs on a Cortex-M4, all operators included, beside its
products."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import boards
from export.bench import bench
from tflite_builder import Builder, options

INPUTS, HIDDEN, CLASSES = 32, 64, 10
MOST = {"int8": 1.6, "int16": 2.4}  # instructions for each multiply-accumulate

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)


def step(dtype: str, euler_steps: int) -> bytes:
    """g <- g + eta (tanh(U (g + h) + W x) - alpha (g + h)), from g = h, and logits of the last g."""
    rng = np.random.default_rng(0)
    build = Builder()
    high = np.iinfo(dtype).max

    def dense(name: str, source: int, reach: float, shape: tuple[int, int], result: float) -> int:
        scales = (rng.uniform(0.3, 1, shape[0]) * 2 * result / reach / np.sqrt(shape[1]) / 127).tolist()
        bias_scales = [reach / high * scale for scale in scales]
        bias = rng.uniform(-0.2, 0.2, shape[0]) * result / np.array(bias_scales)
        weights = build.tensor(f"{name} weights", shape, "int8", scales, 0, 0, rng.integers(-127, 128, shape))
        biases = build.tensor(f"{name} bias", shape[:1], "int32" if dtype == "int8" else "int64", bias_scales, 0, 0,
                              bias.astype(np.int64))  # fmt: skip
        output = build.tensor(name, (1, shape[0]), dtype, result / high)
        build.operator("FULLY_CONNECTED", [source, weights, biases], [output], options("FullyConnectedOptions"))
        return output

    def pair(op: str, name: str, first: int, second: int, reach: float) -> int:
        output = build.tensor(name, (1, HIDDEN), dtype, reach / high)
        build.operator(op, [first, second], [output], options(f"{op.capitalize()}Options"))
        return output

    x, h = build.tensor("x", (1, INPUTS), dtype, 4.0 / high), build.tensor("h", (1, HIDDEN), dtype, 1.0 / high)
    driven = dense("W x", x, 4.0, (HIDDEN, INPUTS), 3.0)
    g = h
    for number in range(euler_steps):
        alpha, eta = (build.tensor(f"{name} {number}", (), dtype, value / high, data=np.array(high))
                      for name, value in (("alpha", 0.9), ("eta", 0.1)))  # fmt: skip
        s = pair("ADD", f"s {number}", g, h, 2.1)
        total = pair("ADD", f"total {number}", dense(f"U s {number}", s, 2.1, (HIDDEN, HIDDEN), 3.1), driven, 4.3)
        tanh = build.tensor(f"tanh {number}", (1, HIDDEN), dtype, 1 / (high + 1))
        build.operator("TANH", [total], [tanh])
        change = pair("SUB", f"change {number}", tanh, pair("MUL", f"leak {number}", s, alpha, 1.7), 2.7)
        g = pair("ADD", f"g {number + 1}", g, pair("MUL", f"increment {number}", change, eta, 0.25), 1.0)
    return build.bytes([x, h], [g, dense("logits", g, 1.0, (CLASSES, HIDDEN), 5.0)])


@pytest.mark.parametrize("euler_steps", [1, 2, 5])
@pytest.mark.parametrize("dtype", MOST)
def test_instructions_of_a_step(dtype: str, euler_steps: int, tmp_path: Path) -> None:
    path = tmp_path / "step.tflite"
    path.write_bytes(step(dtype, euler_steps))
    report = bench(path, boards.load("nucleo"), 3)
    products = INPUTS * HIDDEN + euler_steps * HIDDEN**2 + HIDDEN * CLASSES
    assert report.differing_outputs == 0
    assert sum(layer.macs for layer in report.layers) == products
    assert report.instructions <= MOST[dtype] * products
