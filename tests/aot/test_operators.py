"""Every operator against the TensorFlow Lite Micro interpreter: random shapes, scales, zero points and values."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from export.aot.operators import LOWER
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.passes import BLOCKED_PASSES, DSP_PASSES, PASSES
from export.aot.program import lower
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


FAST: Final = {
    "int8": {"conv_2d": (0.6, 0.98), "depthwise_conv_2d": (0.6, 0.98), "fully_connected": (0.6, 0.98)},
    "int16": {"conv_2d": (0.6, 0.98), "depthwise_conv_2d": (0.6, 0.98), "fully_connected": (0.6, 0.98), "add": (0.5, 0.98),
              "binary": (0.2, 0.8), "quantize": (0.6, 1)},
}  # fmt: skip


@pytest.mark.parametrize(("dtype", "name"), [(dtype, name) for dtype, names in FAST.items() for name in names])
def test_random_models_take_fast_and_slow_paths(dtype: str, name: str) -> None:
    """What is compared above covers the kernels for the DSP extension, the element-wise ones, the ones that either fall
    back to, and rescalings that underflow. Compiles no C."""
    fast = underflows = 0
    models = 100
    for seed in range(models):
        program = lower(parse(MODELS[name](generator(seed, name, dtype), dtype), "model"), LOWER)
        for rewrite in PASSES:
            program = rewrite(program)
        (node,) = program.nodes or (None,)
        quick = program
        for rewrite in (*DSP_PASSES, *(BLOCKED_PASSES if dtype == "int16" else ())):
            quick = rewrite(quick)
        underflows += isinstance(node, Conv2D | DepthwiseConv2D) and 0 in node.requantisation.multipliers
        underflows += isinstance(node, FullyConnected) and 0 in node.requantisation.multipliers
        fast += bool(quick.nodes) and type(quick.nodes[0]) is not type(node)
    lowest, highest = FAST[dtype][name]
    assert lowest * models <= fast <= highest * models
    assert dtype == "int16" or underflows >= 3
