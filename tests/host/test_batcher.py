"""The batcher and its breaker: whose row is whose, when the model is asked, and what happens when it does not answer.

No test depends on how fast anything runs: time is a clock that the test moves (tests/moved_clock.py).
"""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.run_folder import RunFolder
from host import backend
from host.backend import NoAnswer
from host.batcher import Batcher
from host.breaker import Breaker, State
from moved_clock import HANG, MovedClock
from open_inference_server import Behaviour, Server

CLASSES: Final = 3
Array = NDArray[np.float32]


def sample(value: float) -> Array:
    return np.full((1, 2, 2, 1), value, dtype=np.float32)


def answer(samples: Array) -> Array:
    """What the models of these tests say: rows by which their sample is known."""
    rows: Array = samples[:, 0, 0, :] + np.arange(CLASSES, dtype=np.float32)
    return rows


class Puppet:
    """A model that answers when the test says so. `asked` has the batches as they come, by their samples' values."""

    def __init__(self) -> None:
        self.asked: queue.Queue[list[float]] = queue.Queue()
        self._replies: queue.Queue[Exception | None] = queue.Queue()

    def classify(self, samples: Array) -> Array:
        self.asked.put(samples[:, 0, 0, 0].tolist())
        if (failure := self._replies.get(timeout=HANG)) is not None:
            raise failure
        return answer(samples)

    def next(self) -> list[float]:
        return self.asked.get(timeout=HANG)

    def succeed(self) -> None:
        self._replies.put(None)

    def fail(self, reason: str = "it is unwell") -> None:
        self._replies.put(NoAnswer(reason))

    def crash(self) -> None:
        self._replies.put(ZeroDivisionError("a bug"))


class Bench:
    """A puppet behind a batcher, and lanes that ask it."""

    def __init__(self, most: int = 4, jitter: float = 1.0) -> None:
        self.clock = MovedClock()
        self.model = Puppet()
        self.batcher = Batcher(self.model, most, 2.0, 1.5, 5, 2.0, self.clock, lambda: jitter)
        self._lanes = ThreadPoolExecutor(16)

    def ask(self, value: float) -> Future[Array]:
        return self._lanes.submit(self.batcher.classify, sample(value))

    def ask_in_order(self, *values: float) -> list[Future[Array]]:
        """Each waits before the next one comes."""
        futures, deadline = [], self.clock.now() + 1.5
        for count, value in enumerate(values, 1):
            futures.append(self.ask(value))
            self.clock.held(deadline, count)
        return futures

    def close(self) -> None:
        self.model.succeed()  # if it is being asked
        self.batcher.close()
        self._lanes.shutdown()


