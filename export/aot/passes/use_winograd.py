"""Choose Winograd's form of 3x3 convolutions where it is worth what it takes.

Its weights take 3.6 times the flash, so they go where a byte saves the most, as far as the target's flash allows. What
is left may transform its weights at run time instead, in RAM that other operators need anyway.
"""

from bisect import bisect_left
from dataclasses import replace
from typing import Any, Final

from export.aot.memory import plan
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_winograd import Conv2DWinograd, added_bytes, saved_cycles, tile_pairs, transform
from export.aot.operators.conv_2d_winograd_expanded import expand
from export.aot.passes.use_dsp import use_dsp
from export.aot.program import Node, Program

# What a byte of flash must save at least, in modelled cycles of an inference (export/bench/cycles.py). A byte of
# weights is used once for each output pixel, so for weights this is a question of the image: from about 12x12 pixels
# on.
CYCLES_PER_BYTE: Final = 25
CODE_BYTES: Final = 5_500  # of the kernels
FLASH_SHARE: Final = (
    0.5  # of the target's flash, for weights: the rest is for code, and for the firmware around the model
)
ARENA_GROWTH: Final = 1 / 16  # the most that run-time transforms may add to the arena


def use_winograd(program: Program) -> Program:
    free = float("inf") if program.flash is None else FLASH_SHARE * program.flash - _weights(program)
    nodes = list(program.nodes)
    forms = [(place, transform(node)) for place, node in enumerate(nodes) if isinstance(node, Conv2D)]
    candidates = [(place, form) for place, form in forms if form and saved_cycles(form) > 0]
    saved = spent = 0
    left = []
    for place, form in sorted(candidates, key=lambda item: -saved_cycles(item[1]) / added_bytes(item[1])):
        if added_bytes(form) <= free and saved_cycles(form) >= CYCLES_PER_BYTE * added_bytes(form):
            nodes[place] = form
            free -= added_bytes(form)
            saved += saved_cycles(form)
            spent += added_bytes(form)
        else:
            left.append((place, form))
    if left:
        limit = (1 + ARENA_GROWTH) * _arena(program, nodes)
        for place, form in left:
            saved += _expand(program, nodes, place, form, limit)
    return replace(program, nodes=tuple(nodes)) if saved >= CYCLES_PER_BYTE * (spent + CODE_BYTES) else program


def _expand(program: Program, nodes: list[Node], place: int, form: Conv2DWinograd, limit: float) -> int:
    """Put the form in its place, with the largest batch that the arena allows, and return the cycles that it saves; or
    leave the place as it is, and return 0."""
    pairs = tile_pairs(form.window)

    def trial(expansions: int) -> list[Node]:
        return [*nodes[:place], expand(form, batch=-(-pairs // expansions)), *nodes[place + 1 :]]

    # Planning takes time, and smaller batches take less RAM: search by halves.
    choices = [expansions for expansions in range(1, pairs + 1) if saved_cycles(form, expansions) > 0]
    chosen = bisect_left(choices, True, key=lambda expansions: _arena(program, trial(expansions)) <= limit)
    if chosen == len(choices):
        return 0
    nodes[:] = trial(choices[chosen])
    return saved_cycles(form, choices[chosen])


def _arena(program: Program, nodes: list[Node]) -> int:
    return plan(use_dsp(replace(program, nodes=tuple(nodes))), keep_inputs=False).memory.arena_bytes


def _weights(program: Program) -> int:
    """Bytes of the weights as they are."""
    nodes: tuple[Any, ...] = program.nodes
    return sum(node.weights.nbytes for node in nodes if hasattr(node, "weights"))
