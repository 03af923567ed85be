"""Bounds on executed instructions, which are exact: a change that makes inference slower fails here.

A bound is what was measured when it was written, and one per cent. Whoever makes a model faster lowers its bound.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import boards
from boards import Board
from export.bench import bench, with_core
from tflite_builder import Builder, options, schema

RELU, NONE = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.NONE
SCALE: Final = 0.05  # of all activations
SPREAD: Final = 0.02  # of weights, by the root of their number: of random codes it makes outputs that spread
DATA = os.environ.get("DEMUR_DATA")
GCC: Final = "12"  # another release of the compiler has counts of its own


class Network:
    """A chain of layers on random weights, quantised so that outputs spread over the codes."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.build, self.rng = Builder(), np.random.default_rng(0)
        self.shape = (1, height, width, channels)
        self.source = self.tensor = self.build.tensor("in", self.shape, "int8", SCALE, -128)

    def _layer(self, op: str, weights: tuple[int, ...], shape: tuple[int, ...], relu: bool, kind: str,
               **fields: object) -> "Network":  # fmt: skip
        number = self.tensor
        outputs = weights[3] if op == "DEPTHWISE_CONV_2D" else weights[0]
        products = int(np.prod(weights)) // outputs
        scales = [SPREAD / products**0.5] * outputs
        constants = self.build.tensor(f"w{number}", weights, "int8", scales if op != "FULLY_CONNECTED" else scales[0], 0,
                                      3 if op == "DEPTHWISE_CONV_2D" else 0,
                                      self.rng.integers(-127, 128, weights))  # fmt: skip
        bias = self.build.tensor(f"b{number}", (outputs,), "int32", [SCALE * scales[0]] * outputs, 0, 0,
                                 self.rng.integers(-999, 1000, outputs))  # fmt: skip
        output = self.build.tensor(f"t{number}", shape, "int8", SCALE, -128 if relu else 0)
        self.build.operator(op, [self.tensor, constants, bias], [output],
                            options(kind, fusedActivationFunction=RELU if relu else NONE, **fields))  # fmt: skip
        self.tensor, self.shape = output, shape
        return self

    def conv(self, channels: int, kernel: int, stride: int = 1, relu: bool = True) -> "Network":
        _, height, width, depth = self.shape
        shape = (1, -(-height // stride), -(-width // stride), channels)
        return self._layer("CONV_2D", (channels, kernel, kernel, depth), shape, relu, "Conv2DOptions",
                           padding=schema.Padding.SAME, strideH=stride, strideW=stride, dilationHFactor=1,
                           dilationWFactor=1)  # fmt: skip

    def depthwise(self, kernel: int, stride: int = 1) -> "Network":
        _, height, width, depth = self.shape
        shape = (1, -(-height // stride), -(-width // stride), depth)
        return self._layer("DEPTHWISE_CONV_2D", (1, kernel, kernel, depth), shape, True, "DepthwiseConv2DOptions",
                           padding=schema.Padding.SAME, strideH=stride, strideW=stride, dilationHFactor=1,
                           dilationWFactor=1, depthMultiplier=1)  # fmt: skip

    def dense(self, outputs: int, relu: bool = True) -> "Network":
        inputs = int(np.prod(self.shape))
        return self._layer("FULLY_CONNECTED", (outputs, inputs), (1, outputs), relu, "FullyConnectedOptions")

    def residual(self) -> "Network":
        """Two convolutions and the input added."""
        before, channels = self.tensor, self.shape[3]
        self.conv(channels, 3).conv(channels, 3, relu=False)
        output = self.build.tensor(f"sum{self.tensor}", self.shape, "int8", 1.5 * SCALE, -128)
        self.build.operator("ADD", [before, self.tensor], [output], options("AddOptions", fusedActivationFunction=RELU))
        self.tensor = output
        return self

    def bytes(self) -> bytes:
        return self.build.bytes([self.source], [self.tensor])


NETWORKS: Final = {
    "separable": lambda: (
        Network(25, 10, 1).conv(16, 3, 2).depthwise(3).conv(16, 1).depthwise(3, 2).conv(24, 1).dense(10, relu=False)
    ),
    "residual": lambda: Network(12, 12, 3).conv(8, 3).residual().conv(16, 3, 2).residual().dense(10, relu=False),
    "dense": lambda: Network(1, 1, 200).dense(64).dense(8).dense(64).dense(200, relu=False),
    "odd": lambda: Network(9, 11, 3).conv(5, 3).depthwise(5).conv(7, 1, relu=False).conv(10, 2, 2).dense(3, relu=False),
}
MLPERF: Final = ("kws_ref_model", "pretrainedResnet_quant", "ad01_int8")

# Core to model to executed instructions.
BOUNDS: Final[dict[str, dict[str, int]]] = {
    "cortex-m4": {
        "separable": 106_906,
        "residual": 515_004,
        "dense": 28_557,
        "odd": 117_182,
        "kws_ref_model": 2_853_505,
        "pretrainedResnet_quant": 7_766_104,
        "ad01_int8": 266_099,
    },
    "cortex-m3": {
        "separable": 193_653,
        "residual": 1_010_583,
        "dense": 64_735,
        "odd": 193_798,
        "kws_ref_model": 6_214_090,
        "pretrainedResnet_quant": 26_472_330,
        "ad01_int8": 617_825,
    },
    "cortex-m0": {
        "separable": 534_667,
        "residual": 2_219_628,
        "dense": 113_125,
        "odd": 522_441,
        "kws_ref_model": 14_237_654,
        "pretrainedResnet_quant": 54_744_841,
        "ad01_int8": 1_007_403,
    },
}

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)


@pytest.fixture(scope="module", autouse=True)
def compiler() -> None:
    version = subprocess.run(["arm-none-eabi-gcc", "-dumpversion"], capture_output=True, text=True, check=True).stdout
    if version.split(".")[0] != GCC:
        pytest.skip(f"the bounds are of GCC {GCC}, and this is {version.strip()}")


def place(core: str) -> Board:
    """A board with that core, and with memory for all models."""
    named = {"cortex-m4": "nucleo", "cortex-m3": "mps2_an385"}
    return boards.load(named[core]) if core in named else with_core(boards.load("mps2_an385"), core)


@pytest.mark.parametrize(("core", "model"), [(core, model) for core in BOUNDS for model in BOUNDS[core]])
def test_no_slower_than_before(core: str, model: str, tmp_path: Path) -> None:
    if model in NETWORKS:
        path = tmp_path / f"{model}.tflite"
        path.write_bytes(NETWORKS[model]().bytes())
    elif DATA is None:
        pytest.skip("DEMUR_DATA names no folder with the models of MLPerf Tiny")
    else:
        path = Path(DATA) / "tflite" / f"{model}.tflite"
    found = bench(path, place(core), 1)
    assert found.differing_outputs == 0
    assert found.instructions <= BOUNDS[core][model]
