"""Where the time of a sample goes, by stage, and its percentiles.

    times = stages(outcome, board_hz=180e6)        # a board
    times = stages(outcome, board_hz=None)         # an emulator: no stage "board", for its cycles are not time
    latency = split([stages(outcome, ...) for outcome in outcomes if outcome.lost is None])

    collected = Latencies()                        # the same of samples without end
    collected.add(stages(outcome, ...))
    latency = collected.split()

Stages, in milliseconds:

    load       first byte of the sample sent, to RESULT received; on a board less the stage "board". Of a sequence that is
               all its frames, each sent when those before were answered
    board      inference and gate, by the board's cycle counter
    uplink     RESULT received, or consent given, to the whole abstained sample received
    large      the large model
    downlink   ANSWER sent, to FINAL received
    accepted   all of it, for samples that the board answered itself
    forwarded  all of it, for samples that were sent up
    total      all of it, for every sample that was answered; a person's time for consent is in here and in no stage

In a bench the host loads the sample; a board with a sensor of its own has no stage "load".
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from host.bridge import Outcome

STAGES: Final = ("load", "board", "uplink", "large", "downlink", "accepted", "forwarded", "total")

SUMS: Final = ("accepted", "forwarded", "total")
"""Stages that are sums of others."""

BLOCKS: Final = " ▁▂▃▄▅▆▇█"

EDGES: Final = tuple(round(digit * 10.0**power, 9) for power in range(-3, 6) for digit in (1, 2, 5))
"""Lower edges of a histogram's bins in milliseconds, 1 us to 500 s in steps of about two; what is faster is in the
first."""


PARTS: Final = 128
"""Bins of equal ratio between two of EDGES, where durations without end are counted: 0.7 % wide at most."""

FINE: Final[tuple[float, ...]] = (
    0.0,
    *(low * (high / low) ** (part / PARTS) for low, high in itertools.pairwise(EDGES) for part in range(PARTS)),
    EDGES[-1],
    math.inf,
)


@dataclass(frozen=True)
class Percentiles:
    """Of `samples` durations in milliseconds, interpolated linearly between ranks (Hyndman and Fan, type 7).
    `histogram` holds the bins from the first to the last that has any: lower edge (of EDGES) and number."""

    samples: int
    p50: float
    p95: float
    p99: float
    histogram: tuple[tuple[float, int], ...] = ()


class Durations:
    """Counts of durations in milliseconds, of bounded size however many there are: the bins of FINE. Each
    duration is known to within its bin, 0.7 % of its value, and so are percentiles."""

    def __init__(self) -> None:
        self._counts = [0] * (len(FINE) - 1)
        self._least, self._most = math.inf, 0.0

    def add(self, milliseconds: float) -> None:
        self._counts[max(0, bisect.bisect_right(FINE, milliseconds) - 1)] += 1
        self._least, self._most = min(self._least, milliseconds), max(self._most, milliseconds)

    def percentiles(self) -> Percentiles:
        """At least one duration is needed."""
        counts = np.array(self._counts)
        upto = counts.cumsum()
        samples = int(upto[-1])

        def of_rank(rank: int) -> float:
            """The durations of a bin are taken to be spread evenly over it."""
            at = int(np.searchsorted(upto, rank, side="right"))
            low, high = max(FINE[at], self._least), min(FINE[at + 1], self._most)
            return float(low + (high - low) * (rank - upto[at] + counts[at] + 0.5) / counts[at])

        def at(share: float) -> float:
            below, part = divmod(share * (samples - 1), 1)
            return (1 - part) * of_rank(int(below)) + part * of_rank(min(int(below) + 1, samples - 1))

        coarse = np.add.reduceat(counts[1:], np.arange(0, len(counts) - 1, PARTS))
        coarse[0] += counts[0]
        filled = np.flatnonzero(coarse)
        histogram = tuple((EDGES[at], int(coarse[at])) for at in range(int(filled[0]), int(filled[-1]) + 1))
        return Percentiles(samples, at(0.5), at(0.95), at(0.99), histogram)


class Latencies:
    """Durations by stage, likewise of bounded size."""

    def __init__(self) -> None:
        self._stages: dict[str, Durations] = {}

    def add(self, times: Mapping[str, float]) -> None:
        """What `stages` says of a sample."""
        for stage, milliseconds in times.items():
            self._stages.setdefault(stage, Durations()).add(milliseconds)

    def split(self) -> dict[str, Percentiles]:
        """Percentiles of each stage that any sample went through, in the order of STAGES."""
        return {stage: self._stages[stage].percentiles() for stage in STAGES if stage in self._stages}


def split(times: Iterable[Mapping[str, float]]) -> dict[str, Percentiles]:
    """Percentiles of each stage that any sample went through, in the order of STAGES; `times` is what `stages` says of
    each."""
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for of in times:
        for stage, milliseconds in of.items():
            found[stage].append(milliseconds)
    return {stage: percentiles(durations) for stage, durations in found.items() if durations}


def stages(outcome: Outcome, board_hz: float | None) -> dict[str, float]:
    """Milliseconds of one answered sample by stage. `board_hz` is the clock that its cycles count, None if emulated."""
    at = {name: 1e3 * seconds for name, seconds in outcome.seconds.items()}
    times = {"load": at["result"]}
    if board_hz is not None and outcome.infer_cycles is not None and outcome.gate_cycles is not None:
        times["board"] = 1e3 * (outcome.infer_cycles + outcome.gate_cycles) / board_hz
        times["load"] -= times["board"]
    if "uplink" in at:
        times["uplink"] = at["uplink"] - at.get("consent", at["result"])
    if "large" in at:
        times["large"] = at["large"] - at["uplink"]
        times["downlink"] = at["final"] - at["large"]
    times["total"] = at.get("final", at["result"])
    if outcome.source != "withheld":
        times["accepted" if outcome.accepted else "forwarded"] = times["total"]
    return times


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """At least one duration is needed."""
    p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, (50, 95, 99)))
    return Percentiles(len(milliseconds), p50, p95, p99, _histogram(milliseconds))


def _histogram(milliseconds: Sequence[float]) -> tuple[tuple[float, int], ...]:
    bins = np.clip(np.searchsorted(EDGES, milliseconds, side="right") - 1, 0, None)
    counts = np.bincount(bins, minlength=len(EDGES))
    first, last = int(bins.min()), int(bins.max())
    return tuple((EDGES[at], int(counts[at])) for at in range(first, last + 1))


def bars(of: Percentiles) -> str:
    """The histogram for a line of text: its range in milliseconds, and a block for each bin, as high as it is full."""
    most = max(count for _, count in of.histogram)
    blocks = "".join(BLOCKS[math.ceil(count / most * (len(BLOCKS) - 1))] for _, count in of.histogram)
    edges = [edge for edge, _ in of.histogram]
    end = EDGES[min(EDGES.index(edges[-1]) + 1, len(EDGES) - 1)]
    return f"{edges[0]:g} {blocks} {end:g}"
