"""Stages of a sample's time, and their percentiles against the standard library's."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.bridge import Outcome
from host.latency import EDGES, STAGES, Durations, Latencies, bars, percentiles, split, stages

ACCEPTED = Outcome(0, 3, accepted=True, source="board", infer_cycles=90_000, gate_cycles=18_000,
                   seconds={"result": 0.004})  # fmt: skip
FORWARDED = Outcome(1, 3, accepted=False, source="host", infer_cycles=90_000, gate_cycles=18_000,
                    seconds={"result": 0.004, "uplink": 0.006, "large": 0.016, "final": 0.019})  # fmt: skip
FALLBACK = Outcome(2, 3, accepted=False, source="fallback", infer_cycles=90_000, gate_cycles=18_000,
                   seconds={"result": 0.004, "final": 2.004})  # fmt: skip


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=300))
def test_percentiles_equal_the_standard_librarys(durations: list[float]) -> None:
    found = percentiles(durations)
    expected = statistics.quantiles(durations, n=100, method="inclusive")
    assert (found.p50, found.p95, found.p99) == pytest.approx((expected[49], expected[94], expected[98]))
    assert found.samples == len(durations)


def test_percentiles_of_one_are_that_one() -> None:
    found = percentiles([7.0])
    assert (found.p50, found.p95, found.p99, found.samples) == (7.0, 7.0, 7.0, 1)
    alone = Durations()
    alone.add(7.0)
    assert alone.percentiles() == found


@given(st.lists(st.floats(1e-3, 4.9e5), min_size=1, max_size=300))
def test_counted_durations_are_known_to_within_their_bin(durations: list[float]) -> None:
    counted = Durations()
    for duration in durations:
        counted.add(duration)
    found, exact = counted.percentiles(), percentiles(durations)
    assert (found.p50, found.p95, found.p99) == pytest.approx((exact.p50, exact.p95, exact.p99), rel=0.0075)
    assert (found.samples, found.histogram) == (exact.samples, exact.histogram)


def test_durations_beyond_the_edges_are_counted() -> None:
    counted = Durations()
    for duration in (0.0, 1e-5, 1e9):
        counted.add(duration)
    found = counted.percentiles()
    assert found.histogram == percentiles([0.0, 1e-5, 1e9]).histogram
    assert found.samples == 3 and found.p99 <= 1e9


def test_latencies_split_as_those_of_lists() -> None:
    times, counted = [stages(of, None) for of in (ACCEPTED, FORWARDED, FALLBACK)], Latencies()
    for of in times:
        counted.add(of)
    found, exact = counted.split(), split(times)
    assert list(found) == list(exact)
    for stage, of_stage in exact.items():
        assert (found[stage].p50, found[stage].p99) == pytest.approx((of_stage.p50, of_stage.p99), rel=0.0075)


def test_stages_on_a_board_add_up_to_the_total() -> None:
    found = stages(FORWARDED, board_hz=180e6)
    expected = {"load": 3.4, "board": 0.6, "uplink": 2.0, "large": 10.0, "downlink": 3.0, "total": 19.0,
                "forwarded": 19.0}  # fmt: skip
    assert found == pytest.approx(expected)
    parts = sum(found[stage] for stage in ("load", "board", "uplink", "large", "downlink"))
    assert parts == pytest.approx(found["total"])


def test_an_emulated_board_has_no_milliseconds_of_its_own() -> None:
    assert stages(ACCEPTED, board_hz=None) == pytest.approx({"load": 4.0, "total": 4.0, "accepted": 4.0})


def test_stages_that_a_sample_did_not_reach_are_left_out() -> None:
    assert stages(FALLBACK, board_hz=None) == pytest.approx({"load": 4.0, "total": 2004.0, "forwarded": 2004.0})


def test_a_persons_time_is_in_no_stage_but_in_the_total() -> None:
    seconds = {"result": 0.004, "consent": 3.004, "uplink": 3.006, "large": 3.016, "final": 3.019}
    found = stages(replace(FORWARDED, seconds=seconds, granted=True), board_hz=None)
    assert found == pytest.approx(
        {"load": 4.0, "uplink": 2.0, "large": 10.0, "downlink": 3.0, "total": 3019.0, "forwarded": 3019.0}
    )


def test_a_sample_that_stays_was_not_forwarded() -> None:
    assert stages(replace(FALLBACK, source="withheld"), board_hz=None) == pytest.approx({"load": 4.0, "total": 2004.0})


def test_split_counts_each_stage_over_the_samples_that_reached_it() -> None:
    found = split([stages(outcome, board_hz=180e6) for outcome in (ACCEPTED, FORWARDED, FALLBACK)])
    assert list(found) == list(STAGES)
    counts = {stage: of.samples for stage, of in found.items()}
    assert counts == {"load": 3, "board": 3, "uplink": 1, "large": 1, "downlink": 1, "accepted": 1, "forwarded": 2,
                      "total": 3}  # fmt: skip


def test_nothing_streamed_gives_no_stages() -> None:
    assert split([]) == {}
    assert split([{}]) == {}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_a_histogram_counts_everything_once(durations: list[float]) -> None:
    found = percentiles(durations).histogram
    assert sum(count for _, count in found) == len(durations)
    assert found[0][1] > 0 < found[-1][1]
    edges = [edge for edge, _ in found]
    assert edges == list(EDGES[EDGES.index(edges[0]) :][: len(edges)])
    for edge, count in found[1:-1]:
        above = EDGES[EDGES.index(edge) + 1]
        assert count == sum(edge <= duration < above for duration in durations)


def test_bars_rise_with_their_bins() -> None:
    assert bars(percentiles([1.5, 2.5, 3.0, 9.0])) == "1 ▄█▄ 10"
