"""A .tflite file as a small typed graph.

    graph = read(Path("model.tflite"))
    for operator in graph.operators: print(operator.op, graph.tensors[operator.outputs[0]].shape)

Everything that the compiler, the reports and the manifest know of a model comes through here. The reader trusts nothing
in the file: a damaged or hostile one ends in a `GraphError`, never in a crash or a loop. Operators appear in execution
order, every tensor is written at most once and before it is read.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tflite
from flatbuffers.number_types import Int32Flags  # type: ignore[import-untyped]
from numpy.typing import NDArray

from contract.errors import DemurError

# Largest tensor accepted, in elements: far above any microcontroller, far below what could exhaust a PC.
MAX_ELEMENTS: Final = 1 << 26


class GraphError(DemurError):
    """The file is not a .tflite model that this reader understands."""


@dataclass(frozen=True)
class Quantization:
    """real = scale * (code - zero_point); one pair for the tensor, or one for each index along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True)
class Tensor:
    """An activation (`data` is None) or a constant. `dtype` is a numpy name; `scales` are float32 values."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: NDArray[Any] | None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def channels(self) -> int:
        """Size of the last axis, 1 for a scalar."""
        return self.shape[-1] if self.shape else 1

    @property
    def scale(self) -> float:
        """Scale of a per-tensor quantised tensor. Raises GraphError if it has none, several, or 0."""
        (scale,) = self._per_tensor().scales
        if scale == 0:
            raise GraphError(f"tensor {self.name!r} has the scale 0.", "Calibrate its range with inputs that vary.")
        return scale

    @property
    def zero_point(self) -> int:
        """Zero point of a per-tensor quantised tensor. Raises GraphError if it has none, or several."""
        return self._per_tensor().zero_points[0]

    def _per_tensor(self) -> Quantization:
        if self.quantization is None or len(self.quantization.scales) != 1:
            found = "no" if self.quantization is None else f"{len(self.quantization.scales)}"
            raise GraphError(
                f"tensor {self.name!r} ({self.dtype}, {self.shape}) has {found} scales, expected one.",
                "Quantise the model fully: int8 or int16 activations with one scale a tensor.",
            )
        return self.quantization


@dataclass(frozen=True)
class Operator:
    """`op` is the builtin's name, e.g. CONV_2D. Absent optional inputs are -1. `options` has the schema's field
    names."""

    index: int
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """`inputs` and `outputs` are tensor indices, in the file's order (which is the order the firmware sees)."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def input(self, operator: Operator, position: int) -> Tensor:
        """An input of an operator. Raises GraphError if it is absent."""
        if position >= len(operator.inputs) or operator.inputs[position] == -1:
            raise _damaged(f"input {position} is missing.")
        return self.tensors[operator.inputs[position]]

    def output(self, operator: Operator, position: int = 0) -> Tensor:
        """An output of an operator. Raises GraphError if it is absent."""
        if position >= len(operator.outputs):
            raise _damaged(f"output {position} is missing.")
        return self.tensors[operator.outputs[position]]


_DTYPES: Final = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
}

_OP_NAMES: Final = {
    code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int) and name.isupper()
}

# Operator -> (options table of the schema, the fields that decide what it computes).
_CONV: Final = ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "Padding", "FusedActivationFunction")
_BIAS_TYPE: Final = "QuantizedBiasType"  # of the accumulator, where there is no bias: decides in 16x8 only
_POOL: Final = ("StrideH", "StrideW", "FilterHeight", "FilterWidth", "Padding", "FusedActivationFunction")
_OPTIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "ADD": ("AddOptions", ("FusedActivationFunction", "PotScaleInt16")),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": ("Conv2DOptions", (*_CONV, _BIAS_TYPE)),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", (*_CONV, "DepthMultiplier")),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        ("FusedActivationFunction", "WeightsFormat", "KeepNumDims", _BIAS_TYPE),
    ),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "MEAN": ("ReducerOptions", ("KeepDims",)),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "PACK": ("PackOptions", ("Axis",)),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
    "SUB": ("SubOptions", ("FusedActivationFunction", "PotScaleInt16")),
}


