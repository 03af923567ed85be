"""Builds small int8 .tflite files operator by operator, with any shape, scale and zero point, for differential tests.

The generator writes what a converter would, through the schema's object API; it shares no code with the reader under
test.
"""

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

_TYPES = {"int8": schema.TensorType.INT8, "uint8": schema.TensorType.UINT8, "int16": schema.TensorType.INT16, "int32": schema.TensorType.INT32,
          "int64": schema.TensorType.INT64, "float32": schema.TensorType.FLOAT32}  # fmt: skip


@dataclass
class Builder:
    """Add tensors and operators, then `bytes(inputs, outputs)`."""

    model: Any = field(default_factory=schema.ModelT)

    def __post_init__(self) -> None:
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "int8", scale: float | list[float] | None = None,
               zero_point: int = 0, axis: int = 0, data: NDArray[Any] | None = None) -> int:  # fmt: skip
        """Returns the tensor's index. A list of scales means one a channel, along `axis`."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), _TYPES[dtype], 0
        if scale is not None:
            scales = scale if isinstance(scale, list) else [scale]
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(np.float32(value)) for value in scales]
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
            tensor.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, op: str, inputs: list[int], outputs: list[int], options: Any = None) -> None:
        """`options` is an object of the schema's API, such as schema.Conv2DOptionsT()."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, op)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        operator.inputs, operator.outputs = inputs, outputs
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.model.operatorCodes.append(code)
        self.graph.operators.append(operator)

    def bytes(self, inputs: list[int], outputs: list[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def options(kind: str, **fields: Any) -> Any:
    """An options object of the schema with the given fields, e.g. options("Pool2DOptions", strideH=2)."""
    value = getattr(schema, f"{kind}T")()
    for name, content in fields.items():
        if not hasattr(value, name):
            raise AttributeError(f"{kind} has no field {name}")
        setattr(value, name, content)
    return value
