"""What the page is told of a session: its state (host.view.state) as JSON takes it, in four parts that change at
different paces.

    began     the session: names, classes, the curve                            once
    picture   the featured sample's levels, base64                              when another sample is featured
    now       figures, boards, the featured sample, what waits for consent      at every update
    course    the course of the figures, latencies, the last samples abstained from  a few times a second

Keys are the fields' names; shares are in 0 .. 1, times in milliseconds, thresholds and scores are codes unless said
otherwise. A list of pairs or quadruples where many are alike.
"""

import base64
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import ONE
from host.policy import NOTHING
from host.tally import Tally
from host.view import picture
from host.view.picture import Picture, resized
from host.view.state import WINDOW, Board, Shown, State, operating_point

SIDE_MAX: Final = 320
"""Levels of a picture's longer side that a page is sent at most: as many pixels as it has room for."""

THUMB_MAX: Final = 48
"""The same of a sample that was abstained from."""

CURVE_MAX: Final = 200
"""Points of the curve, and so positions of the slider: half a per cent of coverage each."""


def began(state: State, steers: bool) -> dict[str, Any]:
    """The session, and whether a person can steer it. `curve` is [threshold, coverage, selective risk] by rising
    threshold, from all to nothing accepted."""
    of = state.began
    assert of is not None
    kept = state.curve[:: -(-len(state.curve) // CURVE_MAX) or 1]
    curve = [(point.threshold, point.coverage, point.selective_risk) for point in kept]
    if curve:
        curve = [(0, 1.0, state.curve[0].selective_risk), *curve[curve[0][0] == 0 :]]
        curve += [(NOTHING, 0.0, 0.0)] * (curve[-1][0] < NOTHING)
    return {
        "name": of.name,
        "source": of.source,
        "large": of.large,
        "classes": of.classes,
        "samples": of.samples,
        "consent": of.consent,
        "score": of.score,
        "steers": steers,
        "one": ONE,
        "nothing": NOTHING,
        "window": WINDOW,
        "curve": curve,
    }


def levels(state: State, shown: Shown | None, side: int = SIDE_MAX) -> dict[str, Any] | None:
    """The picture of a sample, its rows from the top, None if there is none."""
    found = picture.of(state.began, shown.codes) if state.began and shown else None
    if found is None or shown is None:
        return None
    small = _shrunk(found, side)
    height, width, channels = small.shape
    data = base64.b64encode(small.tobytes()).decode()
    return {
        "number": shown.number,
        "kind": found.kind,
        "height": height,
        "width": width,
        "channels": channels,
        "levels": data,
    }


def now(state: State, idle: float) -> dict[str, Any]:
    """Everything of the moment; `idle` is the seconds since the last event."""
    point = operating_point(state.curve, state.threshold)
    return {
        "at": state.at,
        "end": None if state.finished is None else "interrupted" if state.finished.interrupted else "done",
        "rate": state.rate,
        "threshold": state.threshold,
        "moved_by": state.moved_by,
        "point": point and {"coverage": point.coverage, "risk": point.selective_risk},
        "since": _tally(state.since),
        "total": _tally(state.total),
        "window": _tally(state.window),
        "emulated": state.emulated,
        "boards": [_board(board) for board in state.boards.values()],
        "asking": [
            {"port": shown.port, "sample": shown.sample, "left": max(0.0, shown.until - state.at - idle)}
            for shown in state.asking
        ],
        "featured": state.featured and _shown(state.featured),
    }


def course(state: State) -> dict[str, Any]:
    """What takes longer to see."""
    return {
        "marks": [(mark.samples, mark.coverage, mark.base_accuracy, mark.hybrid_accuracy) for mark in state.course],
        "latency": {stage: (of.p50, of.p95, of.p99) for stage, of in state.latency().items()},
        "split": state.split(),
        "abstained": [
            _shown(shown) | {"picture": levels(state, shown, THUMB_MAX)} for shown in reversed(state.abstained)
        ],
    }


def _shrunk(found: Picture, side: int) -> NDArray[np.uint8]:
    """Levels of at most `side` rows and columns, an image's in proportion."""
    small: NDArray[Any] = found.levels
    share = min(1.0, side / max(small.shape[:2]))
    for axis in (0, 1):
        length = small.shape[axis]
        small = resized(small, axis, max(1, round(share * length)) if found.kind == "image" else min(length, side))
    return small.astype(np.uint8)


def _tally(of: Tally) -> dict[str, Any]:
    return {
        "samples": of.samples,
        "lost": of.lost,
        "coverage": of.coverage,
        "base": of.base_accuracy,
        "hybrid": of.hybrid_accuracy,
        "risk": of.selective_risk,
        "by": dict(of.answered_by),
    }


def _board(board: Board) -> dict[str, Any]:
    connected, health = board.connected, board.health
    return {
        "port": board.port,
        "link": board.link,
        "detail": board.detail,
        "threshold": board.threshold,
        "name": connected and connected.board,
        "firmware": connected and connected.firmware,
        "engine": connected and connected.engine,
        "megahertz": connected and connected.clock_hz / 1e6,
        "emulated": connected is not None and connected.emulated,
        "tally": _tally(board.tally),
        "health": health and {key: value for key, value in asdict(health).items() if key not in ("at", "port")},
    }


def _shown(shown: Shown) -> dict[str, Any]:
    """A sample. `probability` is what came with the answer; `only_there` whether nobody but its board has it."""
    outcome, consent = shown.outcome, shown.consent
    return {
        "number": shown.number,
        "port": shown.port,
        "sample": shown.sample,
        "label": shown.label,
        "name": shown.name,
        "stage": shown.stage,
        "board_class": shown.board_class,
        "score": shown.score,
        "accepted": shown.accepted,
        "threshold": outcome and outcome.threshold,
        "large_class": outcome and outcome.large_class,
        "answer": outcome and outcome.answer,
        "probability": outcome and outcome.probability,
        "source": outcome and outcome.source,
        "no_answer": outcome and outcome.no_answer,
        "lost": outcome and outcome.lost,
        "milliseconds": shown.milliseconds,
        "consent": consent and {"granted": consent.granted, "by": consent.by},
        "only_there": shown.only_there,
    }
