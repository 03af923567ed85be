"""The board's clock on the host's time line: simulated clocks whose truth is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.clock import DRIFT_SECONDS, ClockOffset

HZ = 180_000_000


def exchange(
    generator: random.Random, host: float, start: float, drift: float, slowest: float
) -> tuple[float, float, int]:
    """A PING at `host` whose two ways take up to `slowest` seconds each, at a board that began at `start` with a clock
    so much too fast."""
    down, up = generator.uniform(0.0002, slowest), generator.uniform(0.0002, slowest)
    ticks = round((host + down - start) * (1 + drift) * HZ)
    return host, host + down + up, ticks


@given(st.integers(0, 1000), st.floats(0, 1e5), st.sampled_from([-1e-4, 0.0, 5e-5, 1e-3]), st.integers(1, 40))
def test_a_moment_is_found_within_the_error_that_is_said(seed: int, start: float, drift: float, count: int) -> None:
    generator, offset = random.Random(seed), ClockOffset(HZ)
    for number in range(count):  # within a second, in which no clock drifts noticeably
        offset.add(*exchange(generator, start + 1 + number * 0.02, start, drift, 0.01))
    true = start + 1.5
    ticks = round((true - start) * (1 + drift) * HZ)
    assert abs(offset.host_seconds(ticks) - true) <= offset.error + 2 * abs(drift) + 1e-6
    assert offset.drift == 0


@pytest.mark.parametrize("drift", [-1e-4, 2e-5, 1e-3])
def test_drift_is_found_and_followed(drift: float) -> None:
    generator, offset, start = random.Random(4), ClockOffset(HZ), 50.0
    for second in range(120):
        offset.add(*exchange(generator, start + second, start, drift, 0.004))
    assert abs(offset.drift - drift) < 2e-5
    later = start + 125
    assert abs(offset.host_seconds(round(125 * (1 + drift) * HZ)) - later) < 0.002
    assert abs(offset.seconds - ((later - 6 - start) * (1 + drift) - (later - 6))) < 0.002


def test_little_time_tells_nothing_of_drift() -> None:
    offset = ClockOffset(HZ)
    offset.add(0.0, 0.01, 0)
    offset.add(DRIFT_SECONDS / 2, DRIFT_SECONDS / 2 + 0.01, HZ)
    assert offset.drift == 0


def test_a_board_that_was_reset_begins_anew() -> None:
    offset = ClockOffset(HZ)
    offset.add(0.0, 0.001, 1000 * HZ)
    offset.add(1.0, 1.2, 0)
    assert offset.host_seconds(0) == pytest.approx(1.1)
    assert offset.error == pytest.approx(0.1)


def test_nothing_is_known_at_first() -> None:
    assert not ClockOffset(HZ).known
    with pytest.raises(ValueError, match="empty"):
        ClockOffset(HZ).host_seconds(0)