def read(path: Path) -> Graph:
    """Read a .tflite file. Raises GraphError naming the file, what was found and what was expected."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror}).", "Give the path of a .tflite file.") from None
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Graph:
    """Bytes of a .tflite file to a graph; `where` names them in errors."""
    if len(content) < 8 or content[4:8] != b"TFL3":
        raise GraphError(
            f"{where}: not a .tflite file ({len(content)} bytes, identifier {content[4:8]!r}, expected b'TFL3').",
            "Give the .tflite file that a converter wrote; a copy that was cut short must be made again.",
        )
    try:
        graph = _graph(tflite.Model.GetRootAsModel(content, 0))
    except GraphError as error:
        raise GraphError(f"{where}: {error.problem}", error.next_step) from None
    # What the generated accessors raise when an offset or a length in the file points outside of it.
    except (struct.error, ValueError, IndexError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise GraphError(
            f"{where}: truncated or damaged .tflite file ({len(content)} bytes; {type(error).__name__}: {error}).",
            "Make the file again with the converter that wrote it.",
        ) from None
    return graph


def _damaged(problem: str) -> GraphError:
    return GraphError(problem, "Make the file again with the converter that wrote it.")


def _graph(model: Any) -> Graph:
    if model.Version() != 3:
        raise _damaged(f"schema version {model.Version()}, expected 3.")
    if model.SubgraphsLength() != 1:
        raise GraphError(
            f"{model.SubgraphsLength()} subgraphs, expected 1.",
            "Export without control flow (WHILE, IF): unroll it, or export one time step.",
        )
    subgraph = model.Subgraphs(0)
    tensors = tuple(_tensor(model, subgraph.Tensors(index), index) for index in range(subgraph.TensorsLength()))
    operators = tuple(_operator(model, subgraph.Operators(index), index) for index in range(subgraph.OperatorsLength()))
    graph = Graph(tensors, operators, _indices(subgraph.InputsAsNumpy()), _indices(subgraph.OutputsAsNumpy()))
    _check_order(graph)
    return graph


def _indices(vector: Any) -> tuple[int, ...]:
    # The accessors return the integer 0 for a vector that is absent.
    return () if isinstance(vector, int) else tuple(int(value) for value in vector)


def _tensor(model: Any, tensor: Any, index: int) -> Tensor:
    name = (tensor.Name() or b"").decode(errors="replace")
    if tensor.Type() not in _DTYPES:
        raise GraphError(f"tensor {name!r} has type {tensor.Type()} of the schema, which is not supported.",
                         f"Use one of: {', '.join(sorted(_DTYPES.values()))}.")  # fmt: skip
    dtype = np.dtype(_DTYPES[tensor.Type()])
    shape = _indices(tensor.ShapeAsNumpy())
    if any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise _damaged(f"tensor {name!r} has the impossible shape {shape}.")
    if not 0 <= tensor.Buffer() < model.BuffersLength():
        raise _damaged(f"tensor {name!r} names buffer {tensor.Buffer()} of {model.BuffersLength()}.")
    data: NDArray[Any] | None = None
    raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
    if not isinstance(raw, int) and raw.size > 0:
        expected = math.prod(shape) * dtype.itemsize
        if raw.size != expected:
            raise _damaged(f"constant {name!r} has {raw.size} bytes, expected {expected} for {dtype} {shape}.")
        data = np.frombuffer(raw.tobytes(), dtype).reshape(shape)
    quantization = _quantization(tensor.Quantization(), name, shape)
    if quantization is not None and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not all(limits.min <= zero_point <= limits.max for zero_point in quantization.zero_points):
            raise _damaged(f"tensor {name!r} has a zero point that {dtype} cannot hold.")
    return Tensor(index, name, shape, dtype.name, quantization, data)


def _quantization(parameters: Any, name: str, shape: tuple[int, ...]) -> Quantization | None:
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in parameters.ScaleAsNumpy())
    zero_points = _indices(parameters.ZeroPointAsNumpy()) or (0,) * len(scales)
    axis = parameters.QuantizedDimension()
    if not all(math.isfinite(scale) and scale >= 0 for scale in scales):
        raise _damaged(f"tensor {name!r} has a scale that is negative or not finite.")
    if len(zero_points) != len(scales):
        raise _damaged(f"tensor {name!r} has {len(scales)} scales and {len(zero_points)} zero points.")
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise _damaged(f"tensor {name!r} has {len(scales)} scales along axis {axis} of shape {shape}.")
    return Quantization(scales, zero_points, axis)


def _operator(model: Any, operator: Any, index: int) -> Operator:
    if not 0 <= operator.OpcodeIndex() < model.OperatorCodesLength():
        raise _damaged(f"operator {index} names code {operator.OpcodeIndex()} of {model.OperatorCodesLength()}.")
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Writers before schema 3a stored the code in the deprecated byte only, others in the new field only; the larger of
    # both is right for all. The package's BuiltinCode() looks at the new field for codes from 127 on only.
    number = max(_int32_field(code, 3), code.DeprecatedBuiltinCode())
    op = _OP_NAMES.get(number, f"BUILTIN_{number}")
    if op == "CUSTOM":
        op = f"CUSTOM {(code.CustomCode() or b'').decode(errors='replace')}"
    options: dict[str, Any] = {}
    if op in _OPTIONS:
        kind, fields = _OPTIONS[op]
        expected = getattr(tflite.BuiltinOptions, kind)
        if operator.BuiltinOptions() is None:
            options = dict.fromkeys(fields, 0)  # absent options have the schema's defaults, all of which are 0
        elif operator.BuiltinOptionsType() != expected:
            raise _damaged(f"operator {index} ({op}) carries options {operator.BuiltinOptionsType()}, not {kind}.")
        else:
            table = getattr(tflite, kind)()
            table.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
            options = {field: getattr(table, field)() for field in fields}
    return Operator(index, op, _indices(operator.InputsAsNumpy()), _indices(operator.OutputsAsNumpy()), options)


def _int32_field(table: Any, field: int) -> int:
    """Field number `field` of a table, an int32; 0 if it is absent."""
    place = table._tab.Offset(4 + 2 * field)  # the flatbuffers' layout of a vtable
    return int(table._tab.Get(Int32Flags, place + table._tab.Pos)) if place else 0


def _check_order(graph: Graph) -> None:
    """Every index exists; every tensor is written once, before it is read (so the graph has no cycle)."""
    count = len(graph.tensors)
    written = set(graph.inputs)
    for where, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if outside := [index for index in indices if not 0 <= index < count]:
            raise _damaged(f"graph {where} name tensor {outside[0]} of {count}.")
    for operator in graph.operators:
        label = f"operator {operator.index} ({operator.op})"
        for index in operator.inputs:
            if index != -1 and not 0 <= index < count:
                raise _damaged(f"{label} reads tensor {index} of {count}.")
            if index != -1 and graph.tensors[index].data is None and index not in written:
                raise _damaged(f"{label} reads {graph.tensors[index].name!r} before anything has written it.")
        for index in operator.outputs:
            if not 0 <= index < count:
                raise _damaged(f"{label} writes tensor {index} of {count}.")
            if index in written or graph.tensors[index].data is not None:
                raise _damaged(f"{label} writes {graph.tensors[index].name!r}, which is written already.")
            written.add(index)
    for index in graph.outputs:
        if index not in written:
            raise _damaged(f"output {graph.tensors[index].name!r} is never written.")
