"""One large model for several boards: batches of what they abstained from, retries, and a breaker for a model that
fails.

    with Batcher(backend.load("checkpoint", run, manifest), most=len(ports)) as large:
        probabilities = large.classify(values)      # from any thread; raises host.backend.NoAnswer

Each lane calls `classify` with its sample and waits. One thread takes the samples in the order in which they came, up
to `most` at once, and asks the model; what comes while it is asking makes the next batch. A model that fails is asked
again after a pause that doubles, with jitter (Brooker, Exponential Backoff and Jitter, 2015: "full jitter"), as long as
an answer can come before the deadline; after some failures in a row nobody waits for it any more (host.breaker), and
the boards' own answers stand until it is back.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from host.backend import LargeModel, NoAnswer
from host.breaker import Breaker, State

MOST: Final = 16
"""Samples in a batch: on one core the digits' large model takes 1.7 ms for 16 of them, 0.46 ms for one."""

WINDOW_MS: Final = 2.0
"""How long the first of a batch waits for company: as long as a digit takes up a link (85 bytes of frame at 460,800
baud, 1.8 ms)."""

DEADLINE_SECONDS: Final = 1.5
"""Of the 2 s that a board waits by default (host.messages.settings.DEFAULT_DEADLINE_MS); the rest is for the link."""

FIRST_PAUSE: Final = 0.05
"""Seconds, at most, before the first retry; twice as many before each further one. Five attempts fit in the
deadline."""

LONGEST_PAUSE: Final = 1.0

BREAKS_AFTER: Final = 5
"""Failures in a row."""

BREAK_SECONDS: Final = 2.0
"""How long a model that failed is left alone: what somebody who restarts a server in front of an audience is willing to
wait."""

CLOSE_SECONDS: Final = 5.0
"""How long `close` waits for an answer that is under way; its thread does not keep the interpreter from ending."""


@dataclass(frozen=True)
class Statistics:
    """Since the beginning. A batch is one successful call of the model; `mean_batch` is in samples, 0 without any.

    `failures` are calls that failed or whose answer came when nobody waited any more, `retries` calls with samples of a
    failed one, `unanswered` samples that got NoAnswer. `breaker` is one of host.breaker.State, `opened` how often it
    opened.
    """

    batches: int
    mean_batch: float
    retries: int
    failures: int
    unanswered: int
    breaker: str
    opened: int


class Clock:
    """Time, as the batcher sees it. Tests bring one of their own."""

    def now(self) -> float:
        """Seconds on a clock that does not go back."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Until `condition`, which is held, is notified, or for so many seconds."""
        condition.wait(seconds)


@dataclass(eq=False)
class _Request:
    """A lane that waits. It is over when it has an answer or an error; `left`: the lane waited in vain."""

    samples: NDArray[np.float32]
    arrived: float
    deadline: float
    answer: NDArray[np.float32] | None = None
    error: Exception | None = None
    failed: bool = False
    left: bool = False


