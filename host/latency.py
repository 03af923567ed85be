"""Where the time of a sample goes, by stage, and its percentiles.

    latency = split(outcomes, board_hz=180e6)      # a board
    latency = split(outcomes, board_hz=None)       # an emulator: no stage "board", for its cycles are not time

Stages, in milliseconds:

    load       first byte of the sample sent, to RESULT received; on a board less the stage "board". Of a sequence that is
               all its frames, each sent when those before were answered
    board      inference and gate, by the board's cycle counter
    uplink     RESULT received, to the whole abstained sample received
    large      the large model
    downlink   ANSWER sent, to FINAL received
    accepted   all of it, for samples that the board answered itself
    forwarded  all of it, for samples that were sent up
    total      all of it, for every sample that was answered

In a bench the host loads the sample; a board with a sensor of its own has no stage "load".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from host.bridge import Outcome

STAGES: Final = ("load", "board", "uplink", "large", "downlink", "accepted", "forwarded", "total")


@dataclass(frozen=True)
class Percentiles:
    """Of `samples` durations in milliseconds, interpolated linearly between ranks (Hyndman and Fan, type 7)."""

    samples: int
    p50: float
    p95: float
    p99: float


def split(outcomes: Iterable[Outcome], board_hz: float | None) -> dict[str, Percentiles]:
    """Percentiles of each stage that any sample went through, in the order of STAGES. Lost samples are left out."""
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for outcome in outcomes:
        if outcome.lost is None:
            for stage, milliseconds in stages(outcome, board_hz).items():
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
        times["uplink"] = at["uplink"] - at["result"]
    if "large" in at:
        times["large"] = at["large"] - at["uplink"]
        times["downlink"] = at["final"] - at["large"]
    times["total"] = at.get("final", at["result"])
    times["accepted" if outcome.accepted else "forwarded"] = times["total"]
    return times


def percentiles(milliseconds: list[float]) -> Percentiles:
    """At least one duration is needed."""
    p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, (50, 95, 99)))
    return Percentiles(len(milliseconds), p50, p95, p99)
