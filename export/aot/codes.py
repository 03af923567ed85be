"""Types of activation codes: int8, or int16 in a 16x8 model (int16 activations, int8 weights)."""

from typing import Final

import numpy as np

from export.graph import GraphError, Tensor

TYPES: Final = ("int8", "int16")


def code_type(*tensors: Tensor) -> str:
    """The one type of all tensors. Raises GraphError unless all are int8, or all int16 with zero point 0."""
    expect((tensors[0].dtype,) if tensors[0].dtype in TYPES else TYPES, *tensors)
    return tensors[0].dtype


def expect(types: tuple[str, ...], *tensors: Tensor) -> None:
    """Raises GraphError unless every tensor is of one of `types`, and of zero point 0 if it is int16."""
    for tensor in tensors:
        if tensor.dtype not in types:
            raise GraphError(f"tensor {tensor.name!r} is {tensor.dtype}, expected {' or '.join(types)}.",
                             "Quantise the model fully, inputs and outputs included.")  # fmt: skip
        if tensor.dtype == "int16" and tensor.quantization is not None and any(tensor.quantization.zero_points):
            found = ", ".join(map(str, tensor.quantization.zero_points))
            raise GraphError(f"tensor {tensor.name!r} is int16 with zero point {found}, expected 0.",
                             "Quantise int16 activations symmetrically, as the TFLite specification says.")  # fmt: skip


def bits(dtype: str) -> int:
    """8 or 16, the suffix of the kernels' names."""
    return 8 * np.dtype(dtype).itemsize
