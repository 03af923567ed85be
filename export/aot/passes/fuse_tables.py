"""A function of one int8 code, which is a table, becomes part of the tables of the sums around it, or of another
function.

Exact, because only tables are composed. In front of a sum it costs nothing; behind one it still saves a pass over the
codes. Not where somebody else needs what lies between the two.
"""

from dataclasses import replace

from export.aot.operators.lookup import Lookup
from export.aot.operators.sum_table import SumTable
from export.aot.program import Node, Program


def fuse_tables(program: Program) -> Program:
    for fuse in (_into_readers, _into_writer):
        for tensor in [node.output for node in program.nodes if isinstance(node, Lookup)]:
            # A table changes when another becomes part of it, but not what it writes.
            (table,) = (node for node in program.nodes if node.output == tensor and isinstance(node, Lookup))
            program = fuse(program, table)
    return program


def _private(program: Program, tensor: int) -> bool:
    """Whether only the program's nodes, and by this name, use a tensor."""
    return tensor not in program.outputs and tensor not in program.aliases and tensor not in program.aliases.values()


def _into_readers(program: Program, table: Lookup) -> Program:
    (source,) = table.inputs
    readers = program.readers(table.output)
    if (
        not readers
        or not all(isinstance(reader, Lookup | SumTable) for reader in readers)
        or not _private(program, table.output)
    ):
        return program

    def composed(node: Node) -> Node:
        if table.output not in node.inputs:
            return node
        if isinstance(node, Lookup):
            function = tuple(node.table[code + 128] for code in table.table)
            return replace(node, inputs=(source,), table=function)
        assert isinstance(node, SumTable)
        return node.preceded(table.output, table.table, source)

    return replace(program, nodes=tuple(composed(node) for node in program.nodes if node is not table))


def _into_writer(program: Program, table: Lookup) -> Program:
    (source,) = table.inputs
    writers = [node for node in program.nodes if node.output == source and isinstance(node, SumTable)]
    if not writers or program.readers(source) != [table] or not _private(program, source):
        return program
    (writer,) = writers
    assert isinstance(writer, SumTable)
    fused = writer.followed(table.table, table.output, table.name)
    kept = (node for node in program.nodes if node is not table)
    return replace(program, nodes=tuple(fused if node is writer else node for node in kept))
