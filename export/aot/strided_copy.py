"""Copies between strided views of tensors: their axes, merged, for firmware/lib/nn/strided_copy.h."""

from dataclasses import dataclass

import numpy as np

from export.graph import GraphError

AXES = 5  # NN_COPY_AXES of firmware/lib/nn/strided_copy.h


@dataclass(frozen=True)
class StridedCopy:
    """Sizes of the axes, outermost first, and the steps in bytes of source and target along them. Innermost of all,
    `run` bytes lie side by side in both."""

    counts: tuple[int, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]
    run: int

    def fields(self) -> dict[str, str | int]:
        arrays = {"count": self.counts, "from": self.source, "to": self.target}
        return {**{name: f"{{{', '.join(map(str, values))}}}" for name, values in arrays.items()}, "run": self.run}


def strided_copy(shape: tuple[int, ...], source: tuple[int, ...], target: tuple[int, ...], dtype: str) -> StridedCopy:
    """A copy of all indices of `shape`; steps are given in codes. Raises GraphError if more than AXES axes remain."""
    item = np.dtype(dtype).itemsize
    run = item
    axes: list[list[int]] = []  # count and both steps, innermost first
    for count, here, there in reversed([*zip(shape, source, target, strict=True)]):
        steps = [here * item, there * item]
        if count == 1:
            continue
        if not axes and steps == [run, run]:
            run *= count
        elif axes and steps == [step * axes[-1][0] for step in axes[-1][1:]]:
            axes[-1][0] *= count
        else:
            axes.append([count, *steps])
    if len(axes) > AXES or 0 in shape:
        raise GraphError(f"a copy of shape {shape} along {len(axes)} axes, expected at most {AXES} and none empty.",
                         "Use tensors of fewer axes.")  # fmt: skip
    axes += [[1, 0, 0]] * (AXES - len(axes))
    counts, here_steps, there_steps = (tuple(reversed(column)) for column in zip(*axes, strict=True))
    return StridedCopy(counts, here_steps, there_steps, run)


def dense(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The steps of a tensor's own axes, in codes."""
    return tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
