"""`python -m export inspect MODEL.tflite`: operators, shapes, scales and zero points as text that diffs well."""

import argparse
from pathlib import Path
from typing import Any

from contract.errors import DONE
from export import graph
from export.graph import Tensor


def add(commands: Any) -> None:
    parser = commands.add_parser("inspect", help="print what a .tflite holds")
    parser.add_argument("model", type=Path, help="a .tflite file")


def call(arguments: argparse.Namespace) -> int:
    model = graph.read(arguments.model)
    for title, indices in (("input", model.inputs), ("output", model.outputs)):
        for index in indices:
            print(f"{title} {_describe(model.tensors[index])}")
    for operator in model.operators:
        options = "".join(f" {name}={value}" for name, value in sorted(operator.options.items()))
        print(f"{operator.index} {operator.op}{options}")
        for arrow, indices in (("<", operator.inputs), (">", operator.outputs)):
            for index in indices:
                print(f"  {arrow} {_describe(model.tensors[index]) if index >= 0 else 'none'}")
    return DONE


def _describe(tensor: Tensor) -> str:
    text = f"{tensor.name!r} {tensor.dtype} {'x'.join(map(str, tensor.shape)) or 'scalar'}"
    if tensor.data is not None:
        text += " constant"
    if tensor.quantization is None:
        return text
    scales, zero_points = tensor.quantization.scales, tensor.quantization.zero_points
    if len(scales) == 1:
        return f"{text} scale {scales[0]:.9g} zero {zero_points[0]}"
    return f"{text} scales {min(scales):.9g} to {max(scales):.9g} along axis {tensor.quantization.axis}"
