"""A 16x8 model that takes and gives int8: QUANTIZE in front of its input and behind its output.

    content = int8_edges(content, {"frame": (-1.0, 1.0)}, {"logits": (-9.1, 12.4)})

What a microcontroller measures and buffers has no 16 bits to offer, and the gate reads int8; only what lies between
needs the precision. The tensors inside keep their names with INSIDE added.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from export import flatbuffer
from export.quantize import INT8

INSIDE: Final = "/int16"

Range = tuple[float, float]


def int8_edges(content: bytes, inputs: Mapping[str, Range], outputs: Mapping[str, Range]) -> bytes:
    """Give the inputs and outputs of these names an int8 tensor with this range; every other stays as it is."""
    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    graph.inputs = np.array([_edge(model, index, inputs, before=True) for index in graph.inputs], np.int32)
    graph.outputs = np.array([_edge(model, index, outputs, before=False) for index in graph.outputs], np.int32)
    _rename_signature(model)
    return flatbuffer.pack(model)


def int8_copy(content: bytes, source: str, name: str, values: Range, place: int) -> bytes:
    """One more output, number `place`: the output `source` as int8 with this range, called `name`."""
    from ai_edge_litert.schema_py_generated import TensorMapT

    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    (index,) = (int(index) for index in graph.outputs if graph.tensors[index].name.decode() == source)
    graph.outputs = np.insert(graph.outputs, place, _quantised(model, index, name, values, before=False))
    for signature in model.signatureDefs or []:
        signature.outputs.insert(place, TensorMapT(name, int(graph.outputs[place])))
    return flatbuffer.pack(model)


def _edge(model: Any, index: int, ranges: Mapping[str, Range], before: bool) -> int:
    """The index of the int8 tensor, or `index` itself if its name is not among `ranges`."""
    inside = model.subgraphs[0].tensors[index]
    name = inside.name.decode()
    if name not in ranges:
        return int(index)
    inside.name = name + INSIDE
    return _quantised(model, index, name, ranges[name], before)


def _quantised(model: Any, index: int, name: str, values: Range, before: bool) -> int:
    """Index of a new int8 tensor `name`, which a new QUANTIZE copies to the tensor at `index`, or from it."""
    from ai_edge_litert.schema_py_generated import OperatorT, QuantizationParametersT, TensorT, TensorType

    graph = model.subgraphs[0]
    scale, zero_point = _parameters(*values)
    graph.tensors.append(
        TensorT(
            name=name,
            shape=graph.tensors[index].shape,
            type=TensorType.INT8,
            buffer=_empty_buffer(model),
            quantization=QuantizationParametersT(
                scale=np.array([scale], np.float32), zeroPoint=np.array([zero_point], np.int64)
            ),
        )
    )
    edge = len(graph.tensors) - 1
    source, target = (edge, index) if before else (index, edge)
    operator = OperatorT(opcodeIndex=_quantize_code(model), inputs=np.array([source], np.int32),
                         outputs=np.array([target], np.int32))  # fmt: skip
    graph.operators.insert(0 if before else len(graph.operators), operator)
    return edge


def _parameters(least: float, largest: float) -> tuple[float, int]:
    """Scale and zero point of an asymmetric int8 range, widened so that it holds 0."""
    least, largest = min(least, 0.0), max(largest, 0.0)
    scale = float(np.float32((largest - least) / (INT8[1] - INT8[0])))
    return scale, round(INT8[0] - least / scale)


def _empty_buffer(model: Any) -> int:
    from ai_edge_litert.schema_py_generated import BufferT

    model.buffers.append(BufferT())
    return len(model.buffers) - 1


def _quantize_code(model: Any) -> int:
    """Index of QUANTIZE among the operator codes, added if it is not there."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator, OperatorCodeT

    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == BuiltinOperator.QUANTIZE:
            return index
    quantize = BuiltinOperator.QUANTIZE
    model.operatorCodes.append(OperatorCodeT(deprecatedBuiltinCode=quantize, builtinCode=quantize, version=1))
    return len(model.operatorCodes) - 1


def _rename_signature(model: Any) -> None:
    """The signature names tensors by index."""
    graph = model.subgraphs[0]
    for signature in model.signatureDefs or []:
        for entries, indices in ((signature.inputs, graph.inputs), (signature.outputs, graph.outputs)):
            for entry, index in zip(entries, indices, strict=True):
                entry.tensorIndex = int(index)
