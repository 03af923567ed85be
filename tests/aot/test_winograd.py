"""Winograd's form of 3x3 convolutions: exact on every shape, safe on its own input, taken where it is worth its
flash."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boards
from export.aot import compile_model
from export.aot.geometry import Window
from export.aot.operators import LOWER
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_winograd import Conv2DWinograd, added_bytes, overlap, saved_cycles, transform
from export.aot.operators.conv_2d_winograd_expanded import Conv2DWinogradExpanded, expand
from export.aot.passes.split_clamp import split_clamp
from export.aot.passes.use_dsp import use_dsp
from export.aot.passes.use_winograd import use_winograd
from export.aot.program import Node, Program, lower
from export.bench import bench
from export.graph import Tensor, parse
from native_c import differing
from random_models import NONE, RELU, SAME, VALID, Layer, chance, some_scale, some_zero
from tflite_builder import Builder, options

MODELS = 9


def forced(batch: int | None) -> Callable[[Program], Program]:
    """A pass that takes Winograd's form wherever it is exact; with a `batch`, weights are transformed at run time."""

    def fast(node: Node) -> Node:
        form = transform(node) if isinstance(node, Conv2D) else None
        return node if form is None else form if batch is None else expand(form, batch)

    return lambda program: replace(program, nodes=tuple(fast(node) for node in program.nodes))


