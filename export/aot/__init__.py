"""Ahead-of-time compiler: a quantised .tflite to C that equals TensorFlow Lite Micro byte for byte.

    compiled = compile_model(graph.read(Path("model.tflite")), "digits")
    Path("model.h").write_text(compiled.header); Path("model.c").write_text(compiled.source)

The stages, in order: `passes` on the graph, `program.lower` (one typed node an operator, constants computed), `passes`
(rewrites that keep every byte), `memory.plan` (offsets in one static arena), `source` (C text). The oracle is the
interpreter in the `tflite-micro` wheel, never TensorFlow Lite or LiteRT, whose rounding differs.
"""

from dataclasses import dataclass, replace

from contract.manifest import Memory, Operator
from export.aot.memory import plan
from export.aot.operators import LOWER
from export.aot.passes import ARMV6_PASSES, BLOCKED_PASSES, DSP_PASSES, GRAPH_PASSES, PASSES
from export.aot.program import lower
from export.aot.source import header, source
from export.graph import Graph


@dataclass(frozen=True)
class Compiled:
    """Texts of model.h and model.c, the memory plan, and the operators that remain after the passes."""

    header: str
    source: str
    memory: Memory
    operators: tuple[Operator, ...]


# Cores with the DSP extension: two 16-bit products an instruction.
DSP_CORES = frozenset({"cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"})
ARMV6_CORES = frozenset({"cortex-m0", "cortex-m0plus"})


def compile_model(
    graph: Graph,
    title: str,
    keep_inputs: bool = True,
    core: str | None = None,
    small: bool = False,
    flash: int | None = None,
    prefix: str = "model",
) -> Compiled:
    """Compile a graph; `title` is the first comment of the files, `prefix` what they and all their names begin with, so
    that a program can hold two models.

    With `keep_inputs` the inputs keep their bytes through an inference, so that the sample can still be sent. The
    kernels are chosen for speed on `core`; they run, more slowly, everywhere else too. With `small`, or without a core,
    they are the plain ones, which take the least code. `flash` is the size of the target's flash: fast kernels with
    larger weights spend no more than their share of it. Raises UnsupportedError listing every operator that cannot be
    translated.
    """
    for simplify in GRAPH_PASSES:
        graph = simplify(graph)
    program = replace(lower(graph, LOWER), flash=flash)
    first, last = (DSP_PASSES if core in DSP_CORES else ()), (ARMV6_PASSES if core in ARMV6_CORES else ())
    fast = () if core is None or small else (*first, *BLOCKED_PASSES, *last)
    for rewrite in (*PASSES, *fast):
        program = rewrite(program)
    layout = plan(program, keep_inputs)
    operators = tuple(Operator(node.op, node.name, node.macs) for node in program.nodes)
    return Compiled(
        header(program, layout, title, keep_inputs, prefix),
        source(program, layout, title, prefix),
        layout.memory,
        operators,
    )
