"""Views of a session while it runs: what its events say, for people.

    control = Control()
    with view.make("auto", control, Console(), note="page: http://127.0.0.1:8000/") as shown:
        for event in events: shown.show(event)

A view sees nothing but events (host.events), so it shows a recorded session just as a live one; what a person wants
goes to the control. host/view/web is one more view, of a browser's.

A new view is one new file and one line in VIEWS.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from rich.console import Console

from host.control import Control
from host.errors import HostError
from host.events import Event
from host.view.plain import Plain
from host.view.terminal import Terminal


class View(AbstractContextManager["View"], Protocol):
    """Shows events from its `__enter__` to its `__exit__`."""

    def show(self, event: Event) -> None:
        """Take in the next event; does not block, however slow the screen is. Called from one thread."""
        ...


class Nothing(AbstractContextManager["Nothing"]):
    """A view of nothing."""

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None: ...


AUTO: Final = "auto"
"""The terminal if the console is one, otherwise plain lines."""

VIEWS: Final[dict[str, Callable[[Control, Console, str], View]]] = {
    "terminal": Terminal,
    "plain": Plain,
    "none": lambda control, console, note: Nothing(),
}


def make(name: str, control: Control, console: Console, note: str = "") -> View:
    """The view called `name`, or AUTO, on `console`. `note` is a line that it shows too, as the address of a page.
    Raises HostError for a name that is not known."""
    if name == AUTO:
        name = "terminal" if console.is_terminal and not console.is_dumb_terminal else "plain"
    if name not in VIEWS:
        raise HostError(f"Unknown view {name!r}.", f"Known ones: {', '.join((AUTO, *VIEWS))}.")
    return VIEWS[name](control, console, note)