@pytest.fixture(params=[None, 1, 3])
def always(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.aot.DSP_PASSES", (split_clamp, forced(request.param), use_dsp))


def random_conv(rng: np.random.Generator, depth: int | None = None, realistic: bool = False) -> bytes:
    """A 3x3 convolution as tests/random_models.py draws them, extreme ones included; sometimes behind a PAD."""
    build = Builder()
    depth = depth or int(rng.choice([1, 3, 4, 6, 8, 13, 16, 36, 40]))
    channels, padding = int(rng.integers(1, 11)), int(rng.choice([SAME, VALID]))
    size = [int(n) for n in rng.integers(3, 12, 2)]
    scale, zero = some_scale(rng), some_zero(rng, "int8")
    layer = Layer(rng, build, "int8", scale, (channels, 3, 3, depth), 0, 9 * depth)
    if realistic and not layer.realistic:
        return random_conv(rng, depth, realistic)
    source = image = build.tensor("in", (1, *size, depth), "int8", scale, zero)
    if chance(rng, 0.3):
        around = np.array([[0, 0], *rng.integers(0, 4, (2, 2)), [0, 0]], np.int32)
        size = [n + int(extra) for n, extra in zip(size, around.sum(axis=1)[1:3], strict=True)]
        amount = build.tensor("around", (4, 2), "int32", data=around)
        image = build.tensor("padded", (1, *size, depth), "int8", scale, zero)
        build.operator("PAD", [source, amount], [image], options("PadOptions"))
    out = size if padding == SAME else [n - 2 for n in size]
    result = build.tensor("out", (1, *out, channels), "int8", layer.scale, layer.zero_point)
    build.operator("CONV_2D", [image, *layer.operands], [result], options(
        "Conv2DOptions", padding=padding, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        fusedActivationFunction=layer.activation))  # fmt: skip
    return build.bytes([source], [result])


def conv(size: tuple[int, int], depth: int, channels: int, **kernel: int) -> Conv2D:
    kernel = {"height": 3, "width": 3, "stride": 1, "dilation": 1, "groups": 1} | kernel
    build = Builder()
    rng = np.random.default_rng(1)
    shape = (channels, kernel["height"], kernel["width"], depth // kernel["groups"])
    source = build.tensor("in", (1, *size, depth), "int8", 0.1, 3)
    weights = build.tensor("weights", shape, "int8", 0.01, data=rng.integers(-127, 128, shape))
    out = tuple(-(-n // kernel["stride"]) for n in size)
    result = build.tensor("out", (1, *out, channels), "int8", 1.0, 0)
    build.operator("CONV_2D", [source, weights], [result], options(
        "Conv2DOptions", padding=SAME, strideH=kernel["stride"], strideW=kernel["stride"],
        dilationHFactor=kernel["dilation"], dilationWFactor=kernel["dilation"]))  # fmt: skip
    (node,) = lower(parse(build.bytes([source], [result]), "test"), LOWER).nodes
    assert isinstance(node, Conv2D)
    return node


@pytest.mark.usefixtures("always")
def test_equals_the_interpreter(tmp_path: Path) -> None:
    contents = [random_conv(np.random.default_rng([7, seed])) for seed in range(MODELS)]
    texts = [compile_model(parse(content, "test"), "test", core="cortex-m4").source for content in contents]
    assert sum("nn_winograd_tiles(" in text for text in texts) > 0.6 * MODELS
    assert differing(contents, tmp_path, np.random.default_rng(1), runs=4, cores=["cortex-m4"]) == {}


@pytest.mark.usefixtures("always")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize(
    "depth", [4, 36, 68]
)  # inputs that take one turn of the inner loop, one and a part, two and a part
def test_equals_the_interpreter_in_the_emulator(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(random_conv(np.random.default_rng([2, depth]), depth, realistic=True))
    assert "nn_winograd_tiles(" in compile_model(parse(path.read_bytes(), "test"), "test", core="cortex-m4").source
    assert bench(path, boards.load("nucleo"), 2).differing_outputs == 0


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("activation", [NONE, RELU])
def test_the_largest_sums_are_exact(activation: int, tmp_path: Path) -> None:
    """Weights of one sign at the ends of int8, whose transform is the largest there is; inputs follow at both ends."""
    build = Builder()
    source = build.tensor("in", (1, 6, 7, 64), "int8", 0.5, 127)
    values = np.stack([np.full((3, 3, 64), value) for value in (-128, 127)])
    weights = build.tensor("weights", values.shape, "int8", 0.01, data=values)
    zero = -128 if activation == RELU else 0
    result = build.tensor("out", (1, 6, 7, 2), "int8", 0.005 * 128 * 255 * 576 / 200, zero)
    build.operator("CONV_2D", [source, weights], [result], options(
        "Conv2DOptions", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        fusedActivationFunction=activation))  # fmt: skip
    assert differing([build.bytes([source], [result])], tmp_path, np.random.default_rng(1), 4, ["cortex-m4"]) == {}


@st.composite
def windows(draw: st.DrawFn) -> Window:
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    pad = (draw(st.integers(0, 3)), draw(st.integers(0, 3)))
    output = tuple(n + p + draw(st.integers(0, 3)) - 2 for n, p in zip(size, pad, strict=True))
    return Window(size, (max(output[0], 1), max(output[1], 1)), (3, 3), (1, 1), (1, 1), pad)


@given(windows(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_no_input_is_overwritten_before_it_is_read(window: Window, inputs: int, outputs: int, batch: int) -> None:
    distance = overlap(window, inputs, outputs, batch)
    for further in (0, 1, 5):
        assert unharmed(window, inputs, outputs, batch, distance + further)


def test_outputs_need_two_rows_and_a_pixel_of_their_own() -> None:
    window = Window((32, 32), (32, 32), (3, 3), (1, 1), (1, 1), (1, 1))
    assert overlap(window, 16, 16) == (2 * 32 + 1) * 16
    assert not unharmed(window, 16, 16, 1, 2 * 32 * 16)


def unharmed(window: Window, inputs: int, outputs: int, batch: int, distance: int) -> bool:
    """Whether every input byte is still there when it is read, with the output starting `distance` before the input."""
    (height, width), (rows, columns) = window.input, window.output
    corners = [(y, x) for y in range(0, rows, 2) for x in range(0, columns, 4)]
    lost: set[int] = set()
    for start in range(0, len(corners), batch):
        for y, x in corners[start : start + batch]:
            top, left = y - window.pad[0], x - window.pad[1]
            patch = [(r, c) for r in range(top, top + 4) for c in range(left, left + 6)]
            pixels = [r * width + c for r, c in patch if 0 <= r < height and 0 <= c < width]
            if lost & {pixel * inputs + channel for pixel in pixels for channel in range(inputs)}:
                return False
        for y, x in corners[start : start + batch]:
            tiles = [(r, c) for r in range(y, min(y + 2, rows)) for c in range(x, min(x + 4, columns))]
            lost |= {(r * columns + c) * outputs + channel - distance for r, c in tiles for channel in range(outputs)}
    return True


def chosen(convolution: Conv2D, flash: int | None = None, arena: int = 0) -> Node:
    """What the pass makes of a convolution in a program whose next operator needs an arena of `arena` bytes."""
    window, source, output = convolution.window, convolution.inputs[0], convolution.output
    shapes = {source: (*window.input, convolution.input_channels), output: (*window.output, len(convolution.weights))}
    tensors = [Tensor(index, "", (1, *shapes.get(index, (1,))), "int8", None, None) for index in range(3)]
    tensors.append(Tensor(3, "", (arena,), "int8", None, None))
    program = Program(tuple(tensors), (convolution, Node("OP", "", (output,), 3)), (source,), (3,), {}, flash)
    return use_winograd(program).nodes[0]


def test_is_taken_where_it_is_worth_its_flash() -> None:
    assert type(chosen(conv((32, 32), 16, 16))) is Conv2DWinograd
    assert type(chosen(conv((16, 16), 32, 32))) is Conv2DWinograd
    assert type(chosen(conv((32, 32), 16, 16), flash=64 << 10)) is Conv2DWinograd
    assert type(chosen(conv((32, 32), 16, 16), flash=8 << 10)) is Conv2D
    assert type(chosen(conv((32, 32), 1, 4))) is Conv2D  # too few channels
    few = transform(conv((2, 2), 64, 64))
    assert few is not None and saved_cycles(few) < 0 < added_bytes(few)


def test_weights_are_expanded_where_the_arena_has_room() -> None:
    wide = conv((8, 8), 64, 64)  # 36 KiB of weights for 64 pixels
    assert type(chosen(wide)) is Conv2D
    for arena, batch in ((28 << 10, 4), (40 << 10, 8)):
        form = chosen(wide, arena=arena)
        assert isinstance(form, Conv2DWinogradExpanded)
        assert form.batch == batch


@pytest.mark.parametrize("other", [{"height": 5}, {"width": 1}, {"stride": 2}, {"dilation": 2}, {"groups": 2}])
def test_is_not_taken_for_other_kernels(other: dict[str, int]) -> None:
    assert transform(conv((8, 8), 8, 8)) is not None
    assert transform(conv((8, 8), 8, 8, **other)) is None


def test_small_code_and_other_cores_do_without() -> None:
    build = Builder()
    rng = np.random.default_rng(1)
    source = build.tensor("in", (1, 32, 32, 16), "int8", 0.1, 3)
    weights = build.tensor("weights", (16, 3, 3, 16), "int8", 0.01, data=rng.integers(-127, 128, (16, 3, 3, 16)))
    result = build.tensor("out", (1, 32, 32, 16), "int8", 1.0, 0)
    build.operator("CONV_2D", [source, weights], [result], options(
        "Conv2DOptions", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1))  # fmt: skip
    graph = parse(build.bytes([source], [result]), "test")

    def taken(**target: Any) -> bool:
        return "nn_conv_2d_winograd(" in compile_model(graph, "test", **target).source

    assert taken(core="cortex-m4") and taken(core="cortex-m4", flash=64 << 10)
    assert not taken(core="cortex-m4", flash=12 << 10)
    assert not taken(core="cortex-m4", small=True)
    assert not taken(core="cortex-m3")
