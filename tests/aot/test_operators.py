"""Every operator against the TensorFlow Lite Micro interpreter: random shapes, scales, zero points and values."""

from pathlib import Path

import numpy as np
import pytest

from native_c import differing
from random_models import MODELS

SEEDS = 16


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_interpreter(name: str, dtype: str, tmp_path: Path) -> None:
    generators = [np.random.default_rng([seed, *name.encode(), *dtype.encode()]) for seed in range(SEEDS)]
    contents = [MODELS[name](rng, dtype) for rng in generators]
    assert differing(contents, tmp_path, generators[0], runs=8) == {}
