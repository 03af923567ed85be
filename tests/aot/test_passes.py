"""The passes fold what they promise to, and leave alone what they may not touch."""

from pathlib import Path

import numpy as np
import pytest

from export.aot import DSP_CORES, compile_model
from export.aot.operators import LOWER
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.operators.fully_connected import FullyConnected
from export.aot.passes import BLOCKED_PASSES, DSP_PASSES, PASSES
from export.aot.program import Program, UnsupportedError, lower
from export.graph import parse
from native_c import differing
from tflite_builder import Builder, options, schema

RELU, RELU6, RELU_N1_TO_1 = (getattr(schema.ActivationFunctionType, name) for name in ("RELU", "RELU6", "RELU_N1_TO_1"))


def padded_conv(pads: list[list[int]], *, pad_is_output: bool = False, padding: int = schema.Padding.VALID) -> Program:
    build = Builder()
    array = np.array(pads, np.int32)
    height, width, depth = (int(5 + array[1].sum()), int(5 + array[2].sum()), int(2 + array[3].sum()))
    source = build.tensor("in", (1, 5, 5, 2), "int8", 0.5, 3)
    amount = build.tensor("pads", (4, 2), "int32", data=array)
    wide = build.tensor("padded", (1, height, width, depth), "int8", 0.5, 3)
    weights = build.tensor("weights", (4, 3, 3, depth), "int8", 0.1, data=np.ones((4, 3, 3, depth)))
    size = (height, width) if padding == schema.Padding.SAME else (height - 2, width - 2)
    out = build.tensor("out", (1, *size, 4), "int8", 1.0, 0)
    build.operator("PAD", [source, amount], [wide], options("PadOptions"))
    build.operator("CONV_2D", [wide, weights], [out], options(
        "Conv2DOptions", padding=padding, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1))  # fmt: skip
    return optimised(build.bytes([source], [out, wide] if pad_is_output else [out]))


def optimised(content: bytes) -> Program:
    program = lower(parse(content, "test"), LOWER)
    for rewrite in PASSES:
        program = rewrite(program)
    return program


@pytest.mark.parametrize("padding", [schema.Padding.VALID, schema.Padding.SAME])
def test_padding_of_height_and_width_is_folded(padding: int) -> None:
    (conv,) = padded_conv([[0, 0], [1, 1], [2, 0], [0, 0]], padding=padding).nodes
    assert isinstance(conv, Conv2D)
    inside = 1 if padding == schema.Padding.SAME else 0
    assert conv.window.pad == (1 + inside, 2 + inside)
    assert conv.window.input == (5, 5)


def test_padding_of_channels_stays() -> None:
    assert [node.op for node in padded_conv([[0, 0], [1, 1], [1, 1], [0, 1]]).nodes] == ["PAD", "CONV_2D"]


def test_a_pad_that_is_an_output_stays() -> None:
    program = padded_conv([[0, 0], [1, 1], [1, 1], [0, 0]], pad_is_output=True)
    assert [node.op for node in program.nodes] == ["PAD", "CONV_2D"]


def test_the_zero_point_moves_into_the_bias_only_without_padding() -> None:
    (padded,) = padded_conv([[0, 0], [1, 1], [1, 1], [0, 0]]).nodes
    (plain,) = padded_conv([[0, 0]] * 4).nodes
    assert isinstance(padded, Conv2D) and isinstance(plain, Conv2D)
    assert padded.input_zero_point == 3
    assert plain.input_zero_point == 0
    assert (plain.bias == -3 * 18).all()  # 3 x 3 x 2 weights of 1


def test_the_zero_point_stays_where_a_sum_could_leave_32_bits() -> None:
    build = Builder()
    source = build.tensor("in", (1, 4), "int8", 0.5, -128)
    weights = build.tensor("weights", (1, 4), "int8", 0.1, data=np.full((1, 4), 127))
    bias = build.tensor("bias", (1,), "int32", 0.05, data=np.array([2**31 - 1]))
    out = build.tensor("out", (1, 1), "int8", 1e6, 0)
    build.operator("FULLY_CONNECTED", [source, weights, bias], [out], options("FullyConnectedOptions"))
    (dense,) = optimised(build.bytes([source], [out])).nodes
    assert isinstance(dense, FullyConnected)
    assert dense.input_zero_point == -128


