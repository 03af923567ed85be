"""A live screen in the terminal (host.view.screen), and its keys.

    y / n           the sample that waits may leave its board, or stays there
    up or +         more samples to the large model: one per cent less coverage, by the curve of the test vectors
    down or -       fewer
    q               end the session; the summary is of the samples until then

The screen is drawn by a thread of its own, at most FRAMES_PER_SECOND times a second and only when something has
changed, so that no event waits for a slow terminal. It takes 80 columns and 24 lines; on fewer it is cut, not wrapped.
"""

import contextlib
import threading
import time
from typing import Final

from rich.console import Console
from rich.live import Live

from host.control import Control
from host.events import Event
from host.view import keys
from host.view.screen import CONSENT, QUIT, THRESHOLD, screen
from host.view.state import Shown, State, step

FRAMES_PER_SECOND: Final = 8
"""A drawing takes some 20 ms of a laptop's core, which the boards' threads need too."""

STEP: Final = 0.01
"""Of coverage: what a key moves the threshold by."""

SEEN_SECONDS: Final = 0.5
"""How long a sample that waits must have been on the screen before a key says whether it may leave."""

IDLE_SECONDS: Final = 1.0
"""How long nothing changes before the screen is drawn all the same: it may have got another size."""


class Terminal:
    """Draws on `console`; what keys ask for goes to `control`. `note` is shown in the last line."""

    def __init__(self, control: Control, console: Console, note: str = "") -> None:
        self._control, self._console, self._note = control, console, note
        self._state, self._lock = State(), threading.Lock()
        self._changed, self._closing = threading.Event(), threading.Event()
        self._keys: tuple[str, ...] = ()
        self._last = time.monotonic()
        self._drawn: tuple[tuple[str, int] | None, float] = (
            None,
            0.0,
        )  # the sample that waits on the screen, and since when
        self._stack = contextlib.ExitStack()
        self._drawer = threading.Thread(target=self._draw, name="screen", daemon=True)

    def __enter__(self) -> "Terminal":
        if self._stack.enter_context(keys.reading(self.press)):
            self._keys = (CONSENT, THRESHOLD, QUIT) if self._control.steers else (QUIT,)
        self._live = self._stack.enter_context(Live(console=self._console, screen=True, auto_refresh=False))
        self._drawer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._changed.set()
        self._drawer.join()
        self._stack.close()

    def show(self, event: Event) -> None:
        with self._lock:
            self._state.fold(event)
            self._last = time.monotonic()
        self._changed.set()

    def press(self, key: str) -> None:
        """What a key does: a character, or "up" or "down"."""
        with self._lock:
            asking, began = self._state.asking, self._state.began
            threshold, curve = self._state.threshold, self._state.curve
        if key == "q":
            self._control.stop()
        elif not self._control.steers:
            return
        elif key in ("y", "n") and asking and self._has_seen(asking[0]):
            self._control.consent(asking[0].port, asking[0].sample, granted=key == "y", by="key")
        elif key in ("up", "+", "down", "-") and began is not None:
            now = threshold if self._control.threshold is None else self._control.threshold
            share = -STEP if key in ("up", "+") else STEP
            self._control.move(step(curve, now, share), by="key")

    def _has_seen(self, asking: Shown) -> bool:
        """Whether a person had the time to: a key that is held down, or hit twice, is no answer about the next
        sample."""
        drawn, at = self._drawn
        return drawn == (asking.port, asking.sample) and time.monotonic() - at >= SEEN_SECONDS

    def _draw(self) -> None:
        while not self._closing.is_set():
            self._changed.wait(IDLE_SECONDS)
            self._changed.clear()
            with self._lock:
                idle = time.monotonic() - self._last
                shown = screen(self._state, self._console, self._keys, self._note, idle)
                asking = self._state.asking[:1]
            self._live.update(shown, refresh=True)
            drawn = (asking[0].port, asking[0].sample) if asking else None
            if drawn != self._drawn[0]:
                self._drawn = drawn, time.monotonic()
            self._closing.wait(1 / FRAMES_PER_SECOND)
