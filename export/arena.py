"""The tensor arena of TensorFlow Lite Micro: how many bytes a model needs on a microcontroller, known before it is
built.

    arena_bytes = measure(graph, content)

The interpreter in the tflite-micro wheel reports what it used here, in two parts: the tail, structures that stay, and
the head, the activations. Here is a 64-bit PC with portable kernels; a microcontroller differs in three ways.

* Its pointers have four bytes, so its tail is the smaller of the two. That difference is the slack of the estimate.
* Kernels made for the core, as those of CMSIS-NN, ask for scratch memory beside the activations.
* While the interpreter plans where the activations go, it keeps its books where they will be. A small model needs more
  for the books than for the activations, and the report does not tell.
"""

import math
import os
import re
import sys
import tempfile
from typing import Final

from export.errors import ExportError
from export.graph import Graph
from export.micro import ARENA_BYTES

ALIGNMENT: Final = 16
"""Of buffers in the arena: MicroArenaBufferAlignment() of TensorFlow Lite Micro."""

PLANNING_BYTES: Final = 64
"""A buffer in the planner's books, on 32 bits: AllocationInfo 24 (micro_allocation_info.h) and what
GreedyMemoryPlanner::per_buffer_size() says, 40. There is one buffer a tensor, and one for an operator's scratch
memory."""

_HEAD: Final = re.compile(rb"Arena allocation head (\d+) bytes")
_TAIL: Final = re.compile(rb"Arena allocation tail (\d+) bytes")


def measure(graph: Graph, content: bytes) -> int:
    """Bytes of the arena for the .tflite `content`, which was read as `graph`. Raises ExportError if TensorFlow Lite
    Micro refuses the model or does not report its use."""
    report = _report(content)
    head, tail = _HEAD.search(report), _TAIL.search(report)
    if head is None or tail is None:
        raise ExportError(
            f"the tflite-micro package printed no arena use, but {report.decode(errors='replace').strip()!r}.",
            'Install the version that the project names: pip install -e ".[export]"',
        )
    buffers = len(graph.tensors) + len(graph.operators)
    need = int(tail[1]) + max(int(head[1]) + _scratch(graph), buffers * PLANNING_BYTES)
    return -(-need // ALIGNMENT) * ALIGNMENT


def _scratch(graph: Graph) -> int:
    """Bytes of the largest scratch memory that a kernel of CMSIS-NN may ask for. No two have it at the same time.

    A convolution lays out two columns of 16-bit inputs, a multiple of four long (arm_convolve_s8_get_buffer_size); a
    depthwise one as many 16-bit values as it has weights; average pooling sums each channel in 32 bits.
    """
    largest = 0
    for operator in graph.operators:
        if operator.op == "CONV_2D":
            largest = max(largest, 2 * 2 * -(-math.prod(graph.input(operator, 1).shape[1:]) // 4) * 4)
        elif operator.op == "DEPTHWISE_CONV_2D":
            largest = max(largest, 2 * graph.input(operator, 1).elements)
        elif operator.op == "AVERAGE_POOL_2D":
            largest = max(largest, 4 * graph.input(operator, 0).shape[-1])
    return largest


def _report(content: bytes) -> bytes:
    """What the interpreter prints about its arena after one inference. It prints from C++, to descriptor 2."""
    from tflite_micro import runtime

    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
        interpreter.invoke()  # on inputs of zeros: the arena's use does not depend on them
    except RuntimeError as error:
        raise ExportError(
            f"TensorFlow Lite Micro refuses the model ({error}).", "Use operators that it supports, in int8."
        ) from None
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        said.seek(0)
        return said.read()