def test_a_reshape_costs_nothing() -> None:
    build = Builder()
    source = build.tensor("in", (1, 2, 2, 1), "int8", 0.5, 0)
    shape = build.tensor("shape", (2,), "int32", data=np.array([1, 4]))
    flat = build.tensor("flat", (1, 4), "int8", 0.5, 0)
    build.operator("RESHAPE", [source, shape], [flat], options("ReshapeOptions", newShape=[1, 4]))
    compiled = compile_model(parse(build.bytes([source], [flat]), "test"), "reshape")
    assert compiled.operators == ()
    assert compiled.memory.arena_bytes == 4


def activated(zero_point: int, *, activation: int = 0, table: str | None = None, shared: bool = False) -> bytes:
    """A convolution with a fused activation, an operator behind it, or both."""
    rng = np.random.default_rng(5)
    build = Builder()
    source = build.tensor("in", (1, 5, 5, 3), "int8", 0.05, 4)
    shape = (6, 3, 3, 3)
    weights = build.tensor("weights", shape, "int8", 0.01, data=rng.integers(-127, 128, shape))
    middle = build.tensor("middle", (1, 5, 5, 6), "int8", 0.2, zero_point)
    build.operator("CONV_2D", [source, weights], [middle], options(
        "Conv2DOptions", padding=schema.Padding.SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        fusedActivationFunction=activation))  # fmt: skip
    if table is None:
        return build.bytes([source], [middle])
    out = build.tensor("out", (1, 5, 5, 6), "int8", 0.2, zero_point)
    build.operator(table, [middle], [out])
    return build.bytes([source], [out, middle] if shared else [out])


@pytest.mark.parametrize(("zero_point", "activation"), [(-3, RELU), (-100, RELU6), (7, RELU_N1_TO_1)])
def test_a_clamp_that_the_fast_kernels_lack_is_split_off(zero_point: int, activation: int, tmp_path: Path) -> None:
    content = activated(zero_point, activation=activation)
    compiled = compile_model(parse(content, "test"), "split", core="cortex-m4")
    assert [operator.op for operator in compiled.operators] == ["CONV_2D", "CLAMP"]
    assert "nn_conv_2d_packed" in compiled.source
    assert differing([content], tmp_path, np.random.default_rng(0), runs=8) == {}


def test_a_relu_to_the_zero_point_needs_no_clamp() -> None:
    compiled = compile_model(parse(activated(-128, activation=RELU), "test"), "whole", core="cortex-m4")
    assert [operator.op for operator in compiled.operators] == ["CONV_2D"]


@pytest.mark.parametrize("zero_point", [-128, -3])
@pytest.mark.parametrize("table", ["RELU", "RELU6"])
def test_an_operator_that_only_clamps_is_fused(zero_point: int, table: str, tmp_path: Path) -> None:
    content = activated(zero_point, activation=RELU_N1_TO_1 if zero_point == -3 else 0, table=table)
    assert [node.op for node in optimised(content).nodes] == ["CONV_2D"]
    assert differing([content], tmp_path, np.random.default_rng(0), runs=8) == {}


def test_what_is_needed_without_its_activation_is_not_fused(tmp_path: Path) -> None:
    content = activated(-3, table="RELU", shared=True)
    assert [node.op for node in optimised(content).nodes] == ["CONV_2D", "RELU"]
    assert [node.op for node in optimised(activated(-3, table="TANH")).nodes] == ["CONV_2D", "TANH"]
    assert differing([content], tmp_path, np.random.default_rng(0), runs=8) == {}


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_groups_of_one_channel_are_depthwise(dtype: str) -> None:
    build = Builder()
    source = build.tensor("in", (1, 5, 5, 4), dtype, 0.5, 0)
    values = np.random.default_rng(0).integers(-127, 128, (8, 3, 3, 1))
    weights = build.tensor("weights", values.shape, "int8", 0.1, data=values)
    out = build.tensor("out", (1, 3, 3, 8), dtype, 10.0, 0)
    build.operator("CONV_2D", [source, weights], [out], options(
        "Conv2DOptions", padding=schema.Padding.VALID, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1))  # fmt: skip
    (node,) = optimised(build.bytes([source], [out])).nodes
    assert isinstance(node, DepthwiseConv2D | DepthwiseConv2D16)
    assert node.depth_multiplier == 2
    assert (node.weights[1, 2] == values[:, 1, 2, 0]).all()


