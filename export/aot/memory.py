"""The memory plan: a byte offset in one static arena for every activation tensor and every scratch buffer.

Two of them may share bytes when no operator needs both. An operator's output may also run into the input that dies
there, if it stays far enough behind what is still to be read (`Node.overlaps`): a 3x3 convolution needs a buffer of its
own for one row only. Offsets are found by first fit in several orders (the problem is NP-hard; the largest-first order
is the one TensorFlow Lite Micro's greedy planner uses), then by exchanging neighbours in the best order, and the
smallest arena wins.
"""

import math
import random
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
    """`offsets` maps every activation tensor, aliases included, to its place in the arena; `scratch` every operator
    that needs scratch memory, by its number."""

    memory: Memory
    offsets: dict[int, int]
    scratch: dict[int, int]


def plan(program: Program, keep_inputs: bool) -> Plan:
    """Place all tensors. With `keep_inputs` nothing overwrites the model's inputs while it runs."""
    lives = _lives(program, keep_inputs)
    needed = [*lives.values(), *_scratch(program)]
    placed = _smallest(needed, _overlaps(program, lives))
    offsets = {tensor: placed[program.root(tensor)] for tensor in _activations(program)}
    scratch = {_operator(life.tensor): placed[life.tensor] for life in needed if life.tensor < 0}
    buffers = []
    for life in sorted(needed, key=lambda life: (life.first, life.tensor)):
        if life.tensor < 0:
            node = program.nodes[_operator(life.tensor)]
            name, size = f"scratch of {node.name}", node.scratch_bytes
        else:
            name, size = program.tensors[life.tensor].name, program.tensors[life.tensor].bytes
        buffers.append(Buffer(name, placed[life.tensor], size, life.first, life.last))
    return Plan(Memory(_arena(needed, placed), tuple(buffers)), offsets, scratch)


def _scratch(program: Program) -> list[Life]:
    """Scratch buffers live for one operator; that with number i is called -1 - i, which no tensor is."""
    return [
        Life(-1 - index, _aligned(node.scratch_bytes), index, index)
        for index, node in enumerate(program.nodes)
        if node.scratch_bytes
    ]


def _operator(scratch: int) -> int:
    return -1 - scratch


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


@dataclass(frozen=True)
class Overlap:
    """How an output may lie on an input: `input - output` is at least `distance`, and a multiple of `unit`."""

    distance: int
    unit: int

    def allows(self, output: int, source: int) -> bool:
        return source - output >= self.distance and (source - output) % self.unit == 0


Overlaps = dict[tuple[int, int], Overlap]  # of (output, input)


def _overlaps(program: Program, lives: dict[int, Life]) -> Overlaps:
    """Pairs that may overlap although one operator needs both, because the input dies there."""
    pairs: Overlaps = {}
    for index, node in enumerate(program.nodes):
        output = program.root(node.output)
        unit = math.lcm(node.overlap_unit, ALIGNMENT)
        for tensor, distance in node.overlaps.items():
            source = program.root(tensor)
            if source != output and lives[source].last == index:
                known = pairs.get((output, source))  # another name of the same tensor: both must hold
                distance = max(distance, known.distance) if known else distance
                pairs[output, source] = Overlap(-(-distance // unit) * unit, unit)
    return pairs


# Orders in which first fit is tried: the largest, the earliest, the longest, the latest first. The tensor number makes
# each one deterministic.
_ORDERS: Final[tuple[Callable[[Life], tuple[int, ...]], ...]] = (
    lambda life: (-life.bytes, life.first, life.tensor),
    lambda life: (life.first, -life.bytes, life.tensor),
    lambda life: (life.first - life.last, -life.bytes, life.tensor),
    lambda life: (-life.last, -life.bytes, life.tensor),
)

EXCHANGES: Final = 400  # rounds of exchanging two in the best order; a plan takes well under a second


def _smallest(lives: list[Life], overlaps: Overlaps) -> dict[int, int]:
    """The best placement found, deterministically."""
    best = min(
        (sorted(lives, key=order) for order in _ORDERS), key=lambda order: _arena(lives, _first_fit(order, overlaps))
    )
    size = _arena(lives, _first_fit(best, overlaps))
    generator = random.Random(0)
    for _ in range(EXCHANGES if len(lives) > 2 else 0):
        a, b = generator.sample(range(len(best)), 2)
        order = best.copy()
        order[a], order[b] = order[b], order[a]
        found = _arena(lives, _first_fit(order, overlaps))
        if found <= size:
            best, size = order, found
    return _first_fit(best, overlaps)


def _first_fit(lives: list[Life], overlaps: Overlaps) -> dict[int, int]:
    """Each in turn to the lowest offset that no earlier one forbids."""
    offsets: dict[int, int] = {}
    placed: list[Life] = []
    for life in lives:
        rivals = [other for other in placed if other.meets(life)]
        offsets[life.tensor] = next(
            offset
            for offset in sorted(_candidates(life, rivals, offsets, overlaps))
            if all(_compatible(life, offset, other, offsets[other.tensor], overlaps) for other in rivals)
        )
        placed.append(life)
    return offsets


def _candidates(life: Life, rivals: list[Life], offsets: dict[int, int], overlaps: Overlaps) -> set[int]:
    """The start of the arena, the ends of the rivals, and where the overlap with one of them begins to be allowed."""
    found = {0}
    for other in rivals:
        start = offsets[other.tensor]
        found.add(start + other.bytes)
        if pair := overlaps.get((life.tensor, other.tensor)):  # this is the output
            latest = start - pair.distance
            found |= {latest, latest % pair.unit}
        if pair := overlaps.get((other.tensor, life.tensor)):  # this is the input
            found.add(start + pair.distance)
    return {offset for offset in found if offset >= 0}


def _compatible(life: Life, offset: int, other: Life, start: int, overlaps: Overlaps) -> bool:
    if offset + life.bytes <= start or start + other.bytes <= offset:
        return True
    output = overlaps.get((life.tensor, other.tensor))
    source = overlaps.get((other.tensor, life.tensor))
    return (output is not None and output.allows(offset, start)) or (
        source is not None and source.allows(start, offset)
    )


def _arena(lives: list[Life], offsets: dict[int, int]) -> int:
    return max((offsets[life.tensor] + life.bytes for life in lives), default=0)
