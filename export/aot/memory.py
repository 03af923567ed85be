"""The memory plan: a byte offset in one static arena for every activation tensor.

Two tensors may share bytes when no operator needs both. Offsets are found by first fit over the tensors in several orders
(the problem is NP-hard; the largest-first order is the one TensorFlow Lite Micro's greedy planner uses) and the
smallest arena wins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.manifest import Buffer, Memory
from export.aot.program import Program

ALIGNMENT: Final = 4  # kernels load activations by words; LDRD and LDM fault on addresses that are not word aligned


@dataclass(frozen=True)
class Life:
    """A tensor with bytes of its own: its aligned size, and the first and last operator that needs it."""

    tensor: int
    bytes: int
    first: int
    last: int

    def meets(self, other: "Life") -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """`offsets` maps every activation tensor, aliases included, to its place in the arena; `scratch` every operator that
    needs scratch memory, by its number."""

    memory: Memory
    offsets: dict[int, int]
    scratch: dict[int, int]


def plan(program: Program, keep_inputs: bool) -> Plan:
    """Place all tensors. With `keep_inputs` nothing overwrites the model's inputs while it runs."""
    lives = _lives(program, keep_inputs)
    scratch = {
        index: Life(-1 - index, _aligned(node.scratch_bytes), index, index)  # no tensor has a negative number
        for index, node in enumerate(program.nodes)
        if node.scratch_bytes
    }
    owner = _in_place(program, lives)
    merged = [*_merge(lives, owner), *scratch.values()]
    placed = min((_first_fit(merged, order) for order in _ORDERS), key=lambda offsets: _arena(merged, offsets))
    offsets = {tensor: placed[_owner(owner, program.root(tensor))] for tensor in _activations(program)}
    places = [
        *((program.tensors[tensor].name, offsets[tensor], program.tensors[tensor].bytes, life)
          for tensor, life in lives.items()),
        *((f"scratch of {program.nodes[index].name}", placed[life.tensor], program.nodes[index].scratch_bytes, life)
          for index, life in scratch.items()),
    ]  # fmt: skip
    buffers = tuple(
        Buffer(name, offset, size, life.first, life.last)
        for name, offset, size, life in sorted(places, key=lambda place: (place[3].first, place[3].tensor))
    )
    return Plan(
        Memory(_arena(merged, placed), buffers),
        offsets,
        {index: placed[life.tensor] for index, life in scratch.items()},
    )


def _activations(program: Program) -> set[int]:
    used = set(program.inputs) | set(program.outputs) | set(program.aliases)
    for node in program.nodes:
        used |= {node.output, *node.inputs}
    return used


def _lives(program: Program, keep_inputs: bool) -> dict[int, Life]:
    """Lives of the tensors that own bytes. Inputs live from the start; outputs, and inputs that are kept, outlive the
    last operator, so that not even that one may work in place on them."""
    end = len(program.nodes)
    first: dict[int, int] = {program.root(tensor): 0 for tensor in program.inputs}
    last: dict[int, int] = dict.fromkeys(first, end if keep_inputs else 0)
    for index, node in enumerate(program.nodes):
        for tensor in (*node.inputs, node.output):
            root = program.root(tensor)
            first.setdefault(root, index)
            last[root] = max(last.get(root, 0), index)
    for tensor in program.outputs:
        last[program.root(tensor)] = end
    return {
        root: Life(root, _aligned(program.tensors[root].bytes), first[root], last[root])
        for root in first
    }  # fmt: skip


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _in_place(program: Program, lives: dict[int, Life]) -> dict[int, int]:
    """Outputs that take over the buffer of an input which dies at that operator: {output: input}."""
    owner: dict[int, int] = {}
    for index, node in enumerate(program.nodes):
        output = program.root(node.output)
        for tensor in node.overwrites:
            source = program.root(tensor)
            if source != output and lives[source].last == index and lives[source].bytes >= lives[output].bytes:
                owner[output] = source
                break
    return owner


def _owner(owner: dict[int, int], tensor: int) -> int:
    while tensor in owner:
        tensor = owner[tensor]
    return tensor


def _merge(lives: dict[int, Life], owner: dict[int, int]) -> list[Life]:
    """One life for each chain of tensors that share a buffer."""
    merged: dict[int, Life] = {}
    for tensor, life in lives.items():
        root = _owner(owner, tensor)
        seen = merged.get(root, life)
        merged[root] = Life(root, max(seen.bytes, life.bytes), min(seen.first, life.first), max(seen.last, life.last))
    return list(merged.values())


# Orders in which first fit is tried; the tensor number makes each one deterministic.
_ORDERS: Final[tuple[Callable[[Life], tuple[int, ...]], ...]] = (
    lambda life: (-life.bytes, life.first, life.tensor),
    lambda life: (life.first, -life.bytes, life.tensor),
    lambda life: (life.first - life.last, -life.bytes, life.tensor),
    lambda life: (-life.last, -life.bytes, life.tensor),
)


def _first_fit(lives: list[Life], order: Callable[[Life], tuple[int, ...]]) -> dict[int, int]:
    offsets: dict[int, int] = {}
    placed: list[Life] = []
    for life in sorted(lives, key=order):
        offset = 0
        for other in sorted((other for other in placed if other.meets(life)), key=lambda other: offsets[other.tensor]):
            if offset + life.bytes <= offsets[other.tensor]:
                break
            offset = max(offset, offsets[other.tensor] + other.bytes)
        offsets[life.tensor] = offset
        placed.append(life)
    return offsets


def _arena(lives: list[Life], offsets: dict[int, int]) -> int:
    return max((offsets[life.tensor] + life.bytes for life in lives), default=0)