def test_functions_of_a_code_become_part_of_the_sums_around_them() -> None:
    """g + eta * (tanh(u + w) - alpha * s), of which s is needed elsewhere: three sums remain."""
    build = Builder()
    u, w, g, s, *rest = (
        build.tensor(name, (1, 8), "int8", 0.02 + 0.001 * place) for place, name in enumerate("uwgslqen")
    )
    total = build.tensor("u + w", (1, 8), "int8", 0.03)
    tanh = build.tensor("tanh", (1, 8), "int8", 1 / 128)
    constants = [build.tensor(name, (), "int8", 0.007, data=np.array(99)) for name in ("alpha", "eta")]
    build.operator("ADD", [u, w], [total], options("AddOptions"))
    build.operator("TANH", [total], [tanh])
    leak, change, step, after = rest
    build.operator("MUL", [s, constants[0]], [leak], options("MulOptions"))
    build.operator("SUB", [tanh, leak], [change], options("SubOptions"))
    build.operator("MUL", [change, constants[1]], [step], options("MulOptions"))
    build.operator("ADD", [g, step], [after], options("AddOptions"))
    content = build.bytes([u, w, g, s], [after])
    assert [node.op for node in fast(content, "cortex-m4").nodes] == ["ADD", "SUB", "ADD"]
    assert [node.op for node in fast(build.bytes([u, w, g, s], [after, step]), "cortex-m4").nodes] == [
        "ADD",
        "SUB",
        "ADD",
    ]
    kept = build.bytes([u, w, g, s], [after, change, step])
    assert [node.op for node in fast(kept, "cortex-m4").nodes] == ["ADD", "SUB", "MUL", "ADD"]


def fast(content: bytes, core: str) -> Program:
    program = optimised(content)
    for rewrite in (*(DSP_PASSES if core in DSP_CORES else ()), *BLOCKED_PASSES):
        program = rewrite(program)
    return program


def test_the_same_model_gives_the_same_text() -> None:
    build = Builder()
    source = build.tensor("*/ evil /*", (1, 4), "int8", 0.5, -128)
    weights = build.tensor("weights", (3, 4), "int8", 0.1, data=np.arange(12).reshape(3, 4))
    out = build.tensor("out", (1, 3), "int8", 1.0, 0)
    build.operator("FULLY_CONNECTED", [source, weights], [out], options("FullyConnectedOptions"))
    content = build.bytes([source], [out])
    first, second = (compile_model(parse(content, "test"), "twice") for _ in range(2))
    assert first == second
    assert "*/" not in first.header


def test_all_that_cannot_be_compiled_is_listed() -> None:
    build = Builder()
    source = build.tensor("pixels", (1, 4), "int8", 0.5, 0)
    cosine = build.tensor("cosine", (1, 4), "int8", 0.5, 0)
    loose = build.tensor("loose", (1, 4), "float32")
    build.operator("COS", [source], [cosine])
    build.operator("ADD", [source, cosine], [loose], options("AddOptions"))
    with pytest.raises(UnsupportedError) as caught:
        compile_model(parse(build.bytes([source], [loose]), "test"), "refused")
    assert caught.value.exit_code == 2
    for words in ("0 COS", "'pixels' int8[1, 4]", "'cosine'", "1 ADD", "'loose' is float32, expected int8", "CONV_2D"):
        assert words in str(caught.value)


