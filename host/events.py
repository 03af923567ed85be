"""What happens in a session, while it happens: the one stream that log, views, replay and summary all read.

    for event in events: log.write(json.dumps(to_json(event)) + "\\n")
    event = from_json(json.loads(line))

An event is a frozen dataclass; on a line of session.jsonl it is a JSON object whose "event" is the class's name in
lower case. `at` is in seconds since the session began, on the host's monotonic clock; `port` says which of the boards
it is of, as the user named it.

A session is   began, connected (one for each board), then of each sample
                   sampled, decided, [consent asked, consent given,] ended
               with moved, link and health in between, and finished as its last line.

A new event is one new class and one line in EVENTS.
"""

import base64
import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from host.bridge import Outcome


@dataclass(frozen=True)
class Point:
    """A point of the risk-coverage curve of the test vectors: what `threshold`, a score code, would do."""

    threshold: int
    coverage: float
    selective_risk: float


@dataclass(frozen=True)
class Began:
    """The session's model and what it is asked to do. `shape` is the input's, as in the manifest: [1, H, W, C] of an
    image, [1, F] of one frame of a sequence, whose longest has `steps` frames (0: no sequence). A code c of it stands
    for scale * (c - zero_point), `low` .. `high` where 0 .. 1 was trained on. `samples` is None if nobody knows how
    many there will be. `threshold` is a score code; `consent` one of host.messages.settings.Consent."""

    at: float
    date: str  # ISO 8601, UTC
    name: str
    model_hash: str  # 16 hexadecimal digits
    ports: tuple[str, ...]
    source: str
    large: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    low: float
    high: float
    steps: int
    score: str
    threshold: int
    consent: str
    policy: str
    samples: int | None
    curve: tuple[Point, ...]


@dataclass(frozen=True)
class Connected:
    """A board said HELLO, at first or again. `emulated`: its cycles are instructions, counted by an emulator, or its
    clock is one's."""

    at: float
    port: str
    board: str
    firmware: str
    engine: str
    clock_hz: int
    emulated: bool


@dataclass(frozen=True)
class Link:
    """The state of a board's link: "up", "down" (and being opened again) or "gone" (given up). `detail` says why."""

    at: float
    port: str
    state: str
    detail: str


@dataclass(frozen=True)
class Sampled:
    """A sample is on its way to a board. `codes` are its quantised inputs, of a sequence all its frames; empty of one
    that the board takes from its own source. Of such a one it comes again with what has become known: `label`, and
    `codes` once it is up."""

    at: float
    port: str
    sample: int
    label: int | None
    name: str | None
    codes: bytes = field(repr=False)


@dataclass(frozen=True)
class Decided:
    """The board's own answer, and whether it stands. Of a sequence, after `steps` frames."""

    at: float
    port: str
    sample: int
    board_class: int
    score: int
    accepted: bool
    steps: int


@dataclass(frozen=True)
class ConsentAsked:
    """An abstained sample stays on its board until somebody says whether it may leave. `until` is when the board gives
    up."""

    at: float
    port: str
    sample: int
    board_class: int
    score: int
    until: float


@dataclass(frozen=True)
class ConsentGiven:
    """Or refused. `by` is "key", "web", "policy" or "nobody" (no answer came in time). From here on a sample that may
    leave has left the board."""

    at: float
    port: str
    sample: int
    granted: bool
    by: str


@dataclass(frozen=True)
class Ended:
    """The end of a sample, answered or lost. `board_hz` is what its cycles count, None if they are an emulator's
    instructions."""

    at: float
    port: str
    outcome: Outcome
    board_hz: float | None


@dataclass(frozen=True)
class Moved:
    """A board has another threshold in force. `by` is "policy", "web" or "key"."""

    at: float
    port: str
    threshold: int
    by: str


@dataclass(frozen=True)
class Health:
    """Counters of a link since its board connected first, both directions: frames and bytes that came and that were
    damaged, and what was said again. `round_trip` is the median of the last requests in seconds, `offset` the board's
    clock less the host's in seconds; None if unknown."""

    at: float
    port: str
    bytes_sent: int
    bytes_received: int
    frames_received: int
    damaged: int
    repeated: int
    reconnected: int
    round_trip: float | None
    offset: float | None


@dataclass(frozen=True)
class Finished:
    """The end. `summary` is the content of summary.json (host.summary.Summary)."""

    at: float
    interrupted: bool
    summary: dict[str, Any]


Event = Began | Connected | Link | Sampled | Decided | ConsentAsked | ConsentGiven | Ended | Moved | Health | Finished


class Observer(Protocol):
    """Whoever is told what happens: the log, a view, the tally."""

    def show(self, event: Event) -> None: ...


EVENTS: Final[dict[str, type[Any]]] = {
    kind.__name__.lower(): kind
    for kind in (Began, Connected, Link, Sampled, Decided, ConsentAsked, ConsentGiven, Ended, Moved, Health, Finished)
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as JSON takes it. Codes are base64."""
    values = {key: value for key, value in dataclasses.asdict(event).items() if key != "codes"}
    if isinstance(event, Sampled):
        values["codes"] = base64.b64encode(event.codes).decode()
    return {"event": type(event).__name__.lower(), **values}


def from_json(values: dict[str, Any]) -> Event:
    """Inverse of `to_json`. Raises ValueError or TypeError, in words, for anything else."""
    values = dict(values)
    kind = EVENTS.get(values.pop("event", None))
    if kind is None:
        raise ValueError(f"no event of a session: {str(values)[:60]}")
    if kind is Sampled:
        values["codes"] = base64.b64decode(values["codes"], validate=True)
    if kind is Ended:
        values["outcome"] = Outcome(**values["outcome"])
    if kind is Began:
        values["curve"] = tuple(Point(**point) for point in values["curve"])
        for name in ("ports", "classes", "shape"):
            values[name] = tuple(values[name])
    event: Event = kind(**values)
    return event
