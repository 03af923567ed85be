"""The risk-coverage curve of a run's test vectors: what each threshold would do, for a view that lets a person choose
one.

for point in curve(run, manifest): point.threshold, point.coverage, point.selective_risk
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import vectors
from host.errors import HostError
from host.events import Point
from host.policy import NOTHING

POINTS: Final = 101
"""More than a screen shows apart, fewer than take long to draw."""


def curve(run: RunFolder, manifest: Manifest, points: int = POINTS) -> tuple[Point, ...]:
    """At most so many points, from a threshold that accepts nothing to one that accepts everything; () without vectors
    that can be read."""
    try:
        split = vectors.load(run, manifest)
    except HostError:
        return ()
    labels, first, found = split.labels, split.least - 1, []
    classes, scores = split.classes[:, first:], split.scores[:, first:]
    for threshold in thresholds(split.best(), points):
        enough = scores >= threshold
        accepted, step = enough.any(axis=1), enough.argmax(axis=1)
        wrong = classes[np.arange(len(labels)), step] != labels
        count = int(accepted.sum())
        risk = float((accepted & wrong).sum()) / count if count else 0.0
        found.append(Point(threshold, count / len(labels), risk))
    return tuple(found)


def thresholds(scores: Sequence[int], points: int) -> list[int]:
    """From one that accepts nothing to one that accepts everything, at most `points` of them, evenly spaced in
    coverage; `scores` are those up to which a threshold accepts a sample. Each in between is a score, so it is where
    the curve has a point."""
    ranked = sorted(scores, reverse=True)
    places = np.linspace(0, len(ranked) - 1, max(2, points) - 1).round().astype(int)
    return [NOTHING, *sorted({ranked[place] for place in places[:-1]} - {ranked[-1]}, reverse=True), 0]
