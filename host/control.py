"""What a person does while a session runs: moves the threshold, says whether a sample may leave its board, ends it.

    control = Control()
    control.move(20000, by="key")                                     # a view, from whatever thread
    control.consent("/dev/ttyACM0", 7, granted=True, by="web")
    answer = control.wait_consent("/dev/ttyACM0", 7, seconds=0.1)     # the lane of that board: (True, "web")

Views write, lanes read, each from threads of their own. A move holds for all boards, and each lane puts it in force
before its next sample. A board has one sample at a time, so one answer for each port is kept: the newest, until the
lane takes it. An answer may come before the lane waits for it; one for another sample than the lane asks about is
dropped, never given to another.
"""

import threading
import time


class Control:
    """Thread-safe. Nothing blocks but `wait_consent`, and that no longer than it is told.

    `steers` is False for a session that is over and only shown again: views then offer nothing but to stop.
    """

    def __init__(self, steers: bool = True) -> None:
        self.steers = steers
        self._changed = threading.Condition()
        self._moved: tuple[int, str] | None = None
        self._answers: dict[str, tuple[int, bool, str]] = {}
        self._stopping = False

    def move(self, threshold: int, by: str) -> None:
        """Ask for this threshold, a score code. `by` is "key" or "web", as in host.events.Moved."""
        with self._changed:
            self._moved = threshold, by
            self._changed.notify_all()

    def consent(self, port: str, sample: int, granted: bool, by: str) -> None:
        """Say whether the sample that waits on the board at `port` may leave it. `by` as in
        host.events.ConsentGiven."""
        with self._changed:
            self._answers[port] = sample, granted, by
            self._changed.notify_all()

    def stop(self) -> None:
        """End the session after the samples on their way; whoever waits for consent waits no longer."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    @property
    def moved(self) -> tuple[int, str] | None:
        """The threshold asked for last and by whom, as one; None if nobody has."""
        with self._changed:
            return self._moved

    @property
    def threshold(self) -> int | None:
        """The threshold asked for last, None if nobody has."""
        return None if (moved := self.moved) is None else moved[0]

    @property
    def by(self) -> str | None:
        """Who asked for it."""
        return None if (moved := self.moved) is None else moved[1]

    @property
    def stopping(self) -> bool:
        with self._changed:
            return self._stopping

    def wait_consent(self, port: str, sample: int, seconds: float) -> tuple[bool, str] | None:
        """Whether the sample may leave, and who said so, as soon as it is said; None if nobody did in `seconds` (0: do
        not wait) or the session is to stop. The answer is taken: asked again, it is None."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                answered = self._answers.pop(port, None)
                if answered is not None and answered[0] == sample:
                    return answered[1:]
                if self._stopping or (left := end - time.monotonic()) <= 0:
                    return None
                self._changed.wait(left)
