"""The memory plan: nothing alive at the same time overlaps, inputs and outputs live as promised, the arena is not
wasted."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from export.aot.geometry import Window
from export.aot.memory import ALIGNMENT, plan
from export.aot.program import Node, Program
from export.graph import Quantization, Tensor, parse
from native_c import NativeModel
from tflite_builder import Builder, options


class InPlace(Node):
    @property
    def overlaps(self) -> dict[int, int]:
        return dict.fromkeys(self.inputs, 0)


def program(
    sizes: list[int], reads: list[list[int]], in_place: list[bool], outputs: list[int] | None = None
) -> Program:
    """Tensor 0 is the input; operator i reads tensors `reads[i]` and writes tensor i + 1; by default the last is the
    output."""
    tensors = tuple(
        Tensor(index, f"t{index}", (size,), "int8", Quantization((1.0,), (0,), 0), None)
        for index, size in enumerate(sizes)
    )
    nodes = tuple(
        (InPlace if inside else Node)("OP", f"t{index + 1}", tuple(inputs), index + 1)
        for index, (inputs, inside) in enumerate(zip(reads, in_place, strict=True))
    )
    return Program(tensors, nodes, (0,), tuple(outputs or [len(nodes)]), {})


@st.composite
def programs(draw: st.DrawFn) -> Program:
    count = draw(st.integers(1, 9))
    sizes = draw(st.lists(st.integers(1, 100), min_size=count + 1, max_size=count + 1))
    reads = [draw(st.lists(st.integers(0, index), min_size=1, max_size=2)) for index in range(count)]
    in_place = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return program(sizes, reads, in_place, draw(st.lists(st.integers(1, count), min_size=1, unique=True)))


def simulate(candidate: Program, keep_inputs: bool) -> None:
    """Run the program on an arena of tags: every operator must find the bytes of its inputs as they were written."""
    layout = plan(candidate, keep_inputs)
    arena = [-1] * layout.memory.arena_bytes

    def place(tensor: int) -> slice:
        start = layout.offsets[tensor]
        assert start % ALIGNMENT == 0
        return slice(start, start + candidate.tensors[tensor].bytes)

    def intact(tensor: int) -> bool:
        return arena[place(tensor)] == [tensor] * candidate.tensors[tensor].bytes

    arena[place(0)] = [0] * candidate.tensors[0].bytes
    for node in candidate.nodes:
        assert all(intact(tensor) for tensor in node.inputs)
        if not isinstance(node, InPlace):
            spans = [set(range(*place(tensor).indices(len(arena)))) for tensor in (*node.inputs, node.output)]
            assert all(not spans[-1] & span for span in spans[:-1])
        arena[place(node.output)] = [node.output] * candidate.tensors[node.output].bytes
    assert all(intact(tensor) for tensor in candidate.outputs)
    assert not keep_inputs or intact(0)


@given(programs(), st.booleans())
def test_every_operator_finds_its_inputs(candidate: Program, keep_inputs: bool) -> None:
    simulate(candidate, keep_inputs)


def test_a_chain_needs_the_two_largest_neighbours() -> None:
    chain = program([64, 32, 48, 8], [[0], [1], [2]], [False] * 3)
    assert plan(chain, keep_inputs=False).memory.arena_bytes == 64 + 32
    assert plan(chain, keep_inputs=True).memory.arena_bytes == 64 + 32 + 48


def test_an_elementwise_operator_works_in_place() -> None:
    assert plan(program([64, 64], [[0]], [True]), keep_inputs=False).memory.arena_bytes == 64
    assert plan(program([64, 64], [[0]], [True]), keep_inputs=True).memory.arena_bytes == 128


@pytest.mark.parametrize("keep_inputs", [True, False])
def test_the_input_survives_exactly_when_asked(keep_inputs: bool, tmp_path: Path) -> None:
    build = Builder()
    a = build.tensor("a", (1, 32), "int8", 0.1)
    b = build.tensor("b", (1, 32), "int8", 1 / 256, -128)
    build.operator("SOFTMAX", [a], [b], options("SoftmaxOptions", beta=1.0))
    model = NativeModel(parse(build.bytes([a], [b]), "softmax"), tmp_path, keep_inputs=keep_inputs)
    values = np.random.default_rng(1).integers(-128, 128, (1, 32)).astype(np.int8)
    model.run(values)
    assert (model.input(0) == values).all() == keep_inputs
    assert ("keeps its bytes" in model.compiled.header) == keep_inputs


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kernel, stride, size = (tuple(draw(st.integers(1, most)) for _ in range(2)) for most in (4, 3, 7))
    pad = tuple(draw(st.integers(0, extent - 1)) for extent in kernel)
    after = tuple(draw(st.integers(0, extent - 1)) for extent in kernel)
    output = tuple((s + p + q - k) // t + 1 for s, p, q, k, t in zip(size, pad, after, kernel, stride, strict=True))
    assume(min(output) > 0)
    return Window(size, output, kernel, stride, (1, 1), pad)


def unharmed(window: Window, channels: tuple[int, int], group: int, whole: bool, distance: int) -> bool:
    """Whether every input byte is still there when it is read, with the output starting `distance` before the input."""
    (height, width), (inputs, outputs) = window.input, channels
    places = [(y, x) for y in range(window.output[0]) for x in range(window.output[1])]

    def reads(y: int, x: int) -> set[int]:
        rows = [y * window.stride[0] - window.pad[0] + k for k in range(window.kernel[0])]
        columns = [x * window.stride[1] - window.pad[1] + k for k in range(window.kernel[1])]
        pixels = [r * width + c for r in rows for c in columns if 0 <= r < height and 0 <= c < width]
        return {pixel * inputs + channel for pixel in pixels for channel in range(inputs)}

    lost: set[int] = set()
    for start in range(0, len(places), group):
        part = list(enumerate(places))[start : start + group]
        wanted = set().union(*(reads(*place) for _, place in part))
        written = {pixel * outputs + channel - distance for pixel, _ in part for channel in range(outputs)}
        if whole and wanted & lost:
            return False
        lost |= written
        # The last byte of a pixel is written after everything was read for it.
        last = part[-1][0] * outputs + outputs - 1 - distance
        if not whole and wanted & (lost - {last}):
            return False
    return True


@given(windows(), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.sampled_from([(1, False), (2, True)]))
def test_a_sliding_window_overlaps_its_input_safely(
    window: Window, channels: tuple[int, int], kind: tuple[int, bool]
) -> None:
    distance = window.overlap(*channels, *kind)
    for further in (0, 1, 5):
        assert unharmed(window, channels, *kind, distance + further)


def test_a_3x3_convolution_needs_one_row_and_a_pixel_of_its_own() -> None:
    window = Window((32, 32), (32, 32), (3, 3), (1, 1), (1, 1), (1, 1))
    assert window.overlap(16, 16, group=2, whole=True) == (32 + 1) * 16
    assert not unharmed(window, (16, 16), 2, True, 32 * 16)


def test_a_pointwise_convolution_works_in_place() -> None:
    window = Window((5, 5), (5, 5), (1, 1), (1, 1), (1, 1), (0, 0))
    assert window.overlap(8, 8, group=2, whole=True) == 0
    assert window.overlap(8, 16, group=2, whole=True) == 24 * 16 - 24 * 8
