"""The state that views show: known sequences of events fold to known figures, and a whole session to those of its
summary."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host import latency, summary
from host.batcher import Statistics
from host.bridge import Outcome
from host.events import (
    Began,
    Connected,
    ConsentAsked,
    ConsentGiven,
    Decided,
    Ended,
    Event,
    Finished,
    Health,
    Link,
    Moved,
    Point,
    Sampled,
)
from host.tally import Counts, Tally
from host.view import picture
from host.view.state import (
    ABSTAINED,
    COURSE_MAX,
    FEATURED_SECONDS,
    NOTHING,
    STUCK_SECONDS,
    WAITING,
    WINDOW,
    State,
    operating_point,
    step,
)
from sessions import HZ, THRESHOLD, curve, digits, tones

CURVE = (Point(100, 1.0, 0.2), Point(200, 0.5, 0.1), Point(300, 0.25, 0.0))

BEGAN = Began(0.0, "2026-01-02T03:04:05Z", "digits", "0123456789abcdef", ("a", "b"), "test split", "checkpoint", ("0", "1"), (1, 2, 2, 1),
              "int8", 1 / 255, -128, 0.0, 1.0, 0, "softmax_response", 200, "ask", "fixed", 10, CURVE)  # fmt: skip


def folded(*events: Event) -> State:
    state = State()
    for event in events:
        state.fold(event)
    return state


def accepted(sample: int, label: int | None = 1, at: float = 1.0, seconds: float = 0.01, port: str = "a") -> Ended:
    return Ended(
        at,
        port,
        Outcome(sample, label, 1, 250, True, answer=1, probability=0.9, source="board", seconds={"result": seconds}),
        None,
    )


def forwarded(sample: int, label: int | None = 0, at: float = 1.0, port: str = "a") -> Ended:
    seconds = {"result": 0.01, "uplink": 0.03, "large": 0.06, "final": 0.1}
    outcome = Outcome(sample, label, 1, 150, False, 0, answer=0, probability=0.9, source="host", seconds=seconds)
    return Ended(at, port, outcome, None)


def test_before_anything_has_happened() -> None:
    state = State()
    assert (state.featured, state.rate, state.latency(), state.split(), state.asking) == (None, None, {}, {}, [])
    assert (state.total.coverage, state.total.base_accuracy, state.window.selective_risk) == (None, None, None)


def test_a_sample_from_its_sending_to_its_end() -> None:
    events = [BEGAN, Sampled(1.0, "a", 7, 0, "seven.png", b"\0\1\2\3"), Decided(1.1, "a", 7, 1, 150, False, 0),
              ConsentAsked(1.1, "a", 7, 1, 150, 31.1), ConsentGiven(2.0, "a", 7, True, "key"), forwarded(7, at=2.2)]  # fmt: skip
    state, stages = State(), []
    for event in events:
        state.fold(event)
        stages.append(state.featured.stage if state.featured else None)
        assert [shown.sample for shown in state.asking] == ([7] if isinstance(event, ConsentAsked) else [])
    assert stages == [None, "sent", "decided", "asking", "decided", "ended"]
    shown = state.featured
    assert shown is not None and shown is state.abstained[-1]
    assert (shown.number, shown.port, shown.sample, shown.label, shown.codes) == (1, "a", 7, 0, b"\0\1\2\3")
    assert shown.milliseconds == pytest.approx(100)
    assert shown.consent == events[4]
    assert state.version == len(events)


def test_a_board_with_a_source_of_its_own_is_sent_nothing() -> None:
    state = folded(BEGAN, Decided(1.0, "b", 3, 1, 250, True, 0), accepted(3, port="b"))
    assert state.featured is not None and state.featured.codes == b""
    assert (state.boards["b"].tally.samples, state.boards["a"].tally.samples) == (1, 0)


def test_counts_of_a_known_sequence() -> None:
    lost = Ended(2.0, "b", Outcome(4, 1, lost="no RESULT within 5 s"), None)
    fallback = Ended(
        3.0, "b", Outcome(5, 0, 1, 100, False, answer=1, source="fallback", seconds={"result": 1, "final": 3}), None
    )
    total = folded(
        BEGAN, accepted(1), accepted(2, label=0), forwarded(3), lost, fallback, accepted(6, label=None)
    ).total
    assert (total.samples, total.lost, total.accepted, total.labelled) == (6, 1, 3, 5)
    assert total.answered_by == {"board": 3, "host": 1, "fallback": 1}
    assert (total.coverage, total.abstention) == (0.5, 0.5)
    assert total.base_accuracy == pytest.approx(1 / 5), "a lost sample is a wrong one"
    assert total.hybrid_accuracy == pytest.approx(2 / 5)
    assert total.selective_risk == pytest.approx(1 / 2)


@pytest.mark.parametrize("boards", [1, 3])
def test_a_session_folds_to_the_figures_of_its_summary(boards: int) -> None:
    events = list(digits(seed=boards, samples=300, boards=boards, lost=0.02, fallback=0.1))
    outcomes = [event.outcome for event in events if isinstance(event, Ended)]
    state = folded(*events)
    counts = Counts(())
    for outcome in outcomes:
        counts.take(outcome)
    result = summary.summarise(
        name="digits", board="nucleo", engine="aot", source="", large="", consent="always", interrupted=False, threshold=THRESHOLD, counts=counts,
        large_accuracy=None, large_calls=Statistics(0, 0.0, 0, 0, 0, "closed", 0), latency_clock="", instructions_per_cycle=None, size=None, boards=[],
    )  # fmt: skip
    total = state.total
    assert total.samples == result.samples and total.lost == result.lost > 0
    assert (total.coverage, total.base_accuracy, total.hybrid_accuracy) == pytest.approx(
        (result.coverage, result.base_accuracy, result.hybrid_accuracy)
    )
    assert result.selective_accuracy is not None and total.selective_risk == pytest.approx(
        1 - result.selective_accuracy
    )
    assert {source: total.answered_by[source] for source in summary.SOURCES} == result.answered_by
    assert sum(board.tally.samples for board in state.boards.values()) == total.samples
    answered = [latency.stages(outcome, None) for outcome in outcomes if outcome.lost is None]
    for stage, of in state.latency().items():
        durations = [times[stage] for times in answered if stage in times]
        assert (of.samples, of.p50, of.p95, of.p99) == pytest.approx(
            (len(durations), *np.percentile(durations, (50, 95, 99)))
        )


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, 0, 1])), max_size=300))
def test_the_window_is_of_the_last_samples(kinds: list[tuple[bool, int | None]]) -> None:
    endings = [(accepted if kind else forwarded)(index, label) for index, (kind, label) in enumerate(kinds)]
    state, counted = folded(BEGAN, *endings), Tally()
    for ending in endings[-WINDOW:]:
        counted.count(ending.outcome)
    assert state.window.__dict__ | {"answered_by": +state.window.answered_by} == counted.__dict__


def test_another_session_begins_with_nothing_of_the_last() -> None:
    events = list(digits(samples=50))
    once, twice = folded(*events), folded(*tones(), *events)
    assert (twice.total, twice.course, twice.at, twice.latency()) == (once.total, once.course, once.at, once.latency())
    assert list(twice.boards) == list(once.boards) and twice.version > once.version


def test_moved_counts_anew_and_each_board_has_its_own() -> None:
    state = folded(BEGAN, accepted(1), Moved(1.0, "a", 300, "web"))
    assert (state.threshold, state.moved_by, state.since.samples) == (300, "web", 0)
    assert (state.boards["a"].threshold, state.boards["b"].threshold) == (300, 200)
    state.fold(forwarded(2))
    state.fold(Moved(1.1, "b", 300, "web"))
    assert (state.since.samples, state.total.samples) == (1, 2), "the second board follows the same move"


def test_boards_and_their_links() -> None:
    connected = Connected(0.1, "a", "nucleo_f446re", "demur 0.1", "aot", HZ, False)
    state = folded(BEGAN, connected)
    assert (state.boards["a"].link, state.boards["b"].link, state.emulated) == ("up", "opening", False)
    health = Health(1.0, "a", 1, 2, 3, 4, 5, 6, 0.002, None)
    for event in (Link(0.5, "a", "down", "unplugged"), health, replace(connected, port="c", emulated=True)):
        state.fold(event)
    assert (state.boards["a"].link, state.boards["a"].detail, state.boards["a"].health) == ("down", "unplugged", health)
    assert list(state.boards) == ["a", "b", "c"] and state.emulated
    state.fold(replace(connected, at=2.0))
    assert (state.boards["a"].link, state.boards["a"].detail) == ("up", "")
    state.fold(Finished(3.0, True, {}))
    assert state.finished is not None and state.finished.interrupted


def test_a_featured_sample_stays_long_enough_to_be_seen() -> None:
    state = folded(BEGAN)
    seen = []
    for index in range(100):  # 100 samples a second
        for event in (Sampled(index / 100, "a", index, 1, None, b""), accepted(index, at=index / 100)):
            state.fold(event)
            seen.append(state.featured.sample if state.featured else -1)
    assert sorted(set(seen)) == [0, round(100 * FEATURED_SECONDS)]


def test_a_sample_that_waits_for_consent_is_featured_whatever_else_ends() -> None:
    state = folded(BEGAN, ConsentAsked(1.0, "a", 1, 1, 150, 31.0))
    for index in range(2, 50):
        state.fold(accepted(index, at=float(index), port="b"))
    assert state.featured is not None and (state.featured.port, state.featured.sample) == ("a", 1)
    state.fold(ConsentAsked(50.0, "b", 60, 1, 150, 20.0))
    assert [shown.sample for shown in state.asking] == [60, 1], "the one whose time ends first comes first"


def test_a_sample_that_never_ends_is_not_featured_for_ever() -> None:
    state = folded(BEGAN, Sampled(0.0, "a", 1, 1, None, b""), accepted(2, at=1.0, port="b"))
    assert state.featured is not None and state.featured.sample == 1
    state.fold(accepted(3, at=STUCK_SECONDS, port="b"))
    assert state.featured.sample == 3


def test_rate() -> None:
    assert folded(BEGAN, accepted(1, at=1.0)).rate is None
    assert folded(BEGAN, *(accepted(index, at=index / 50) for index in range(500))).rate == pytest.approx(50, rel=0.02)
    state = folded(
        BEGAN, *(accepted(index, at=index / 50) for index in range(500)), Health(60.0, "a", *[0] * 6, None, None)
    )
    assert state.rate == 0


def test_means_add_up_and_waiting_is_what_is_in_no_stage() -> None:
    means = folded(BEGAN, *(forwarded(index) for index in range(3)), accepted(4)).split()
    assert means["board"] == pytest.approx({"load": 10})
    assert means["host"] == pytest.approx({"load": 10, "uplink": 20, "large": 30, "downlink": 40})
    real = replace(accepted(1).outcome, infer_cycles=800_000, gate_cycles=100_000)
    assert folded(BEGAN, Ended(1.0, "a", real, 180e6)).split()["board"] == pytest.approx({"load": 5, "board": 5})
    late = replace(forwarded(1).outcome, seconds={"result": 0.01, "final": 0.2})
    assert folded(BEGAN, Ended(1.0, "a", late, None)).split()["host"] == pytest.approx({"load": 10, WAITING: 190})


def test_a_wait_for_consent_is_no_time_of_the_link() -> None:
    seconds = {"result": 0.01, "consent": 5.01, "uplink": 5.03, "large": 5.06, "final": 5.1}
    ended = Ended(6.1, "a", replace(forwarded(7).outcome, seconds=seconds, granted=True), None)
    asked, given = ConsentAsked(1.0, "a", 7, 1, 150, 31.0), ConsentGiven(6.0, "a", 7, True, "key")
    state = folded(BEGAN, asked, given, ended)
    assert state.split()["host"] == pytest.approx(
        {"load": 10, "uplink": 20, "large": 30, "downlink": 40, WAITING: 5000}
    )
    latencies = state.latency()
    assert (latencies["uplink"].p50, latencies["total"].p50) == pytest.approx((20, 5100))


def test_a_withheld_sample_is_not_forwarded() -> None:
    outcome = replace(forwarded(1).outcome, source="withheld", large_class=None, seconds={"result": 0.01, "final": 3.0})
    state = folded(BEGAN, Ended(4.0, "a", outcome, None))
    assert list(state.latency()) == ["load", "total"] and state.split() == {}
    assert [shown.sample for shown in state.abstained] == [1]


def test_memory_is_bounded() -> None:
    def size(state: State) -> int:
        kept = (state.course, state.abstained, state._window, state._times, state._endings)
        return sum(map(len, kept))

    state, sizes = State(), []
    for event in digits(samples=10_000, boards=4, interval=0.01, finish=False):
        state.fold(event)
        sizes.append(size(state))
    assert state.total.samples == 10_000
    assert max(sizes[len(sizes) // 2 :]) <= COURSE_MAX + ABSTAINED + WINDOW + 1500
    assert COURSE_MAX // 2 <= len(state.course) <= COURSE_MAX
    steps = np.diff([mark.samples for mark in state.course])
    assert len(set(steps)) == 1, "the course is evenly spaced"


def test_a_curve_is_put_in_the_order_of_its_thresholds() -> None:
    assert folded(replace(BEGAN, curve=CURVE[::-1])).curve == CURVE


def test_the_operating_point_is_what_the_threshold_does_to_the_vectors() -> None:
    points = curve()
    scores = [point.threshold for point in points]
    for threshold in (0, scores[0], scores[0] + 1, scores[40], scores[-1], scores[-1] + 1, NOTHING):
        above = [point for point in points if point.threshold >= threshold]
        assert operating_point(points, threshold) == (above[0] if above else Point(threshold, 0.0, 0.0))
    assert operating_point((), 100) is None


@given(st.integers(0, NOTHING), st.sampled_from([0.01, 0.1, -0.01, -0.1]))
def test_a_step_changes_the_coverage_by_no_more_than_it_takes(threshold: int, share: float) -> None:
    points = curve()
    before, moved = operating_point(points, threshold), step(points, threshold, share)
    after = operating_point(points, moved)
    assert before is not None and after is not None and 0 <= moved <= NOTHING
    if moved in (0, NOTHING):
        return
    assert (after.coverage - before.coverage) / share >= 1 - 1e-9
    nearer = [
        point
        for point in points
        if 1 - 1e-9 <= (point.coverage - before.coverage) / share < (after.coverage - before.coverage) / share
    ]
    assert not nearer


def test_steps_reach_both_ends_and_stay_there() -> None:
    for points in (CURVE, curve(), ()):
        for share, end in ((0.01, 0), (-0.01, NOTHING)):
            threshold = 20_000
            for _ in range(300):
                threshold = step(points, threshold, share)
            assert threshold == end
            assert step(points, threshold, share) == end


@pytest.mark.parametrize(
    ("changes", "codes", "kind", "shape"),
    [
        ({}, bytes(4), "image", (2, 2, 1)),
        ({"shape": (1, 2, 2, 3)}, bytes(12), "image", (2, 2, 3)),
        ({"shape": (1, 2, 2, 2)}, bytes(8), "image", (2, 2, 1)),
        ({"shape": (1, 2, 2, 1), "dtype": "int16"}, bytes(8), "image", (2, 2, 1)),
        ({"shape": (1, 6)}, bytes(6), "trace", (1, 6, 1)),
        ({"shape": (1, 6), "steps": 9}, bytes(30), "trace", (6, 5, 1)),
        ({"shape": (1, 32), "steps": 9}, bytes(64), "spectrogram", (32, 2, 1)),
    ],
)
def test_pictures(changes: dict[str, object], codes: bytes, kind: str, shape: tuple[int, ...]) -> None:
    shown = picture.of(replace(BEGAN, **changes), codes)  # type: ignore[arg-type]
    assert shown is not None and (shown.kind, shown.levels.shape) == (kind, shape)


@pytest.mark.parametrize(
    ("shape", "steps", "codes"), [((1, 2, 2, 1), 0, b""), ((1, 2, 2, 1), 0, bytes(5)), ((1, 6), 9, bytes(7))]
)
def test_no_picture_of_codes_that_are_no_sample(shape: tuple[int, ...], steps: int, codes: bytes) -> None:
    assert picture.of(replace(BEGAN, shape=shape, steps=steps), codes) is None


def test_levels_are_what_the_codes_stand_for() -> None:
    shown = picture.of(BEGAN, bytes([128, 255, 0, 127]))
    assert shown is not None and shown.levels.ravel().tolist() == [0, 127, 128, 255]
    shown = picture.of(replace(BEGAN, scale=2 / 255, zero_point=0, low=-1.0), bytes([129, 0, 127, 127]))
    assert shown is not None and shown.levels.ravel().tolist() == [0, 128, 255, 255]


def test_time_goes_from_left_to_right_and_the_last_value_is_on_top() -> None:
    events = [event for event in tones() if isinstance(event, Began | Sampled)]
    assert isinstance(events[0], Began) and isinstance(events[1], Sampled)
    shown = picture.of(events[0], events[1].codes)
    frames = np.frombuffer(events[1].codes, np.int8).reshape(-1, 32)
    assert shown is not None
    assert np.corrcoef(shown.levels[0, :, 0], frames[:, 31])[0, 1] > 0.99
    assert shown.levels.shape == (32, len(frames), 1)
