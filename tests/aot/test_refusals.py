"""What the compiler must refuse: each model holds one operator that it cannot translate, and the error says why."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from export.aot import compile_model
from export.aot.program import UnsupportedError
from export.graph import GraphError, parse
from tflite_builder import Builder, options, schema


@dataclass
class T:
    """A tensor: a constant where it has `data`, absent where it has no shape."""

    shape: tuple[int, ...] | None = (1, 4)
    dtype: str = "int8"
    scale: float | list[float] | None = 0.1
    zero_point: int = 0
    data: Any = None
    axis: int = 0


def ints(*values: Any) -> T:
    array = np.array(values, np.int32)
    return T(array.shape, "int32", None, data=array)


def weights(
    *shape: int, dtype: str = "int8", scale: float | list[float] = 0.1, zero_point: int = 0, axis: int = 0
) -> T:
    return T(shape, dtype, scale, zero_point, np.ones(shape), axis)


def bias(count: int, dtype: str = "int32", value: int = 0) -> T:
    return T((count,), dtype, 0.01, data=np.full(count, value))


def conv(**fields: Any) -> Any:
    defaults = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return options("Conv2DOptions", **{**defaults, **fields})


def depthwise() -> Any:
    return options("DepthwiseConv2DOptions", strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)


def pool() -> Any:
    return options("Pool2DOptions", strideH=1, strideW=1, filterHeight=1, filterWidth=1)


def slices(**masks: Any) -> Any:
    return options("StridedSliceOptions", **masks)


DENSE, ADD, MUL, SUB, SOFTMAX, MEAN = (
    options(f"{name}Options") for name in ("FullyConnected", "Add", "Mul", "Sub", "Softmax", "Reducer")
)
IMAGE = T((1, 5, 5, 2))
WIDE = T((1, 5, 5, 2), "int16")
FLOAT = T((1, 4), "float32", None)

# Words of the error, operator, inputs, outputs, options.
CASES: list[tuple[str, str, list[T], list[T], Any]] = [
    # Types.
    ("'in1' is float32, expected int8", "ADD", [T(), FLOAT], [T()], ADD),
    ("'in0' is float32, expected int8 or int16", "FULLY_CONNECTED", [FLOAT, weights(3, 4)], [T((1, 3))], DENSE),
    ("'in1' is float32, expected a constant of int8", "FULLY_CONNECTED", [T(), weights(3, 4, dtype="float32")],
     [T((1, 3))], DENSE),
    ("'in0' is float32", "CONV_2D", [T((1, 5, 5, 2), "float32", None), weights(4, 3, 3, 2)], [T((1, 5, 5, 4))], conv()),
    ("'in1' is int16, expected a constant of int8", "CONV_2D", [WIDE, weights(4, 3, 3, 2, dtype="int16")],
     [T((1, 5, 5, 4), "int16")], conv()),
    ("'out0' is int16, expected int8", "CONV_2D", [IMAGE, weights(4, 3, 3, 2)], [T((1, 5, 5, 4), "int16")], conv()),
    ("'in1' is int16, expected int8", "MUL", [T(), T((1, 4), "int16")], [T()], MUL),
    ("'in0' is float32, expected int8 or int16", "QUANTIZE", [FLOAT], [T()], None),
    ("'in0' is uint8, expected int8 or int16", "RELU", [T((1, 4), "uint8")], [T()], None),
    ("'out0' is float32, expected int8", "SOFTMAX", [T()], [FLOAT], SOFTMAX),
    ("'in0' is int16, expected int8", "HARD_SWISH", [T((1, 4), "int16")], [T((1, 4), "int16")], None),
    ("'in0' is int16 with zero point 3, expected 0", "TANH", [T((1, 4), "int16", 0.1, 3)], [T((1, 4), "int16")], None),
    ("has no scales, expected one", "QUANTIZE", [T((1, 4), "int8", None)], [T()], None),
    ("has 4 scales, expected one", "QUANTIZE", [T((1, 4), "int8", [0.1] * 4, axis=1)], [T()], None),
    ("'out0' has the scale 0", "QUANTIZE", [T()], [T(scale=0.0)], None),
    # Layers that multiply and accumulate.
    ("'in1' is computed at run time, expected a constant", "FULLY_CONNECTED", [T(), T((3, 4))], [T((1, 3))], DENSE),
    ("not quantised symmetrically", "CONV_2D", [IMAGE, weights(4, 3, 3, 2, zero_point=1)], [T((1, 5, 5, 4))], conv()),
    ("2 scales for 4 output channels", "CONV_2D", [IMAGE, weights(4, 3, 3, 2, scale=[0.1, 0.2], axis=3)],
     [T((1, 5, 5, 4))], conv()),
    ("3 scales for 2 output channels", "DEPTHWISE_CONV_2D", [IMAGE, weights(1, 3, 3, 2, scale=[0.1] * 3, axis=1)],
     [IMAGE], depthwise()),
    ("bias of 3 values, expected 4", "CONV_2D", [IMAGE, weights(4, 3, 3, 2), bias(3)], [T((1, 5, 5, 4))], conv()),
    ("'in2' is int64, expected a constant of int32", "CONV_2D", [IMAGE, weights(4, 3, 3, 2), bias(4, "int64")],
     [T((1, 5, 5, 4))], conv()),
    ("'in2' is int32, expected a constant of int64", "DEPTHWISE_CONV_2D", [WIDE, weights(1, 3, 3, 2), bias(2)], [WIDE],
     depthwise()),
    ("'in2' is int16, expected a constant of int32 or int64", "FULLY_CONNECTED",
     [T((1, 4), "int16"), weights(3, 4), bias(3, "int16")], [T((1, 3), "int16")], DENSE),
    ("are beyond 2^47", "FULLY_CONNECTED", [T((1, 4), "int16"), weights(3, 4), bias(3, "int64", 1 << 47)],
     [T((1, 3), "int16")], DENSE),
    ("beyond 2^47 or 2^7", "FULLY_CONNECTED", [T((1, 4), "int16"), weights(3, 4)], [T((1, 3), "int16", 1e-5)], DENSE),
    ("is beyond 2^30", "FULLY_CONNECTED", [T(), weights(3, 4)], [T((1, 3), "int8", 1e-13)], DENSE),
    ("expected one image", "CONV_2D", [T((2, 5, 5, 2)), weights(4, 3, 3, 2)], [T((2, 5, 5, 4))], conv()),
    ("output size 4 along axis 1, expected 5", "CONV_2D", [IMAGE, weights(4, 3, 3, 2)], [T((1, 4, 5, 4))], conv()),
    ("stride (0, 1)", "CONV_2D", [IMAGE, weights(4, 3, 3, 2)], [T((1, 5, 5, 4))], conv(strideH=0)),
    ("2 input and 4 output channels do not fit", "CONV_2D", [IMAGE, weights(4, 3, 3, 3)], [T((1, 5, 5, 4))], conv()),
    ("fused activation 4", "CONV_2D", [IMAGE, weights(4, 3, 3, 2)], [T((1, 5, 5, 4))],
     conv(fusedActivationFunction=schema.ActivationFunctionType.TANH)),
    ("6 is no int32 code on the scale 1e-12", "CONV_2D", [T((1, 5, 5, 2), scale=1e-12), weights(4, 3, 3, 2)],
     [T((1, 5, 5, 4), scale=1e-12)], conv(fusedActivationFunction=schema.ActivationFunctionType.RELU6)),
    ("shuffled or non-matrix weights", "FULLY_CONNECTED", [T(), weights(3, 4)], [T((1, 3))],
     options("FullyConnectedOptions", weightsFormat=1)),
    ("do not fit weights (3, 5)", "FULLY_CONNECTED", [T(), weights(3, 5)], [T((1, 3))], DENSE),
    # Two operands.
    ("shapes (1, 4) and (1, 3) do not give (1, 4)", "ADD", [T(), T((1, 3))], [T()], ADD),
    ("shapes (1, 4) and (1, 4) do not give (2, 4)", "MAXIMUM", [T(), T()], [T((2, 4))], None),
    ("broadcast along 6 axes", "MUL", [T((2, 1, 2, 1, 2, 1)), T((1, 2, 1, 2, 1, 2))], [T((2,) * 6)], MUL),
    ("are constants", "MINIMUM", [weights(1, 4), weights(1, 4)], [T()], None),
    ("output scale 1e-09 is too small", "ADD", [T(), T()], [T(scale=1e-9)], ADD),
    ("output scale 1e-09 is too small", "SUB", [T(), T()], [T(scale=1e-9)], SUB),
    # Others.
    ("expected 1/256 and -128", "SOFTMAX", [T()], [T()], SOFTMAX),
    ("expected 2^-15", "SOFTMAX", [T((1, 4), "int16")], [T((1, 4), "int16")], SOFTMAX),
    ("input scale 0.1 times beta 0 is too small", "SOFTMAX", [T()], [T(scale=1 / 256, zero_point=-128)],
     options("SoftmaxOptions", beta=0.0)),
    ("beta -1, expected a positive number", "SOFTMAX", [T((1, 4), "int16")], [T((1, 4), "int16", 2.0**-15)],
     options("SoftmaxOptions", beta=-1.0)),
    ("input scale 1e-30 is too small", "TANH", [T((1, 4), "int16", 1e-30)], [T((1, 4), "int16", 2.0**-15)], None),
    ("output zero point 0, expected -128", "LOGISTIC", [T()], [T()], None),
    ("output scale 0.1, expected 2^-15", "LOGISTIC", [T((1, 4), "int16")], [T((1, 4), "int16")], None),
    ("input scale 3 is too large", "TANH", [T((1, 4), "int16", 3.0)], [T((1, 4), "int16", 2.0**-15)], None),
    ("more than 128 times the output's", "HARD_SWISH", [T(scale=2.0)], [T(scale=0.01)], None),
    ("differ in scale or zero point", "MAX_POOL_2D", [IMAGE], [T((1, 5, 5, 2), scale=0.2)], pool()),
    ("2 channels become 3", "MAX_POOL_2D", [IMAGE], [T((1, 5, 5, 3))], pool()),
    ("axes [1, 3]", "MEAN", [IMAGE, ints(1, 3)], [T((1, 5))], MEAN),
    ("axes [4]", "MEAN", [IMAGE, ints(4)], [T((1, 5, 5))], MEAN),
    ("mean over 65536 elements", "MEAN", [T((1, 256, 256, 1)), ints(1, 2)], [T((1, 1))], MEAN),
    ("mean over 25 elements of shape (1, 5, 5, 2) to (1, 3)", "MEAN", [IMAGE, ints(1, 2)], [T((1, 3))], MEAN),
    ("none negative", "PAD", [T(), ints([0, 0], [-1, 0])], [T((1, 3))], None),
    ("up to four axes", "PAD", [T((1, 1, 1, 1, 4)), ints(*[[0, 0]] * 5)], [T((1, 1, 1, 1, 4))], None),
    ("does not follow from the paddings", "PAD", [T(), ints([0, 0], [1, 0])], [T((1, 6))], None),
    ("3 inputs, expected 2", "PAD", [T(), ints([0, 0], [1, 0]), weights(1)], [T((1, 5))], None),
    ("shape (1, 4) cannot become (1, 5)", "RESHAPE", [T(), ints(1, 5)], [T((1, 5))], None),
    ("'in0' and 'out0' differ in scale", "CONCATENATION", [T(scale=0.2), T()], [T((1, 8))],
     options("ConcatenationOptions", axis=1)),
    ("axis 2 of 2 axes", "CONCATENATION", [T(), T()], [T((1, 8))], options("ConcatenationOptions", axis=2)),
    ("fused activation 1", "CONCATENATION", [T(), T()], [T((1, 8))],
     options("ConcatenationOptions", axis=1, fusedActivationFunction=1)),
    ("does not fit into (2, 8)", "CONCATENATION", [T(), T()], [T((2, 8))], options("ConcatenationOptions", axis=1)),
    ("operands fill 8 of 9", "CONCATENATION", [T(), T()], [T((1, 9))], options("ConcatenationOptions", axis=1)),
    ("option EllipsisMask is 1", "STRIDED_SLICE", [T(), ints(0, 0), ints(1, 2), ints(1, 1)], [T((1, 2))],
     slices(ellipsisMask=1)),
    ("option NewAxisMask is 1", "STRIDED_SLICE", [T(), ints(0, 0), ints(1, 2), ints(1, 1)], [T((1, 2))],
     slices(newAxisMask=1)),
    ("option Offset is True", "STRIDED_SLICE", [T(), ints(0, 0), ints(1, 2), ints(1, 1)], [T((1, 2))],
     slices(offset=True)),
    ("with stride 0 along axis 1", "STRIDED_SLICE", [T(), ints(0, 0), ints(1, 2), ints(1, 0)], [T((1, 2))], slices()),
    ("begin 4 with stride 1 along axis 1 of 4", "STRIDED_SLICE", [T(), ints(0, 4), ints(1, 5), ints(1, 1)], [T((1,))],
     slices(shrinkAxisMask=2)),
    ("output shape (1, 3), expected (1, 2)", "STRIDED_SLICE", [T(), ints(0, 0), ints(1, 2), ints(1, 1)], [T((1, 3))],
     slices()),
    ("1 indices for 2 axes", "STRIDED_SLICE", [T(), ints(0), ints(1), ints(1)], [T((1, 4))], slices()),
    ("'in1' is computed at run time", "STRIDED_SLICE", [T(), T((2,), "int32"), ints(1, 2), ints(1, 1)], [T((1, 2))],
     slices()),
    ("do not split axis 1 of (1, 4)", "SPLIT", [ints(1), T()], [T((1, 1))] * 3, None),
    ("axis [2] of 2 axes", "SPLIT", [ints(2), T()], [T((1, 2))] * 2, None),
    ("permutation [0, 0] of 2 axes", "TRANSPOSE", [T(), ints(0, 0)], [T((1, 1))], None),
    ("output shape (1, 4), expected (4, 1)", "TRANSPOSE", [T(), ints(1, 0)], [T()], None),
    ("none empty", "TRANSPOSE", [T((2, 0)), ints(1, 0)], [T((0, 2))], None),
    # Damaged or beyond the set of operators.
    ("input 1 is missing", "ADD", [T()], [T()], ADD),
    ("input 1 is missing", "CONV_2D", [IMAGE, T(None)], [T((1, 5, 5, 4))], conv()),
    ("2 outputs, expected 1", "RELU", [T()], [T(), T()], None),
    ("'in0' is a constant, expected an activation", "RELU", [weights(1, 4)], [T()], None),
    ("not among the supported operators", "COS", [T()], [T()], None),
    ("not among the supported operators", "PADV2", [T(), ints([0, 0], [1, 0]), weights(1)], [T((1, 5))], None),
]  # fmt: skip


def content(op: str, inputs: list[T], outputs: list[T], extra: Any) -> bytes:
    build = Builder()

    def tensor(name: str, t: T) -> int:
        if t.shape is None:
            return -1
        return build.tensor(name, t.shape, t.dtype, t.scale, t.zero_point, t.axis, t.data)

    reads = [tensor(f"in{number}", t) for number, t in enumerate(inputs)]
    writes = [tensor(f"out{number}", t) for number, t in enumerate(outputs)]
    build.operator(op, reads, writes, extra)
    activations = [index for index, t in zip(reads, inputs, strict=True) if t.data is None and index != -1]
    return build.bytes(activations, writes)


@pytest.mark.parametrize(("words", "op", "inputs", "outputs", "extra"), CASES)
def test_is_refused(words: str, op: str, inputs: list[T], outputs: list[T], extra: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        compile_model(parse(content(op, inputs, outputs, extra), "model"), "refused")
    message = str(caught.value)
    assert words in message and f"0 {op}: " in message and "Change the model" in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", 128), ("int8", -129), ("int16", 1 << 15)])
def test_a_zero_point_that_is_no_code_is_refused(dtype: str, zero_point: int) -> None:
    with pytest.raises(GraphError, match="zero point"):
        parse(content("RELU", [T(dtype=dtype, zero_point=zero_point)], [T(dtype=dtype)], None), "model")
