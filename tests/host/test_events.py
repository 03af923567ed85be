"""Events on a line of session.jsonl come back as they were; anything else is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host import events
from host.bridge import Outcome
from host.events import (
    Began,
    Connected,
    ConsentAsked,
    ConsentGiven,
    Decided,
    Ended,
    Finished,
    Health,
    Link,
    Moved,
    Point,
    Sampled,
)

SESSION = (
    Began(0.0, "2026-01-02T03:04:05Z", "digits", "0123456789abcdef", ("emulator",), "test split", "checkpoint", ("0", "1"), (1, 8, 8, 1), "int8",
          0.0039, -128, 0.0, 1.0, 0, "softmax_response", 30000, "always", "fixed", 450, (Point(0, 1.0, 0.05), Point(32000, 0.5, 0.0))),
    Connected(0.1, "emulator", "nucleo_f446re", "demur 0.1", "aot", 180_000_000, True),
    Sampled(0.2, "emulator", 7, 3, None, b"\x00\x80\xff"),
    Decided(0.3, "emulator", 7, 3, 12000, False, 0),
    ConsentAsked(0.3, "emulator", 7, 3, 12000, 30.3),
    ConsentGiven(0.4, "emulator", 7, True, "key"),
    Ended(0.5, "emulator", Outcome(7, 3, board_class=3, score=12000, accepted=False, seconds={"result": 0.1}), None),
    Moved(0.6, "emulator", 20000, "web"),
    Link(0.7, "emulator", "down", "the connection was lost"),
    Health(0.8, "emulator", 1, 2, 3, 4, 5, 6, None, 0.25),
    Finished(0.9, False, {"samples": 1}),
)  # fmt: skip


def test_every_event_comes_back_from_its_line() -> None:
    assert {type(event) for event in SESSION} == set(events.EVENTS.values())
    for event in SESSION:
        assert events.from_json(json.loads(json.dumps(events.to_json(event)))) == event


@given(st.binary(max_size=64))
def test_codes_come_back(codes: bytes) -> None:
    event = Sampled(0.0, "a", 0, None, "file", codes)
    assert events.from_json(json.loads(json.dumps(events.to_json(event)))) == event


@pytest.mark.parametrize(
    "values",
    [{}, {"event": "nothing"}, {"event": "moved"}, {"event": "moved", "at": 0, "port": "a", "threshold": 1, "by": "x", "more": 1},
     {"event": "sampled", "at": 0, "port": "a", "sample": 1, "label": 1, "name": None, "codes": "*"}],
)  # fmt: skip
def test_what_is_no_event_is_refused(values: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        events.from_json(values)