def flattened(batches: int = 1) -> bytes:
    """What Keras writes for Flatten: the shape of the new tensor from that of the old one."""
    build = Builder()
    source = build.tensor("in", (1, 2, 3, 2), "int8", 0.5, 0)
    shape = build.tensor("shape", (4,), "int32")
    start, stop, step = (build.tensor(f"at{at}", (1,), "int32", data=np.array([at])) for at in (0, batches, 1))
    first, rest = build.tensor("first", (), "int32"), build.tensor("rest", (), "int32", data=np.array(12))
    both, flat = build.tensor("both", (2,), "int32"), build.tensor("flat", (1, 12), "int8", 0.5, 0)
    build.operator("SHAPE", [source], [shape], options("ShapeOptions", outType=schema.TensorType.INT32))
    build.operator(
        "STRIDED_SLICE", [shape, start, stop, step], [first], options("StridedSliceOptions", shrinkAxisMask=1)
    )
    build.operator("PACK", [first, rest], [both], options("PackOptions", valuesCount=2, axis=0))
    build.operator("RESHAPE", [source, both], [flat], options("ReshapeOptions", newShape=[]))
    out = build.tensor("out", (1, 12), "int8", 0.05, 0)
    build.operator("TANH", [flat], [out])
    return build.bytes([source], [out])


def test_shapes_are_computed_at_compile_time(tmp_path: Path) -> None:
    compiled = compile_model(parse(flattened(), "test"), "flatten")
    assert [operator.op for operator in compiled.operators] == ["TANH"]
    assert differing([flattened()], tmp_path, np.random.default_rng(0), runs=3) == {}


def test_constants_that_do_not_fit_together_are_refused_as_operators() -> None:
    build = Builder()
    source = build.tensor("in", (1, 4), "int8", 0.5, 0)
    one, two = (build.tensor(name, shape, "int32", data=np.zeros(shape)) for name, shape in (("a", (2,)), ("b", (3,))))
    packed, out = build.tensor("packed", (2, 2), "int32"), build.tensor("out", (1, 4), "int8", 0.5, 0)
    build.operator("PACK", [one, two], [packed], options("PackOptions", valuesCount=2))
    build.operator("RESHAPE", [source, packed], [out], options("ReshapeOptions", newShape=[]))
    with pytest.raises(UnsupportedError, match="0 PACK: 'a' int32"):
        compile_model(parse(build.bytes([source], [out]), "test"), "refused")


@pytest.mark.parametrize(("op", "shape"), [("EXPAND_DIMS", (1, 1, 4)), ("SQUEEZE", (4,))])
def test_axes_of_one_element_cost_nothing(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    build = Builder()
    source = build.tensor("in", (1, 4), "int8", 0.5, 0)
    axis = build.tensor("axis", (1,), "int32", data=np.array([0]))
    view, out = build.tensor("view", shape, "int8", 0.5, 0), build.tensor("out", shape, "int8", 0.05, 0)
    if op == "EXPAND_DIMS":
        build.operator(op, [source, axis], [view], options("ExpandDimsOptions"))
    else:
        build.operator(op, [source], [view], options("SqueezeOptions", squeezeDims=[0]))
    build.operator("TANH", [view], [out])
    content = build.bytes([source], [out])
    assert [node.op for node in optimised(content).nodes] == ["TANH"]
    assert differing([content], tmp_path, np.random.default_rng(0), runs=3) == {}


def test_a_dilated_convolution_of_an_unknown_batch_says_what_to_change() -> None:
    build = Builder()
    source = build.tensor("in", (1, 4, 4, 1), "int8", 0.5, 0)
    block = build.tensor("block", (2,), "int32", data=np.array([2, 2]))
    pads = build.tensor("pads", (2, 2), "int32", data=np.zeros((2, 2)))
    out = build.tensor("out", (1, 2, 2, 1), "int8", 0.5, 0)
    build.operator("SPACE_TO_BATCH_ND", [source, block, pads], [out], options("SpaceToBatchNDOptions"))
    with pytest.raises(UnsupportedError, match="convert with a batch of one"):
        compile_model(parse(build.bytes([source], [out]), "test"), "refused")
