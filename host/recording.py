"""session.jsonl: every event of a session, one a line, as it happens; and back.

    with Recorder(run.session) as recorder: recorder.show(event)
    for event in read(run.session): ...

A line is written whole and at once, so that whatever ends the session leaves all lines but perhaps the last. The first
is always `began`, which says what the samples' codes stand for; nothing else is needed to show a session again. Both
ways hold one line in memory.
"""

import contextlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final

from host.bridge import Outcome
from host.errors import HostError
from host.events import Began, Ended, Event, Sampled, from_json, to_json

AGAIN: Final = "Record a session with `python -m host run`, and name the session.jsonl in its run folder."


class Recorder(AbstractContextManager["Recorder"]):
    """Writes events to a file, in place of whatever it held. Raises HostError if it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("w", buffering=1, encoding="utf-8", newline="\n")  # by lines
        except OSError as error:
            raise self._explain(error) from None

    def show(self, event: Event) -> None:
        """Write the event. Named as a view's, since it is fed as one."""
        try:
            self._file.write(json.dumps(to_json(event), separators=(",", ":")) + "\n")
        except OSError as error:
            raise self._explain(error) from None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # `show` has said so
            self._file.close()

    def _explain(self, error: OSError) -> HostError:
        return HostError(
            f"{self._path}: cannot be written ({error.strerror}).", "Make room, or choose another run folder."
        )


def read(path: Path) -> Iterator[Event]:
    """The events of a session. A last line that was cut short ends them. Raises HostError naming file, line and cause
    for anything else that is no event."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise HostError(f"{path}: cannot be read ({error.strerror}).", AGAIN) from None
    began = False
    with file:
        for number, line in enumerate(file, 1):
            try:
                event = from_json(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                if not line.endswith(b"\n"):
                    break
                raise HostError(f"{path}, line {number}: no event of a session ({error}).", AGAIN) from None
            if not began and not isinstance(event, Began):
                raise HostError(
                    f"{path}, line {number}: {type(event).__name__.lower()!r}, expected 'began' first.", AGAIN
                )
            began = True
            yield event
    if not began:
        raise HostError(f"{path}: holds no session.", AGAIN)


def began(path: Path) -> Began:
    """What a session was to do. Raises HostError as `read` does."""
    first = next(read(path))
    assert isinstance(first, Began)  # or `read` had raised
    return first


def samples(path: Path) -> Iterator[tuple[Sampled, Outcome]]:
    """Each sample of a session as it went to its board, with how it ended, in that order. Raises HostError as `read`
    does."""
    on_board = dict[str, Sampled]()
    for event in read(path):
        if isinstance(event, Sampled):  # a board has one sample at a time
            on_board[event.port] = event
        elif (
            isinstance(event, Ended) and event.port in on_board and on_board[event.port].sample == event.outcome.sample
        ):
            yield on_board.pop(event.port), event.outcome


def outcomes(path: Path) -> list[Outcome]:
    """How the samples of a session ended, in that order."""
    return [event.outcome for event in read(path) if isinstance(event, Ended)]


def write(path: Path, text: str) -> None:
    """Write a result. Raises HostError if it cannot be written."""
    try:
        path.write_text(text)
    except OSError as error:
        raise HostError(
            f"{path}: cannot be written ({error.strerror}).", "Make room, or choose another run folder."
        ) from None
