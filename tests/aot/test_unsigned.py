"""The kernels of Armv6-M, whose weights are unsigned: their C on this PC, their assembly in the emulator of a
Cortex-M0."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import boards
from export.aot import compile_model
from export.bench import bench
from export.graph import parse
from native_c import differing
from random_models import MODELS

needs_emulator = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)
NAMES = ("conv_2d", "fully_connected", "network")
FORMS = ("relu", "linear", "long")


def models(name: str, count: int) -> list[bytes]:
    return [MODELS[name](np.random.default_rng([seed, *name.encode()]), "int8") for seed in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_its_c_equals_the_interpreter(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert differing(models(name, 8 if name != "network" else 2), tmp_path, rng, runs=8, cores=["cortex-m0"]) == {}


@needs_emulator
@pytest.mark.parametrize("name", NAMES)
def test_its_assembly_equals_the_interpreter(name: str, tmp_path: Path) -> None:
    for number, content in enumerate(models(name, 4)):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(content)
        assert bench(path, boards.load("microbit"), 3).differing_outputs == 0, number


@pytest.mark.parametrize(("name", "kernel"), [("conv_2d", "2x4"), ("fully_connected", "1x8")])
def test_only_armv6_takes_them_and_in_every_form(name: str, kernel: str) -> None:
    taken = dict.fromkeys(FORMS, 0)
    for content in models(name, 30):
        graph = parse(content, "model")
        for form in FORMS:
            call = f"nn_unsigned_{kernel}_{form},"
            taken[form] += call in compile_model(graph, "model", core="cortex-m0").source
            assert call not in compile_model(graph, "model", core="cortex-m3").source
    assert min(taken.values()) >= 2, taken
