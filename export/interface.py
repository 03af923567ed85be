"""Inputs and outputs of a float .tflite put in the order of the PyTorch model, and everything in it given a name.

    content = arrange(content, {"image": image}, {"logits": logits})

The firmware sees positions, and converters shuffle them: a name is looked up in the signature that the converter wrote
and confirmed by value on a probe; if the names are lost, the probe alone decides. On the way:

- tensors are named after the operator that writes them (`conv_2d_0`, `conv_2d_0/weights`), interface tensors as in PyTorch;
- an output that is an input gets a tensor of its own;
- every FULLY_CONNECTED gets a bias, zeros if it has none (runtimes differ in the rounding of one without);
- the converter's metadata is dropped.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export import flatbuffer
from export.errors import ExportError
from export.float_model import interpreter

SIGNATURE: Final = "serving_default"  # the key that TensorFlow's tools expect

# Largest difference between PyTorch and the float .tflite on the probe, relative to the output's largest value: float32
# sums in another order differ by some 1e-6; two different outputs that agree to this everywhere are one output.
TOLERANCE: Final = 1e-4

Arrays = Mapping[str, NDArray[np.float32]]


def channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """PyTorch's layout to TensorFlow's: [N, C, ...] to [N, ..., C]."""
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def arrange(content: bytes, inputs: Arrays, outputs: Arrays) -> bytes:
    """Order, name and complete a float .tflite.

    `inputs` and `outputs` are one probe: what the PyTorch model took and gave, by name, batch of one, in its layout and
    in the wanted order. The probe should be noise, so that equal values mean the same tensor. Returns the content of
    the new file. Raises ExportError if an output is missing, or cannot be told from another.
    """
    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    probe = {name: channels_last(value) for name, value in inputs.items()}
    expected = {name: channels_last(value) for name, value in outputs.items()}
    input_indices, output_indices = _identify(content, model, probe, expected)
    output_indices = [_copied(model, index) if index in input_indices else index for index in output_indices]
    graph.inputs = np.array(input_indices, np.int32)
    graph.outputs = np.array(output_indices, np.int32)
    interface = dict(zip([*input_indices, *output_indices], [*inputs, *outputs], strict=True))
    _add_biases(model)
    _name_tensors(graph, _operator_names(model), interface)
    _write_signature(model, list(inputs), list(outputs))
    model.metadata, model.description = None, "Demur"
    return flatbuffer.pack(model)


def _identify(content: bytes, model: Any, probe: Arrays, expected: Arrays) -> tuple[list[int], list[int]]:
    """Tensor indices of the inputs and outputs, in the order of `probe` and `expected`."""
    runner = interpreter(content)
    graph = model.subgraphs[0]
    problem = "the file has other inputs"
    for input_indices in _candidates(model, probe):
        for index, value in zip(input_indices, probe.values(), strict=True):
            runner.set_tensor(index, np.ascontiguousarray(value))
        runner.invoke()
        found = {int(index): runner.get_tensor(int(index)) for index in graph.outputs}
        try:
            return input_indices, _match_outputs(found, _signature(model, "outputs"), expected)
        except LookupError as error:
            problem = str(error)
    raise ExportError(
        f"the converted model does not compute what the PyTorch model does: {problem}.",
        "Compare the operators in the log of the conversion with the model; one was converted wrongly.",
    )


def _candidates(model: Any, probe: Arrays) -> Iterator[list[int]]:
    """Assignments of the file's inputs to the names of the probe: the signature's, or all that fit in shape."""
    graph, names = model.subgraphs[0], _signature(model, "inputs")
    if set(names) == set(probe):
        yield [names[name] for name in probe]
        return
    for indices in itertools.permutations([int(index) for index in graph.inputs]):
        shapes = [tuple(graph.tensors[index].shape) for index in indices]
        if shapes == [value.shape for value in probe.values()]:
            yield list(indices)


def _match_outputs(found: Mapping[int, NDArray[Any]], names: Mapping[str, int], expected: Arrays) -> list[int]:
    """Index of each expected output. Raises LookupError in words if one is absent, ambiguous or used twice."""
    chosen: list[int] = []
    for name, value in expected.items():
        candidates = [names[name]] if name in names else list(found)
        equal = [index for index in candidates if index in found and _close(found[index], value)]
        if len(equal) != 1:
            problem = "no output has its values" if not equal else f"{len(equal)} outputs have its values"
            raise LookupError(f"output {name!r} {value.shape} is missing: {problem} on the probe")
        if equal[0] in chosen:
            raise LookupError(f"output {name!r} {value.shape} is the same tensor as another output")
        chosen += equal
    return chosen


def _close(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.shape == expected.shape and bool(
        np.abs(found - expected).max() <= TOLERANCE * max(np.abs(expected).max(), np.finfo(np.float32).tiny)
    )


def _signature(model: Any, side: str) -> dict[str, int]:
    """Names of the first signature (`inputs` or `outputs`) to tensor indices; empty if there is no signature."""
    if not model.signatureDefs:
        return {}
    return {entry.name.decode(): entry.tensorIndex for entry in getattr(model.signatureDefs[0], side)}


def _operator_names(model: Any) -> list[str]:
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name

    return [opcode_to_name(model, operator.opcodeIndex) for operator in model.subgraphs[0].operators]


def _copied(model: Any, index: int) -> int:
    """An output that is an input: a tensor of its own, which a RESHAPE writes, so that each can have a name and a
    range."""
    from ai_edge_litert.schema_py_generated import (
        BufferT,
        BuiltinOperator,
        BuiltinOptions,
        OperatorCodeT,
        OperatorT,
        ReshapeOptionsT,
        TensorT,
    )  # fmt: skip

    graph = model.subgraphs[0]
    source = graph.tensors[index]
    model.buffers.append(BufferT())
    graph.tensors.append(
        TensorT(shape=source.shape, type=source.type, buffer=len(model.buffers) - 1, name=source.name + b"/copied")
    )
    reshape = BuiltinOperator.RESHAPE
    model.operatorCodes.append(OperatorCodeT(deprecatedBuiltinCode=reshape, builtinCode=reshape, version=1))
    graph.operators.append(
        OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=np.array([index], np.int32),
            outputs=np.array([len(graph.tensors) - 1], np.int32),
            builtinOptionsType=BuiltinOptions.ReshapeOptions,
            builtinOptions=ReshapeOptionsT(newShape=source.shape),
        )
    )
    return len(graph.tensors) - 1


def _add_biases(model: Any) -> None:
    """Give each FULLY_CONNECTED without a bias one of zeros."""
    from ai_edge_litert.schema_py_generated import BufferT, TensorT, TensorType

    graph = model.subgraphs[0]
    for operator, op in zip(graph.operators, _operator_names(model), strict=True):
        if op != "FULLY_CONNECTED" or (len(operator.inputs) > 2 and operator.inputs[2] != -1):
            continue
        units = int(graph.tensors[operator.inputs[1]].shape[0])  # weights are [outputs, inputs]
        model.buffers.append(BufferT(data=np.zeros(4 * units, np.uint8)))
        shape = np.array([units], np.int32)
        graph.tensors.append(TensorT(shape=shape, type=TensorType.FLOAT32, buffer=len(model.buffers) - 1, name=b"bias"))
        operator.inputs = np.array([*operator.inputs[:2], len(graph.tensors) - 1], np.int32)


def _name_tensors(graph: Any, operators: Sequence[str], interface: Mapping[int, str]) -> None:
    """Names from the structure: the converter's are the insides of TensorFlow. Names stay unique: ranges are kept by
    them."""
    names = dict(interface)
    for position, (operator, op) in enumerate(zip(graph.operators, operators, strict=True)):
        label = f"{op.lower()}_{position}"
        for place, index in enumerate(operator.outputs):
            names.setdefault(int(index), label if place == 0 else f"{label}/output_{place}")
        weighted = op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
        for place, index in enumerate(operator.inputs):
            role = ("input", "weights", "bias")[place] if weighted else f"input_{place}"
            names.setdefault(int(index), f"{names[int(operator.outputs[0])]}/{role}")
    taken: set[str] = set(interface.values())
    for index, tensor in enumerate(graph.tensors):
        name = names.get(index, f"unused_{index}")
        while index not in interface and name in taken:
            name += "_"
        taken.add(name)
        tensor.name = name


def _write_signature(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    from ai_edge_litert.schema_py_generated import SignatureDefT, TensorMapT

    graph = model.subgraphs[0]
    model.signatureDefs = [
        SignatureDefT(
            inputs=[TensorMapT(name, int(index)) for name, index in zip(inputs, graph.inputs, strict=True)],
            outputs=[TensorMapT(name, int(index)) for name, index in zip(outputs, graph.outputs, strict=True)],
            signatureKey=SIGNATURE,
            subgraphIndex=0,
        )
    ]