@pytest.fixture
def make() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make_one(*arguments: float, **options: float) -> Bench:
        made.append(Bench(*arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make_one
    for bench in made:
        bench.close()


def got(future: Future[Array], value: float) -> None:
    np.testing.assert_array_equal(future.result(HANG), answer(sample(value)))


def refused(future: Future[Array], words: str) -> None:
    with pytest.raises(NoAnswer, match=words):
        future.result(HANG)


def test_eight_threads_get_the_rows_of_their_own_samples() -> None:
    batches = []

    class Echo:
        def classify(self, samples: Array) -> Array:
            batches.append(len(samples))
            return answer(samples)

    def lane(number: int) -> list[int]:
        values = range(number * 1000, number * 1000 + 250)
        return [value for value in values if not np.array_equal(batcher.classify(sample(value)), answer(sample(value)))]

    with Batcher(Echo(), most=8, wait_ms=0, deadline_seconds=HANG) as batcher, ThreadPoolExecutor(8) as lanes:
        assert list(lanes.map(lane, range(8))) == [[]] * 8
        statistics = batcher.statistics
    assert sum(batches) == 8 * 250 and max(batches) <= 8
    assert statistics.batches == len(batches) and statistics.mean_batch == pytest.approx(2000 / len(batches))
    assert (statistics.retries, statistics.failures, statistics.unanswered, statistics.breaker) == (0, 0, 0, "closed")


def test_the_checkpoint_may_be_behind_it(with_large_model: RunFolder) -> None:
    large = backend.load("checkpoint", with_large_model, manifests.load(with_large_model.manifest))
    everything = np.random.default_rng(1).random((64, 8, 8, 1), dtype=np.float32)
    with Batcher(large, most=8, deadline_seconds=HANG) as batcher, ThreadPoolExecutor(8) as lanes:
        rows = lanes.map(lambda index: batcher.classify(everything[index : index + 1]), range(len(everything)))
        np.testing.assert_allclose(np.concatenate(list(rows)), large.classify(everything), atol=1e-6)


def test_a_server_that_is_away_for_a_while(run_folder: RunFolder) -> None:
    pytest.importorskip("urllib3", reason="urllib3 is not installed")
    behaviour = Behaviour(lambda images: np.full((len(images), 10), 0.1, np.float32))
    image = np.zeros((1, 8, 8, 1), dtype=np.float32)
    clock = MovedClock()
    with Server(behaviour) as server:
        large = backend.load(server.url, run_folder, manifests.load(run_folder.manifest))
        port = server.server_address[1]
        batcher = Batcher(large, most=1, breaks_after=3, clock=clock, jitter=lambda: 0.0)
        assert batcher.classify(image).shape == (1, 10)
    with pytest.raises(NoAnswer, match="Connection refused"):  # after three attempts, one of them on the old connection
        batcher.classify(image)
    with pytest.raises(NoAnswer, match=r"failed 3 times in a row \(Connection refused\) and is tried again in 2\.0 s"):
        batcher.classify(image)
    with Server(behaviour, port):
        with pytest.raises(NoAnswer, match="tried again in"):
            batcher.classify(image)
        clock.jump(2.1)
        assert batcher.classify(image).shape == (1, 10)
        statistics = batcher.statistics
        batcher.close()
    assert (statistics.batches, statistics.failures, statistics.retries, statistics.unanswered) == (2, 3, 2, 3)
    assert (statistics.breaker, statistics.opened) == ("closed", 1)


def test_the_first_waits_a_little_for_company(make: Callable[..., Bench]) -> None:
    bench = make()
    lanes = bench.ask_in_order(1, 2, 3)
    bench.clock.held(0.002, 1)
    assert bench.model.asked.empty()
    bench.clock.move(0.002)
    assert bench.model.next() == [1, 2, 3]
    bench.model.succeed()
    for lane, value in zip(lanes, (1, 2, 3), strict=True):
        got(lane, value)
    assert bench.batcher.statistics.mean_batch == 3


def test_nobody_waits_for_company_that_cannot_come(make: Callable[..., Bench]) -> None:
    alone = make(most=1)
    lane = alone.ask(7)
    assert alone.model.next() == [7]  # the clock has not moved
    alone.model.succeed()
    got(lane, 7)


def test_what_comes_while_the_model_is_asked_is_served_in_the_order_in_which_it_came(
    make: Callable[..., Bench],
) -> None:
    bench = make(most=2)
    lanes = bench.ask_in_order(5, 4)
    assert bench.model.next() == [5, 4]
    later = [bench.ask(9)]
    bench.clock.held(1.5, 3)
    later.append(bench.ask(1))
    bench.clock.held(1.5, 4)
    later.append(bench.ask(8))
    bench.clock.held(1.5, 5)
    bench.model.succeed()
    assert bench.model.next() == [9, 1]
    bench.model.succeed()
    bench.clock.move(0.002)  # the last is alone
    assert bench.model.next() == [8]
    bench.model.succeed()
    for lane, value in zip([*lanes, *later], (5, 4, 9, 1, 8), strict=True):
        got(lane, value)


def test_a_failure_is_tried_again_after_pauses_that_double(make: Callable[..., Bench]) -> None:
    bench = make(most=1, jitter=1.0)
    lane = bench.ask(3)
    at = 0.0
    for pause in (0.05, 0.1, 0.2):
        assert bench.model.next() == [3]
        bench.model.fail()
        at += pause
        bench.clock.move(at)
    assert bench.model.next() == [3]
    bench.model.succeed()
    got(lane, 3)
    statistics = bench.batcher.statistics
    assert (statistics.batches, statistics.retries, statistics.failures, statistics.unanswered) == (1, 3, 3, 0)
    again = bench.ask(4)  # after a success the next failure is a first one
    assert bench.model.next() == [4]
    bench.model.fail()
    bench.clock.move(at + 0.05)
    assert bench.model.next() == [4]
    bench.model.succeed()
    got(again, 4)


def test_jitter_shortens_the_pauses(make: Callable[..., Bench]) -> None:
    bench = make(most=1, jitter=0.5)
    lane = bench.ask(3)
    for at in (0.025, 0.075):
        bench.model.next()
        bench.model.fail()
        bench.clock.move(at)
    bench.model.next()
    bench.model.succeed()
    got(lane, 3)


def test_who_came_meanwhile_shares_the_retry(make: Callable[..., Bench]) -> None:
    bench = make(most=2)
    lanes = bench.ask_in_order(1, 2)
    assert bench.model.next() == [1, 2]
    late = bench.ask(3)
    bench.clock.held(1.5, 3)
    bench.model.fail()
    bench.clock.move(0.05)
    assert bench.model.next() == [1, 2]  # they came first
    bench.model.succeed()
    assert bench.model.next() == [3]
    bench.model.succeed()
    for lane, value in zip([*lanes, late], (1, 2, 3), strict=True):
        got(lane, value)
    assert bench.batcher.statistics.retries == 1


def test_no_answer_by_the_deadline_says_so_and_the_late_answer_is_nobodys(make: Callable[..., Bench]) -> None:
    bench = make(most=1)
    lane = bench.ask(3)
    bench.model.next()
    bench.clock.move(1.5)
    refused(lane, r"^no answer within 1\.5 s$")
    bench.model.succeed()
    following = bench.ask(4)  # asked after the pause for what was too late
    bench.clock.move(1.55)
    assert bench.model.next() == [4]
    bench.model.succeed()
    got(following, 4)
    statistics = bench.batcher.statistics
    assert (statistics.failures, statistics.unanswered, statistics.batches) == (1, 1, 1)


def test_a_retry_that_would_come_too_late_is_not_waited_for(make: Callable[..., Bench]) -> None:
    bench = make(most=1)
    early = bench.ask(1)
    bench.model.next()
    bench.clock.held(1.5, 1)
    bench.clock.jump(1.47)  # so long it took to fail
    late = bench.ask(2)
    bench.clock.held(2.97, 1)
    bench.model.fail("connection refused")
    refused(early, "^connection refused$")
    bench.clock.move(1.52)
    assert bench.model.next() == [2]
    bench.model.succeed()
    got(late, 2)


def test_the_breaker_opens_after_failures_in_a_row_and_one_probe_closes_it(make: Callable[..., Bench]) -> None:
    bench = make(most=1)
    lane = bench.ask(1)
    at = 0.0
    for pause in (0.05, 0.1, 0.2, 0.4):
        bench.model.next()
        bench.model.fail()
        at += pause
        bench.clock.move(at)
    bench.model.next()
    waiting = bench.ask(2)
    bench.clock.held(at + 1.5, 1)
    bench.model.fail("connection refused")
    refused(lane, "^connection refused$")
    refused(waiting, "^connection refused$")
    refused(bench.ask(3), r"failed 5 times in a row \(connection refused\) and is tried again in 2\.0 s")
    assert bench.batcher.statistics.breaker == "open" and bench.model.asked.empty()
    bench.clock.jump(at + 2.1)
    probe = bench.ask(4)
    assert bench.model.next() == [4]
    refused(bench.ask(5), "and is being tried")
    assert bench.batcher.statistics.breaker == "half-open"
    bench.model.succeed()
    got(probe, 4)
    statistics = bench.batcher.statistics
    assert (statistics.breaker, statistics.opened, statistics.failures, statistics.unanswered) == ("closed", 1, 5, 4)


def test_a_probe_that_fails_opens_it_again(make: Callable[..., Bench]) -> None:
    bench = make(most=1, jitter=0.0)
    lane = bench.ask(1)
    for _ in range(5):
        bench.model.next()
        bench.model.fail()
    refused(lane, "unwell")
    bench.clock.jump(2.1)
    probe = bench.ask(2)
    bench.model.next()
    bench.model.fail()
    refused(probe, "unwell")
    refused(bench.ask(3), r"failed 6 times in a row .* tried again in 2\.0 s")
    assert bench.batcher.statistics.opened == 2


def test_the_probe_is_one_sample(make: Callable[..., Bench]) -> None:
    bench = make(most=2, jitter=0.0)
    lanes = bench.ask_in_order(1, 2)
    for _ in range(5):
        bench.model.next()
        bench.model.fail()
    for lane in lanes:
        refused(lane, "unwell")
    bench.clock.jump(2.1)
    lanes = bench.ask_in_order(3, 4)  # both before the model is asked, which still waits for company
    assert bench.model.next() == [3]
    bench.model.succeed()
    bench.clock.move(2.102)
    assert bench.model.next() == [4]
    bench.model.succeed()
    got(lanes[0], 3)
    got(lanes[1], 4)


def test_what_is_no_failure_of_the_model_is_not_swallowed(make: Callable[..., Bench]) -> None:
    bench = make(most=1)
    lane = bench.ask(1)
    bench.model.next()
    bench.model.crash()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        lane.result(HANG)
    after = bench.ask(2)  # and the next is served
    bench.model.next()
    bench.model.succeed()
    got(after, 2)


def test_at_the_end_nobody_is_left_waiting(make: Callable[..., Bench]) -> None:
    bench = make(most=1)
    under_way, waiting = bench.ask(1), bench.ask(2)
    first = bench.model.next()
    bench.clock.held(1.5, 2)
    with ThreadPoolExecutor(1) as closing:
        closed = closing.submit(bench.batcher.close)
        refused(waiting if first == [1] else under_way, "the session is over")
        bench.model.succeed()
        closed.result(HANG)
    got(under_way if first == [1] else waiting, first[0])
    refused(bench.ask(3), "the session is over")


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against its description in a few lines."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(3, 2.0)
        self.in_a_row = 0
        self.shut_until: float | None = None
        self.probing = False

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: not self.probing and (self.shut_until is None or self.now >= self.shut_until))
    @rule(succeeds=st.booleans(), slow=st.booleans())
    def ask(self, succeeds: bool, slow: bool) -> None:
        assert self.breaker.remaining(self.now) == 0
        probe = self.breaker.begin(self.now)
        assert probe == (self.shut_until is not None)
        assert self.breaker.state is (State.HALF_OPEN if probe else State.CLOSED)
        self.now += 1.0 if slow else 0.0
        if succeeds:
            self.breaker.succeeded()
            self.in_a_row, self.shut_until = 0, None
        else:
            self.breaker.failed(self.now)
            self.in_a_row += 1
            if probe or self.in_a_row >= 3:
                self.shut_until = self.now + 2.0

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state is (State.CLOSED if self.shut_until is None else State.OPEN)
        assert self.breaker.remaining(self.now) == max((self.shut_until or 0.0) - self.now, 0.0)
        assert self.breaker.failures == self.in_a_row


TestBreaker = BreakerMachine.TestCase
