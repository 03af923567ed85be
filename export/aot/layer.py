"""What an operator's `emit` writes with: constants, a parameter block and a call, collected for one layer of
model.c."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 116  # columns of an array's lines


class Layer:
    """Collects the C text of the operator with number `index`; `inputs`, `output`, `scratch`: C expressions."""

    def __init__(self, index: int, inputs: Sequence[str], output: str, scratch: str, functions: dict[str, str]) -> None:
        self.index = index
        self.inputs = tuple(inputs)
        self.output = output
        self.scratch = scratch
        self._functions = functions
        self.kernels: list[str] = []
        self.constants: list[str] = []
        self.calls: list[str] = []

    def kernel(self, header: str) -> None:
        """Ask for a header of firmware/lib/nn."""
        self.kernels.append(header)

    def array(self, name: str, ctype: str, values: NDArray[Any] | Sequence[int]) -> str:
        """A constant array; returns its C name."""
        flat = [int(value) for value in np.asarray(values).ravel()]
        self.constants.append(f"static const {ctype} {name}_{self.index}[{len(flat)}] = {{\n{rows(flat)}}};\n")
        return f"{name}_{self.index}"

    def table(self, name: str, ctype: str, values: NDArray[Any] | Sequence[int]) -> str:
        """A constant array that layers share if their contents are equal; returns its C name."""
        flat = [int(value) for value in np.asarray(values).ravel()]
        return self.function(name, f"static const {ctype} @[{len(flat)}] = {{\n{rows(flat)}}};\n")

    def parameters(self, struct: str, fields: Mapping[str, str | int], part: int | None = None) -> str:
        """A constant parameter block of a kernel; returns the C expression of its address. A layer that needs several
        numbers them by `part`."""
        name = f"layer_{self.index}" if part is None else f"layer_{self.index}_{part}"
        body = "".join(f"    .{name} = {value},\n" for name, value in fields.items())
        self.constants.append(f"static const struct {struct} {name} = {{\n{body}}};\n")
        return f"&{name}"

    def function(self, prefix: str, text: str) -> str:
        """A C definition that layers share if their texts are equal; `@` stands for its name, which is returned."""
        if text not in self._functions:
            self._functions[text] = f"{prefix}_{self.index}"
            self.constants.append(text.replace("@", self._functions[text]))
        return self._functions[text]

    def call(self, function: str, *arguments: str) -> None:
        self.calls.append(f"{function}({', '.join(arguments)});")


def rows(values: Sequence[int]) -> str:
    """Numbers as comma-separated lines of at most WIDTH columns."""
    lines, line = [], "   "
    for value in values:
        item = f" {value},"
        if len(line) + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line]) + "\n"
