"""model_ops.h: every operator that the compiler translates has its line, and C++ reads in the header what the model
holds."""

import re
import subprocess
from pathlib import Path

import pytest

from export import graph, resolver
from export.aot.operators import LOWER
from export.errors import ExportError
from export.graph import Graph, Operator
from export.pipeline import Exported
from tflite_builder import schema

# Takes the place of TensorFlow Lite Micro's resolver: has the methods of the table, says which one is called.
RESOLVER = """
#include <cstdio>
#include "model_ops.h"

struct Resolver {{
{methods}
}};

int main() {{
    Resolver resolver;
#define ADD(method) resolver.method();
    MODEL_OPS(ADD)
    std::printf("%d %u %u\\n", MODEL_OPS_COUNT, MODEL_ARENA_BYTES, MODEL_INPUT_0_BYTES);
}}
"""


def schema_name(method: str) -> str:
    """AddDepthwiseConv2D -> DEPTHWISE_CONV_2D, by the words in the method's name."""
    words = re.findall(r"2D|V2|[A-Z][a-z0-9]*", method.removeprefix("Add").replace("Conv2D", "Conv_2D"))
    return "_".join(word.upper() for word in words)


def test_every_operator_of_the_compiler_has_a_method() -> None:
    assert set(LOWER) <= set(resolver.METHODS)
    assert len(set(resolver.METHODS.values())) == len(resolver.METHODS)


@pytest.mark.parametrize("name", resolver.METHODS)
def test_operators_and_methods_are_named_alike(name: str) -> None:
    assert hasattr(schema.BuiltinOperator, name)
    assert schema_name(resolver.METHODS[name]).replace("_", "") == name.replace("_", "")


def test_the_compiler_reads_what_the_model_holds(exported: Exported, tmp_path: Path) -> None:
    methods = "\n".join(f'    void {method}() {{ std::puts("{method}"); }}' for method in resolver.METHODS.values())
    (tmp_path / "main.cc").write_text(RESOLVER.format(methods=methods))
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{exported.folder.path}"]
    subprocess.run(["g++", *flags, str(tmp_path / "main.cc"), "-o", str(tmp_path / "main")], check=True)
    *called, numbers = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )[:-1]

    model = schema.Model.GetRootAs(exported.folder.tflite.read_bytes(), 0)
    codes = {model.OperatorCodes(index).BuiltinCode() for index in range(model.OperatorCodesLength())}
    names = {name for name, code in vars(schema.BuiltinOperator).items() if code in codes}
    assert {schema_name(method).replace("_", "") for method in called} == {name.replace("_", "") for name in names}
    count, arena_bytes, input_bytes = map(int, numbers.split())
    assert count == len(called) == len(codes)
    assert arena_bytes % 16 == 0
    assert input_bytes == 64


def test_an_operator_without_a_method_is_refused_by_name() -> None:
    operators = tuple(Operator(index, op, (), (), {}) for index, op in enumerate(("ADD", "GATHER", "CUSTOM x", "ADD")))
    with pytest.raises(ExportError, match="CUSTOM x, GATHER") as caught:
        resolver.methods(Graph((), operators, (), ()))
    assert "export/resolver.py" in caught.value.next_step


def test_the_compiled_operators_are_not_those_of_the_file(exported: Exported) -> None:
    # The reason why the list is not taken from the manifest: the compiler folds operators away, the interpreter does
    # not.
    in_file = {operator.op for operator in graph.read(exported.folder.tflite).operators}
    assert {resolver.METHODS[name] for name in in_file} == set(resolver.methods(graph.read(exported.folder.tflite)))
    assert {operator.op for operator in exported.manifest.operators} <= in_file
