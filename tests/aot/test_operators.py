"""Every operator against the TensorFlow Lite Micro interpreter: random shapes, scales, zero points and values."""

from pathlib import Path

import numpy as np
import pytest

from export.aot.operators import LOWER
from export.aot.operators.add import Add
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.passes import DSP_PASSES, PASSES
from export.aot.program import Program, lower
from export.graph import parse
from native_c import differing
from random_models import MODELS

SEEDS = 12  # models of one operator; networks, which hold eight of them, take long to compile
NETWORKS = 5


def generator(seed: int, name: str, dtype: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode(), *dtype.encode()])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_interpreter(name: str, dtype: str, tmp_path: Path) -> None:
    generators = [generator(seed, name, dtype) for seed in range(NETWORKS if name == "network" else SEEDS)]
    contents = [MODELS[name](rng, dtype) for rng in generators]
    assert differing(contents, tmp_path, generators[0], runs=8) == {}


@pytest.mark.parametrize("name", ["conv_2d", "depthwise_conv_2d", "fully_connected", "add"])
def test_random_models_take_fast_and_slow_paths(name: str) -> None:
    """What is compared above covers the kernels for the DSP extension and the ones they fall back to, and rescalings that
    underflow. Compiles no C."""
    fast = underflows = 0
    models = 100
    for seed in range(models):
        program = lower(parse(MODELS[name](generator(seed, name, "int8"), "int8"), "model"), LOWER)
        (node,) = program.nodes
        assert isinstance(node, Conv2D | DepthwiseConv2D | FullyConnected | Add)
        underflows += 0 in node.requantisation.multipliers
        fast += not isinstance(optimised(program).nodes[0], Conv2D | DepthwiseConv2D | FullyConnected | Add)
    assert 0.6 * models < fast < 0.98 * models
    assert name == "add" or underflows >= 3


def optimised(program: Program) -> Program:
    for rewrite in (*PASSES, *DSP_PASSES):
        program = rewrite(program)
    return program
