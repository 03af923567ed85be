"""The generated C is compiled for the boards with every warning an error, as the firmware compiles it: GCC for Arm sees
other things than GCC for this PC, among them the assembly."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import boards
from boards import cores
from export.aot import compile_model
from export.graph import parse
from native_c import WARNINGS
from random_models import MODELS

COMPILER = "arm-none-eabi-gcc"


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed")
@pytest.mark.parametrize("board", ["bbc_microbit", "mps2_an385", "nucleo_f446re", "mps2_an505"])
def test_no_warning_for_any_operator(board: str, tmp_path: Path) -> None:
    chip = boards.load(board).chip
    units = []
    for name in MODELS:
        for dtype in ("int8", "int16"):
            for seed in range(2):
                content = MODELS[name](np.random.default_rng([seed, *name.encode(), *dtype.encode()]), dtype)
                compiled = compile_model(parse(content, name), name, core=chip.core)
                folder = tmp_path / f"{name}_{dtype}_{seed}"
                folder.mkdir()
                (folder / "model.h").write_text(compiled.header)
                (folder / "model.c").write_text(compiled.source)
                units.append(folder / "model.c")
    flags = [*cores.flags(chip.core, chip.fpu), *WARNINGS, "-O2", "-c", "-o", "/dev/null"]
    failed = {}
    for unit in units:
        result = subprocess.run([COMPILER, *flags, str(unit)], capture_output=True, text=True, check=False)
        if result.returncode:
            failed[unit.parent.name] = result.stderr.splitlines()[:3]
    assert failed == {}
