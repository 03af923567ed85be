"""The retransmission timer: against RFC 6298 worked out by hand, and on a board that is slower than it seems."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.timer import CEILING, DOUBLINGS, FLOOR, INITIAL, Timer


def test_the_estimate_is_that_of_the_rfc() -> None:
    """Section 2: the first measurement R gives SRTT = R, RTTVAR = R / 2; then RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|,
    SRTT = 7/8 SRTT + 1/8 R'."""
    timer = Timer()
    assert timer.seconds == INITIAL
    timer.add(0.4)
    assert timer.seconds == 0.4 + 4 * 0.2
    timer.add(0.8)
    assert abs(timer.seconds - ((0.4 * 7 / 8 + 0.8 / 8) + 4 * (0.2 * 3 / 4 + 0.4 / 4))) < 1e-12


def test_silence_doubles_the_wait_and_a_measurement_ends_that() -> None:
    timer = Timer(0.02)
    waits = []
    for _ in range(DOUBLINGS + 2):
        waits.append(round(timer.seconds, 6))
        timer.back_off()
    assert waits == [0.02, 0.04, 0.08, 0.16, 0.16]


def test_an_answer_to_what_was_said_twice_takes_half_a_doubling_back() -> None:
    timer = Timer(0.02)
    timer.back_off()
    timer.back_off()
    found = []
    for _ in range(4):
        timer.answered()
        found.append(round(timer.seconds, 6))
    assert found == [0.04, 0.04, 0.02, 0.02]


def test_a_slow_board_is_not_asked_sooner_for_the_ceiling() -> None:
    timer = Timer()
    for _ in range(50):
        timer.add(5.0)
    timer.back_off()
    assert timer.seconds > 5.0 > CEILING


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_the_wait_is_never_shorter_than_the_floor_nor_the_latest_of_equal_round_trips(found: list[float]) -> None:
    timer = Timer()
    for seconds in found:
        timer.add(seconds)
    assert timer.seconds >= FLOOR
    for _ in range(100):
        timer.add(found[-1])
    assert timer.seconds >= found[-1]


@pytest.mark.parametrize("round_trip", [0.012, 0.025, 0.05, 0.07])
def test_a_wait_that_is_too_short_grows_until_an_answer_is_measured(round_trip: float) -> None:
    """A board that takes that long, of which all earlier requests of 1 ms gave no notice."""
    timer, questions = Timer(), []
    for _ in range(20):
        timer.add(0.001)
    for _ in range(30):
        waited, said = 0.0, 1
        while (waited := waited + timer.seconds) < round_trip:
            timer.back_off()
            said += 1
        timer.add(round_trip) if said == 1 else timer.answered()
        questions.append(said)
    assert questions[0] > 1 and questions[-10:] == [1] * 10


def test_a_line_that_loses_every_fifth_request_is_not_waited_for() -> None:
    generator, timer, waited = random.Random(1), Timer(), 0.0
    timer.add(0.002)
    for _ in range(2000):
        first = True
        while generator.random() < 0.2:
            waited += timer.seconds
            timer.back_off()
            first = False
        timer.add(0.002) if first else timer.answered()
    assert waited / 2000 < 0.01
