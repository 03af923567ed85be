"""The kernels in assembly, which a PC cannot run: random models in the emulator of a Cortex-M4 against the
interpreter."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import boards
from export.bench import bench
from random_models import MODELS

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize(
    "name", ["conv_2d", "grouped_conv_2d", "depthwise_conv_2d", "fully_connected", "add", "binary", "network"]
)
def test_equals_the_interpreter(name: str, dtype: str, tmp_path: Path) -> None:
    for seed in range(2):
        path = tmp_path / f"{seed}.tflite"
        path.write_bytes(MODELS[name](np.random.default_rng([seed, *name.encode()]), dtype))
        assert bench(path, boards.load("nucleo"), 3).differing_outputs == 0, seed
