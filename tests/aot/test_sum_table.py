"""Sums of int8 by multiples and tables: which of the forms real scales take, and that all of them give every pair's
code."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from export.aot.operators import LOWER
from export.aot.operators.add import Sum
from export.aot.operators.sum_table import SumTable, tabulate
from export.aot.program import lower
from export.graph import parse
from export.micro import Micro
from native_c import NativeModel
from tflite_builder import Builder, options

EVERY = np.arange(-128, 128)
PAIRS = np.array(list(product(EVERY, EVERY)), np.int8).T


def model(op: str, a: float, b: float, result: float, zeros: tuple[int, int, int] = (3, -4, 7)) -> bytes:
    build = Builder()
    sources = [
        build.tensor(name, (1, PAIRS.shape[1]), "int8", *of) for name, *of in zip("ab", (a, b), zeros[:2], strict=True)
    ]
    out = build.tensor("out", (1, PAIRS.shape[1]), "int8", result, zeros[2])
    build.operator(op, sources, [out], options(f"{op.capitalize()}Options"))
    return build.bytes(sources, [out])


def form(content: bytes) -> SumTable | None:
    (node,) = lower(parse(content, "sum"), LOWER).nodes
    assert isinstance(node, Sum)
    return tabulate(node)


# Multiples of both, of one; halves away from zero; a requantisation, where sums lie halfway between codes in all ways.
SCALES = [(0.0412, 0.0173, 0.0498), (0.05, 0.05, 0.1), (0.5, 0.25, 1.0), (0.05, 0.031, 0.08), (0.61, 0.79, 0.4),
          (0.0001, 1.0, 1.0), (1.0, 1.0, 100.0), (0.9, 0.3, 0.1)]  # fmt: skip


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_every_pair_of_codes(op: str, scales: tuple[float, float, float], tmp_path: Path) -> None:
    content = model(op, *scales)
    assert form(content) is not None
    (expected,) = Micro(content).call(*(codes[np.newaxis] for codes in PAIRS))
    compiled = NativeModel(parse(content, "sum"), tmp_path, core="cortex-m4")
    (found,) = compiled.run(*(codes[np.newaxis] for codes in PAIRS))
    assert (expected == found).all()


def test_scales_as_calibration_gives_them_need_no_table() -> None:
    rng = np.random.default_rng(5)
    straight = 0
    for _ in range(20):
        a, b, result = np.exp(rng.uniform(-5, -3, 3)) * (1, 1, 1.5)
        found = form(model("ADD", float(a), float(b), float(result), tuple(rng.integers(-30, 30, 3).tolist())))
        assert found is not None
        steps = [np.diff(operand) for operand in found.tables.operands]
        straight += all((step == step[0]).all() for step in steps) and not found.tables.multiplier
    assert straight >= 18


def test_halfway_sums_take_the_requantisation() -> None:
    found = form(model("ADD", 0.61, 0.79, 0.4))
    assert found is not None and found.tables.multiplier
