"""Lines for a pipe or a file: one for each event worth saying, and how the session stands now and then.

    12.31  emulator      link down: the connection was lost
    15.00  standing      366 of 450 samples, 40.1/s; coverage 78.4 %; accuracy 94.3 % alone, 98.6 % with the PC; 5.1 ms p50, 11.8 ms p95

The first column is seconds since the session began. Samples are not said one by one, session.jsonl has them; a lost one
is, as long as there are few.
"""

from typing import Final

from rich.console import Console

from contract.gate import ONE, to_probability
from host.control import Control
from host.events import Began, Connected, ConsentAsked, ConsentGiven, Ended, Event, Finished, Link, Moved
from host.view.state import State

STATUS_SECONDS: Final = 5.0
LOST_MAX: Final = 10
"""Lost samples that are said; the standing counts the rest."""


class Plain:
    """Writes lines on `console`; takes nothing from anybody, so `control` is not used."""

    def __init__(self, control: Control, console: Console, note: str = "") -> None:
        self._console, self._note = console, note
        self._state = State()
        self._next = STATUS_SECONDS

    def __enter__(self) -> "Plain":
        if self._note:
            self._say("view", self._note)
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        """Say it if it is worth a line."""
        before = self._state.threshold
        known = self._state.boards.get(event.port) if isinstance(event, Link) else None
        link = known.link if known else None
        self._state.fold(event)
        classes = self._state.began.classes if self._state.began else ()
        match event:
            case Began(name=name, source=source, large=large, consent=consent, threshold=threshold):
                behind = f"large model {large}, consent {consent}, threshold {threshold / ONE:.4f}"
                self._say("session", f"{name}, {source}, {behind}")
            case Connected(board=board, clock_hz=hz):
                emulated = ", emulated" * event.emulated
                self._say(event.port, f"{board}, {event.firmware}, engine {event.engine}, {hz / 1e6:g} MHz{emulated}")
            case Link(state=state, detail=detail) if state != link:
                self._say(event.port, f"link {state}" + f": {detail}" * bool(detail))
            case ConsentAsked():
                said = classes[event.board_class]
                score = f"{100 * to_probability(event.score):.0f} %"
                self._say(event.port, f"sample {event.sample} waits for consent; the board alone says {said} ({score})")
            case ConsentGiven(granted=granted, by=by):
                who = "nobody answered" if by == "nobody" else by
                self._say(
                    event.port, f"sample {event.sample} {'may leave' if granted else 'stays on'} the board ({who})"
                )
            case Moved(threshold=threshold, by=by) if by != "policy" and threshold != before:
                self._say(event.port, f"threshold {threshold / ONE:.4f}, moved by {by}")
            case Ended(outcome=outcome) if outcome.lost and self._state.total.lost <= LOST_MAX:
                self._say(event.port, f"sample {outcome.sample} lost: {outcome.lost}")
            case Finished(interrupted=interrupted):
                self._say("standing", standing(self._state))
                self._say("session", "interrupted" if interrupted else "done")
        if not isinstance(event, Finished) and self._state.at >= self._next:
            self._say("standing", standing(self._state))
            self._next = self._state.at + STATUS_SECONDS

    def _say(self, tag: str, text: str) -> None:
        line = f"{self._state.at:8.2f}  {tag:<12}  {text}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)


def standing(state: State) -> str:
    """How the session stands, in one line."""
    total, of = state.total, state.began.samples if state.began else None
    parts = [
        f"{total.samples}{f' of {of}' if of else ''} samples" + (f", {rate:.1f}/s" if (rate := state.rate) else "")
    ]
    if total.coverage is not None:
        parts.append(f"coverage {100 * total.coverage:.1f} %")
    if total.base_accuracy is not None and total.hybrid_accuracy is not None:
        alone, hybrid = 100 * total.base_accuracy, 100 * total.hybrid_accuracy
        parts.append(f"accuracy {alone:.1f} % alone, {hybrid:.1f} % with the PC")
    if latency := state.latency().get("total"):
        parts.append(f"{latency.p50:.1f} ms p50, {latency.p95:.1f} ms p95" + " (emulated)" * state.emulated)
    if total.answered_by["fallback"]:
        parts.append(f"{total.answered_by['fallback']} fell back")
    if total.answered_by["withheld"]:
        parts.append(f"{total.answered_by['withheld']} kept")
    if total.lost:
        parts.append(f"{total.lost} lost")
    return "; ".join(parts)
