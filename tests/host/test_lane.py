"""A session on boards in Python that are unplugged and reset under it, and what a person does meanwhile."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import boards
from contract.errors import NO_DEVICE
from contract.run_folder import RunFolder
from host import backend, bench, recording, session
from host.bench import Plan
from host.consent import Rule
from host.control import Control
from host.errors import HostError
from host.events import ConsentAsked, ConsentGiven, Ended, Event, Link, Moved
from host.messages.sample import Answer, Infer
from host.messages.settings import Consent
from host.messages.wire import Message
from host.session import Options
from scripted_board import ScriptedBoard

THRESHOLD = 128  # between the scripted board's scores, 100 and 200


class Watch:
    """A view that keeps what it sees, and does something about it."""

    def __init__(self, act: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._act = act

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        self.events.append(event)
        self._act(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def options(folder: RunFolder, *urls: str, **more: Any) -> Options:
    return Options(run=folder, board=boards.load("nucleo"), ports=urls, **more)


def at_the_fifth(act: Callable[[], None]) -> Callable[[Message], bool]:
    """For `hear` of a scripted board: when the fifth sample is to be run, it is not."""
    seen: set[int] = set()

    def hear(message: Message) -> bool:
        if isinstance(message, Infer) and message.sample not in seen:
            seen.add(message.sample)
            if len(seen) == 5:
                act()
                return False
        return True

    return hear


@pytest.mark.parametrize("what", ["unplug", "reset"])
def test_a_board_that_is_lost_is_found_again_and_no_sample_with_it(with_large_model: RunFolder, what: str) -> None:
    watch = Watch()
    board = ScriptedBoard(hear=at_the_fifth(lambda: getattr(board, what)()))
    with board:
        summary = session.run(options(with_large_model, board.url, limit=10, threshold=150), [watch])
    assert (summary.samples, summary.lost, summary.disagreements) == (
        10,
        0,
        0,
    )  # the threshold is in force again as well
    assert summary.link_errors.reconnected == 1
    assert [(event.state, bool(event.detail)) for event in watch.of(Link)] == [
        ("up", False),
        ("down", True),
        ("up", False),
    ]
    assert [event.outcome.sample for event in watch.of(Ended)] == list(range(10))
    clock = summary.boards[0].clock  # of the scripted board, whose clock began with it or its reset
    assert clock is not None and 0 < clock.error < 5
    assert recording.outcomes(with_large_model.session) == [event.outcome for event in watch.of(Ended)]


def test_consent_is_asked_for_again_after_a_reset(with_large_model: RunFolder) -> None:
    board = ScriptedBoard(hear=at_the_fifth(lambda: board.reset()))
    with board:
        summary = session.run(options(with_large_model, board.url, limit=20, consent=Rule(Consent.NEVER)))
    assert (summary.lost, summary.answered_by["host"], summary.bytes_sent.uplink) == (0, 0, 0)
    assert summary.answered_by["withheld"] > 0


def test_a_board_that_does_not_come_back_ends_the_session_after_its_summary(with_large_model: RunFolder) -> None:
    def leave() -> None:
        board.unplug()
        board._listener.close()

    board = ScriptedBoard(hear=at_the_fifth(leave))
    board.__enter__()
    with pytest.raises(HostError) as gone:
        session.run(options(with_large_model, board.url, limit=10, reconnect_seconds=0.0))
    assert gone.value.exit_code == NO_DEVICE and board.url in gone.value.problem
    outcomes = recording.outcomes(with_large_model.session)
    assert [outcome.lost is None for outcome in outcomes] == [True] * 4 + [False]
    assert with_large_model.summary.exists()


def test_a_person_moves_the_threshold_and_it_is_left_on_the_board(with_large_model: RunFolder) -> None:
    control = Control()

    def move(event: Event) -> None:
        if isinstance(event, Ended) and event.outcome.sample == 3:
            control.move(0, "web")

    watch = Watch(move)
    with ScriptedBoard() as board:
        summary = session.run(options(with_large_model, board.url), [watch], control)
    thresholds = [event.outcome.threshold for event in watch.of(Ended)]
    first = thresholds.index(0)
    assert set(thresholds[:first]) == {THRESHOLD} and set(thresholds[first:]) == {0} and first >= 4
    assert all(event.outcome.accepted for event in watch.of(Ended)[first:])
    assert [(event.threshold, event.by) for event in watch.of(Moved)] == [(0, "web")]
    assert (summary.threshold, summary.disagreements) == (0, 0)  # each sample is judged by what was in force


def test_a_person_says_which_sample_may_leave(with_large_model: RunFolder) -> None:
    control, asked = Control(), 0

    def answer(event: Event) -> None:
        nonlocal asked
        if isinstance(event, ConsentAsked):
            asked += 1
            control.consent(event.port, event.sample, asked % 2 == 0, "key")

    watch = Watch(answer)
    with ScriptedBoard() as board:
        rule = Rule(Consent.ASK, seconds=20.0)
        summary = session.run(options(with_large_model, board.url, consent=rule), [watch], control)
    given = watch.of(ConsentGiven)
    assert [(event.granted, event.by) for event in given] == [(number % 2 == 0, "key") for number in range(1, 11)]
    assert (summary.answered_by["host"], summary.answered_by["withheld"], summary.lost) == (5, 5, 0)
    left = {event.outcome.sample for event in watch.of(Ended) if event.outcome.sent_up}
    assert left == {event.sample for event in given if event.granted}


def test_nobody_answers_and_the_sample_stays(with_large_model: RunFolder) -> None:
    watch = Watch()
    with ScriptedBoard() as board:
        rule = Rule(Consent.ASK, seconds=0.0)
        summary = session.run(options(with_large_model, board.url, consent=rule), [watch])
    assert {(event.granted, event.by) for event in watch.of(ConsentGiven)} <= {(False, "nobody")}
    assert (summary.answered_by["host"], summary.answered_by["withheld"]) == (0, 10)


def test_a_session_that_is_told_to_stop_stops(with_large_model: RunFolder) -> None:
    control = Control()
    watch = Watch(lambda event: control.stop() if isinstance(event, Ended) else None)
    with ScriptedBoard() as board:
        summary = session.run(options(with_large_model, board.url), [watch], control)
    assert 1 <= summary.samples < 40 and summary.lost == 0 and not summary.interrupted


def test_operating_points_are_measured_on_the_same_samples(with_large_model: RunFolder, tmp_path: Path) -> None:
    with ScriptedBoard() as board:
        found = bench.run(options(with_large_model, board.url), Plan(samples=12, warm_up=2, coverages=(0.5,)))
    names = [point.name for point in found.points]
    assert names == ["all on the board", "hybrid, 50% of the vectors", "hybrid, the run's threshold", "all on the PC"]
    on_board, half, own, pc = found.points
    assert (on_board.coverage, pc.coverage, pc.saved) == (1.0, 0.0, 0.0)
    assert half.coverage == own.coverage and 0 < own.coverage < 1  # two scores: one threshold in between
    assert all(point.samples == 12 and not point.lost and point.modelled_ms is None for point in found.points)
    assert on_board.accuracy == 1.0 and on_board.bytes_up < own.bytes_up < pc.bytes_up
    assert own.saved == pytest.approx(1 - own.mean_ms / pc.mean_ms)
    assert not found.interrupted and pc.answered_by["host"] == 12
    assert with_large_model.bench.read_text() == bench.to_json(found) + "\n"
    assert bench.claim(found)


def test_a_bench_that_is_interrupted_is_of_the_samples_until_then(with_large_model: RunFolder) -> None:
    seen: set[int] = set()

    def hear(message: Message) -> bool:
        seen.update([message.sample] if isinstance(message, Infer) else [])
        if len(seen) == 15:  # of the third sample, at its third point
            os.kill(os.getpid(), signal.SIGINT)
            seen.add(-1)
        return True

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ScriptedBoard(hear=hear) as board:
            found = bench.run(options(with_large_model, board.url), Plan(samples=12, warm_up=0, coverages=(0.9, 0.5)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.interrupted and 1 <= found.samples < 12
    assert all(point.samples == found.samples for point in found.points)


def test_a_bench_of_a_large_model_that_never_answers_claims_nothing(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        found = bench.run(options(with_large_model, board.url, consent=Rule(Consent.NEVER)), Plan(samples=4, warm_up=0))
    assert "nothing can be said" in bench.claim(found) and "withheld 4" in bench.claim(found)


@pytest.mark.parametrize("samples", [1, 3, 12])
def test_points_keep_their_coverage_however_few_samples_are_streamed(with_large_model: RunFolder, samples: int) -> None:
    with ScriptedBoard() as board:
        found = bench.run(options(with_large_model, board.url), Plan(samples=samples, warm_up=0, coverages=(0.9, 0.5)))
    assert [point.threshold for point in found.points][1:3] == [0, 200]  # the scores are 100, of a quarter, and 200


def test_what_left_the_board_is_told_though_the_board_was_lost_after_it(with_large_model: RunFolder) -> None:
    asked = 0

    def answer(event: Event) -> None:
        nonlocal asked
        if isinstance(event, ConsentAsked):
            asked += 1
            control.consent(event.port, event.sample, asked == 1, "key")

    def hear(message: Message) -> bool:
        if isinstance(message, Answer) and asked == 1:
            board.reset()
            return False
        return True

    control, watch = Control(), Watch(answer)
    board = ScriptedBoard(hear=hear)
    with board:
        rule = Rule(Consent.ASK, seconds=20.0)
        session.run(options(with_large_model, board.url, consent=rule, limit=4), [watch], control)
    abstained = [of for of in recording.outcomes(with_large_model.session) if not of.accepted]
    assert [(of.source, of.sent_up, of.uplink_bytes > 0) for of in abstained] == [("withheld", True, True)]


def test_the_large_model_sees_nothing_that_stays_on_a_board(
    with_large_model: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    load = backend.load

    def counted(*arguments: Any) -> backend.LargeModel:
        large = load(*arguments)
        classify = large.classify

        def count(samples: Any) -> Any:
            nonlocal calls
            calls += len(samples)
            return classify(samples)

        monkeypatch.setattr(large, "classify", count)
        return large

    monkeypatch.setattr(backend, "load", counted)
    with ScriptedBoard() as board:
        summary = session.run(options(with_large_model, board.url, consent=Rule(Consent.NEVER)))
    assert (calls, summary.large_accuracy) == (0, None)


def test_a_bug_in_a_lane_is_not_swallowed(with_large_model: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def classify(self, samples: Any) -> Any:
            raise ZeroDivisionError

    monkeypatch.setattr(backend, "load", lambda *_: Broken())
    with ScriptedBoard() as board, pytest.raises(ZeroDivisionError):
        session.run(options(with_large_model, board.url))
