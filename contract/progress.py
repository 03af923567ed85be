"""Progress on stderr: a bar on a terminal, one line per ten per cent elsewhere.

with Progress("train base", total=60) as progress:
    for epoch in range(60):
        progress.advance(note=f"loss {loss:.3f}")
"""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Counts `total` steps of the task called `label`."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done, self._shown = label, total, 0, 0
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
                       TimeRemainingColumn(), TextColumn("{task.fields[note]}"))  # fmt: skip
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(label, total=total, note="")

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count `steps` more; `note` is shown beside the bar or at the end of the line."""
        self._done += steps
        if self._bar:
            self._bar.update(self._task, completed=self._done, note=note)
            return
        tenth = 10 * self._done // max(self._total, 1)
        if tenth > self._shown:
            self._shown = tenth
            print(f"{self._label}: {self._done}/{self._total} {note}".rstrip(), file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
