"""What a person does reaches the lane that it is meant for, and no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

from host.control import Control

LONG = 60.0
"""Seconds that no test waits: each is woken."""


def test_nothing_was_said() -> None:
    control = Control()
    assert (control.moved, control.threshold, control.by, control.stopping) == (None, None, None, False)
    assert control.wait_consent("a", 1, 0) is None


def test_the_last_move_holds() -> None:
    control = Control()
    control.move(100, by="key")
    control.move(0, by="web")
    assert control.moved == (0, "web")
    assert (control.threshold, control.by) == (0, "web")


def test_consent_said_before_the_lane_waits_is_taken_once() -> None:
    control = Control()
    control.consent("a", 7, granted=False, by="key")
    assert control.wait_consent("a", 7, LONG) == (False, "key")
    assert control.wait_consent("a", 7, 0) is None


def test_consent_goes_to_its_board_and_sample_only() -> None:
    control = Control()
    control.consent("a", 7, granted=True, by="web")
    control.consent("b", 8, granted=False, by="web")
    assert control.wait_consent("b", 8, 0) == (False, "web")
    assert control.wait_consent("a", 8, 0) is None, "said of another sample"
    assert control.wait_consent("a", 7, 0) is None, "too late: the lane is past it"


def test_the_newest_answer_counts() -> None:
    control = Control()
    control.consent("a", 7, granted=True, by="web")
    control.consent("a", 7, granted=False, by="key")
    assert control.wait_consent("a", 7, 0) == (False, "key")


def test_a_waiting_lane_is_woken() -> None:
    control, ports = Control(), [f"port {index}" for index in range(8)]
    with ThreadPoolExecutor(len(ports)) as lanes:
        waiting = [lanes.submit(control.wait_consent, port, index, LONG) for index, port in enumerate(ports)]
        for index, port in enumerate(ports):
            control.consent(port, index, granted=index % 2 == 0, by="key")
        assert [answer.result(LONG) for answer in waiting] == [(index % 2 == 0, "key") for index in range(len(ports))]


def test_stop_wakes_whoever_waits() -> None:
    control = Control()
    with ThreadPoolExecutor(1) as lane:
        waiting = lane.submit(control.wait_consent, "a", 1, LONG)
        threading.Thread(target=control.stop).start()
        assert waiting.result(LONG) is None
    assert control.stopping
    assert control.wait_consent("a", 1, LONG) is None


def test_an_answer_given_before_the_stop_is_still_heard() -> None:
    control = Control()
    control.consent("a", 1, granted=False, by="key")
    control.stop()
    assert control.wait_consent("a", 1, LONG) == (False, "key")
