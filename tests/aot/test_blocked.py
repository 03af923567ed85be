"""The kernels for cores without the DSP extension: which layers take them, and the arithmetic of the smallest cores."""

import ctypes
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from export.aot import compile_model
from export.aot.operators import LOWER
from export.aot.operators.conv_2d_blocked import Conv2DBlocked
from export.aot.operators.depthwise_blocked import DepthwiseBlocked
from export.aot.operators.fully_connected_blocked import FullyConnectedBlocked
from export.aot.passes import BLOCKED_PASSES, PASSES
from export.aot.program import Node, lower
from export.aot.source import KERNELS
from export.graph import parse
from native_c import SANITIZE, WARNINGS
from random_models import MODELS

HALVES = """
#include "product.h"
#define EXPORTED(name) void all_##name(const int32_t *a, const int32_t *b, int32_t *out, int32_t count) { \\
        for (int32_t i = 0; i < count; i++) out[i] = nn_##name(a[i], b[i]); }
EXPORTED(high_32) EXPORTED(high_32_rounded) EXPORTED(high_31_rounded)
"""
EDGES = [0, 1, -1, 2**15, 2**16 - 1, 2**16, -(2**16), 2**30, 2**31 - 1, 1 - 2**31]


@pytest.mark.parametrize("name, addend, shift", [("high_32", 0, 32), ("high_32_rounded", 2**31, 32),
                                                 ("high_31_rounded", 2**30, 31)])  # fmt: skip
@pytest.mark.parametrize("core", [["-D__thumb__"], []], ids=["Armv6-M", "all others"])
def test_the_upper_part_of_a_product_is_exact(
    name: str, addend: int, shift: int, core: list[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    a = np.concatenate(
        [np.repeat(EDGES, len(EDGES)), rng.integers(1 - 2**31, 2**31, 20000) >> rng.integers(0, 31, 20000)]
    )
    b = np.concatenate([np.tile(EDGES, len(EDGES)), rng.integers(0, 2**31, 20000) >> rng.integers(0, 31, 20000)])
    source, library = tmp_path / "product.c", tmp_path / "product.so"
    source.write_text(HALVES)
    command = ["gcc", *WARNINGS, *SANITIZE, *core, f"-I{KERNELS}", "-shared", "-fPIC", "-o", library, source]
    subprocess.run([str(word) for word in command], check=True)
    found = np.zeros(len(a), np.int32)
    left, right = a.astype(np.int32), b.astype(np.int32)
    getattr(ctypes.CDLL(str(library)), f"all_{name}")(
        ctypes.c_void_p(left.ctypes.data),
        ctypes.c_void_p(right.ctypes.data),
        ctypes.c_void_p(found.ctypes.data),
        len(a),
    )
    expected = [(int(x) * int(y) + addend) >> shift for x, y in zip(a, b, strict=True)]
    assert found.tolist() == expected


def taken(name: str, seed: int) -> Node:
    content = MODELS[name](np.random.default_rng([seed, *name.encode()]), "int8")
    program = lower(parse(content, "model"), LOWER)
    for rewrite in (*PASSES, *BLOCKED_PASSES):
        program = rewrite(program)
    return program.nodes[0]


@pytest.mark.parametrize("name", ["conv_2d", "depthwise_conv_2d", "fully_connected"])
def test_random_models_take_every_form_and_the_plain_kernel(name: str) -> None:
    """The comparison with the interpreter, in test_operators.py, draws from these models. Compiles no C."""
    nodes = [taken(name, seed) for seed in range(150)]
    blocked = Conv2DBlocked | DepthwiseBlocked | FullyConnectedBlocked
    forms = Counter(node.form.name if isinstance(node, blocked) else "plain" for node in nodes)
    assert all(forms[form] >= 5 for form in ("relu", "linear", "long")), forms
    # Grouped convolutions and weights with a zero point; nothing keeps a depthwise layer from the blocked kernel.
    assert (forms["plain"] >= 5) == (name != "depthwise_conv_2d"), forms
    assert forms["plain"] < 0.4 * len(nodes)


def test_small_code_is_the_plain_kernels() -> None:
    graph = parse(MODELS["network"](np.random.default_rng(0), "int8"), "model")
    plain = compile_model(graph, "model")
    assert compile_model(graph, "model", core="cortex-m4", small=True) == plain
    assert len({compile_model(graph, "model", core=core).source for core in (None, "cortex-m3", "cortex-m4")}) == 3