class Batcher:
    """A LargeModel for several threads around one that need not be. `most` is no more than there are callers, so that
    nobody waits for company that cannot come; `jitter` gives numbers in [0, 1)."""

    def __init__(
        self,
        model: LargeModel,
        most: int = MOST,
        wait_ms: float = WINDOW_MS,
        deadline_seconds: float = DEADLINE_SECONDS,
        breaks_after: int = BREAKS_AFTER,
        break_seconds: float = BREAK_SECONDS,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._model = model
        self._most = most
        self._window = wait_ms / 1e3
        self._seconds = deadline_seconds
        self._clock = clock or Clock()
        self._jitter = jitter
        self._breaker = Breaker(breaks_after, break_seconds)
        self._condition = threading.Condition()  # guards all that follows
        self._waiting: deque[_Request] = deque()
        self._not_before = 0.0  # when the model may be asked again after a failure
        self._reason = ""  # of the last failure
        self._closed = False
        self._batches = self._samples = self._retries = self._failures = self._unanswered = 0
        self._worker = threading.Thread(target=self._work, name="large model", daemon=True)
        self._worker.start()

    def __enter__(self) -> "Batcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [1, classes] of samples [1, ...], as host.backend.LargeModel has them (more than one stay
        together).

        Blocks until they are there, for `deadline_seconds` at most. Raises NoAnswer if there will be none in time.
        """
        with self._condition:
            now = self._clock.now()
            if self._closed:
                raise NoAnswer("the session is over")
            if refusal := self._refusal(now):
                self._unanswered += 1
                raise NoAnswer(refusal)
            request = _Request(samples, now, now + self._seconds)
            self._waiting.append(request)
            self._condition.notify_all()
            while request.answer is None and request.error is None:
                if (remaining := request.deadline - self._clock.now()) <= 0.0:
                    self._leave(request)
                    break
                self._clock.wait(self._condition, remaining)
            if request.error is not None:
                raise request.error
            assert request.answer is not None
            return request.answer

    def close(self) -> None:
        """No further answers: whoever waits gets NoAnswer."""
        with self._condition:
            self._closed = True
            self._give_up("the session is over", list(self._waiting))
            self._waiting.clear()
            self._condition.notify_all()
        self._worker.join(CLOSE_SECONDS)

    @property
    def statistics(self) -> Statistics:
        with self._condition:
            return Statistics(
                batches=self._batches,
                mean_batch=self._samples / self._batches if self._batches else 0.0,
                retries=self._retries,
                failures=self._failures,
                unanswered=self._unanswered,
                breaker=self._breaker.state.value,
                opened=self._breaker.opened,
            )

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            try:
                answers = self._model.classify(np.concatenate([request.samples for request in batch]))
            except NoAnswer as failure:
                with self._condition:
                    self._failed(batch, str(failure))
            except Exception as bug:  # not foreseen, so it is the callers' to see, who would wait in vain otherwise
                with self._condition:
                    self._breaker.failed(self._clock.now())
                    for request in batch:
                        request.error = bug
                    self._condition.notify_all()
            else:
                with self._condition:
                    self._answered(batch, answers)

    def _take(self) -> list[_Request] | None:
        """The next batch, when it is time for it; None when all is over."""
        with self._condition:
            while not self._closed:
                now, due = self._clock.now(), self._due()
                if due is not None and due <= now:
                    size = 1 if self._breaker.begin(now) else self._most
                    batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
                    self._retries += any(request.failed for request in batch)
                    return batch
                self._clock.wait(self._condition, None if due is None else due - now)
            return None

    def _due(self) -> float | None:
        """When the model is to be asked, as far as is known."""
        if not self._waiting:
            return None
        window = self._window if len(self._waiting) < self._most else 0.0
        return max(self._not_before, self._waiting[0].arrived + window)

    def _answered(self, batch: list[_Request], answers: NDArray[np.float32]) -> None:
        if all(request.left for request in batch):
            self._failed(batch, f"it took longer than {self._seconds:g} s")
            return
        self._breaker.succeeded()
        self._batches += 1
        self._samples += len(answers)
        at = 0
        for request in batch:
            request.answer = answers[at : at + len(request.samples)]
            at += len(request.samples)
        self._condition.notify_all()

    def _failed(self, batch: list[_Request], reason: str) -> None:
        """Whoever can still be answered in time goes back to the head of the queue; the others have their board's
        answer."""
        now = self._clock.now()
        self._failures += 1
        self._reason = reason
        self._breaker.failed(now)
        longest = min(FIRST_PAUSE * 2 ** (self._breaker.failures - 1), LONGEST_PAUSE)
        self._not_before = now + longest * self._jitter()
        for request in batch:
            request.failed = True
        waiting = [request for request in batch if not request.left] + list(self._waiting)
        hopeless = [
            request
            for request in waiting
            if self._closed or self._breaker.state is State.OPEN or request.deadline <= self._not_before
        ]
        self._give_up(reason, hopeless)
        self._waiting = deque(request for request in waiting if request.error is None)
        self._condition.notify_all()

    def _refusal(self, now: float) -> str | None:
        """Why nobody may ask the model now."""
        failed = f"the large model failed {self._breaker.failures} times in a row ({self._reason})"
        if self._breaker.state is State.HALF_OPEN:
            return f"{failed} and is being tried"
        if remaining := self._breaker.remaining(now):
            return f"{failed} and is tried again in {remaining:.1f} s"
        return None

    def _leave(self, request: _Request) -> None:
        request.left = True
        if request in self._waiting:
            self._waiting.remove(request)
        self._give_up(
            f"no answer within {self._seconds:g} s" + (f": {self._reason}" if request.failed else ""), [request]
        )

    def _give_up(self, reason: str, requests: list[_Request]) -> None:
        self._unanswered += len(requests)
        for request in requests:
            request.error = NoAnswer(reason)
