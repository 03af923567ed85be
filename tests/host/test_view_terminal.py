"""The views of a terminal and of a pipe: what they say of known sessions, that nothing is cut that must be read, that
keys arrive."""

import io
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from contract.gate import ONE
from host import view
from host.control import Control
from host.errors import HostError
from host.events import ConsentAsked, Event, Link
from host.view import keys
from host.view.picture import Picture
from host.view.screen import CONSENT, QUIT, THRESHOLD, painted, screen
from host.view.state import State
from host.view.terminal import SEEN_SECONDS, Terminal
from sessions import digits, tones

KEYS = (CONSENT, THRESHOLD, QUIT)

ROOT = Path(__file__).parents[2]


def console(width: int = 80, height: int = 24, colours: bool = True) -> Console:
    return Console(width=width, height=height, force_terminal=True, color_system="truecolor" if colours else None, record=True,
                   file=io.StringIO(), legacy_windows=False, _environ={})  # fmt: skip


def drawn(events: Iterator[Event], on: Console) -> list[str]:
    state = State()
    for event in events:
        state.fold(event)
    on.print(screen(state, on, keys=KEYS))
    return on.export_text().splitlines()


def until_asked(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        yield event
        if isinstance(event, ConsentAsked):
            return


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 15), (200, 60)])
@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("boards", [1, 8])
def test_a_screen_fits_its_terminal(width: int, height: int, colours: bool, boards: int) -> None:
    lines = drawn(digits(samples=200, boards=boards, lost=0.01), console(width, height, colours))
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_everything_is_there_on_the_smallest_terminal(width: int, height: int) -> None:
    events = list(digits(samples=300, lost=0.01, fallback=0.1))
    state = State()
    for event in events:
        state.fold(event)
    text = "\n".join(drawn(iter(events), console(width, height)))
    total = state.total
    assert total.coverage and total.base_accuracy and total.hybrid_accuracy and total.abstention
    for share in (total.coverage, total.abstention, total.base_accuracy, total.hybrid_accuracy):
        assert f"{100 * share:.1f} %" in text
    for stage, of in state.latency().items():
        row = next(line for line in text.splitlines() if f" {stage} " in line)
        assert all((f"{value:.2f}" if value < 1000 else f"{value:.0f}") in row for value in (of.p50, of.p95, of.p99))
    counts = state.total.answered_by
    assert f"board {counts['board']}, PC {counts['host']}, fallback {counts['fallback']}, lost {total.lost}" in text
    for words in ("digits, test split, large: checkpoint", "300 of 300 samples", "emulated", "~nucleo_f446re", "up", "threshold 0.9000",
                  "done", "q quit"):  # fmt: skip
        assert words in text
    assert "…" not in text


def test_both_answers_and_who_is_right() -> None:
    state = State()
    for event in digits(samples=300, interval=2.0):  # slow, so that each is followed to its end
        state.fold(event)
        shown = state.featured
        if (
            shown is not None
            and shown.outcome is not None
            and shown.outcome.source == "host"
            and shown.outcome.large_class == shown.label
        ):
            break
    assert shown is not None and shown.outcome is not None and shown.score is not None
    on = console()
    on.print(screen(state, on, keys=()))
    text = on.export_text()
    verdict = "right" if shown.board_class == shown.label else "wrong"
    assert "asked the PC" in text and f"label {shown.label}" in text
    assert f"board  {shown.board_class} {verdict} {f'{shown.score / ONE:.4f}'[1:]}<.9000" in text
    assert f"PC     {shown.outcome.large_class} right" in text
    assert "no keys" in text


def test_consent_is_asked_for_on_the_screen() -> None:
    text = "\n".join(drawn(until_asked(digits(samples=300, consent="ask")), console()))
    assert "may it leave? y / n   30 s" in text and "y/n consent" in text


def test_a_link_that_is_down_says_why() -> None:
    events = [*digits(samples=30, boards=2, finish=False), Link(3.0, "socket://127.0.0.1:5000", "down", "unplugged")]
    assert "socket://127.0.0.1:5000 down: unplugged" in "\n".join(drawn(iter(events), console()))


def test_the_course_is_drawn_where_there_is_room() -> None:
    events = list(digits(samples=300))
    assert "course of the last 100" not in "\n".join(drawn(iter(events), console()))
    lines = drawn(iter(events), console(120, 40))
    start = next(index for index, line in enumerate(lines) if "course of the last 100" in line)
    assert all(any(bar in line for bar in "▃▄▅▆▇█") for line in lines[start + 1 : start + 4])


def test_a_screen_before_anything_has_happened() -> None:
    assert "waiting for the first sample" in "\n".join(drawn(iter(()), console()))


def test_a_sample_that_only_its_board_has() -> None:
    events = [event for event in digits(samples=1) if type(event).__name__ != "Sampled"]
    assert "the sample is on the board" in "\n".join(drawn(iter(events), console()))


def test_pictures_without_colours_have_ink() -> None:
    lines = drawn(digits(samples=5), console(colours=False))
    assert any("@@@" in line for line in lines) and not any("▀" in line for line in lines)


def test_pictures_grow_by_whole_factors_and_shrink_by_means() -> None:
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    grown = painted(Picture("image", levels), 26, 30)
    assert grown.shape == (24, 24, 3)
    assert (grown[::3, ::3, 0] == levels[..., 0]).all() and (grown[1::3, 2::3, 2] == levels[..., 0]).all()
    shrunk = painted(Picture("image", levels), 4, 100)
    assert shrunk.shape == (4, 4, 3) and shrunk[0, 0, 0] == int(levels[:2, :2].mean())
    assert painted(Picture("spectrogram", np.zeros((32, 50, 1), np.uint8)), 20, 40).shape == (20, 40, 3)


def test_a_trace_is_a_line_from_level_to_level() -> None:
    trace = painted(Picture("trace", np.array([[[0], [255]]], np.uint8)), 10, 10)[..., 0]
    assert trace[9, 0] and trace[0, 9] and not trace[0, 0] and not trace[9, 9]
    assert trace.any(0).all(), "no gaps"


@pytest.mark.parametrize("make", [digits, tones])
def test_the_live_view_shows_and_gives_the_screen_back(make: Callable[..., Iterator[Event]]) -> None:
    on = console()
    with Terminal(Control(), on) as shown:
        for event in make(samples=50):
            shown.show(event)
        while "done" not in on.file.getvalue():  # type: ignore[attr-defined]
            time.sleep(0.01)
    written = on.file.getvalue()  # type: ignore[attr-defined]
    assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1


def test_a_sample_counts_as_seen_once_it_is_on_the_screen() -> None:
    control, on = Control(), console()
    with Terminal(control, on) as terminal:
        for event in until_asked(digits(samples=300, consent="ask")):
            terminal.show(event)
        asked = event
        assert isinstance(asked, ConsentAsked)
        while (answer := control.wait_consent(asked.port, asked.sample, 0)) is None:
            terminal.press("y")
            time.sleep(0.01)
    assert answer == (True, "key")


def test_what_keys_ask_for() -> None:
    control, on = Control(), console()
    terminal = Terminal(control, on)
    for key in ("y", "up", "x"):
        terminal.press(key)
    assert control.moved is None and not control.stopping, "nothing to be asked for yet"
    for event in until_asked(digits(samples=300, consent="ask")):
        terminal.show(event)
    asked = event
    assert isinstance(asked, ConsentAsked)
    terminal.press("y")
    terminal._drawn = (asked.port, asked.sample), time.monotonic()
    terminal.press("y")
    terminal._drawn = (asked.port, asked.sample + 1), 0.0
    terminal.press("y")
    assert control.wait_consent(asked.port, asked.sample, 0) is None, "nobody can have looked at it yet"
    terminal._drawn = (asked.port, asked.sample), time.monotonic() - SEEN_SECONDS
    terminal.press("n")
    assert control.wait_consent(asked.port, asked.sample, 0) == (False, "key")
    terminal.press("y")
    assert control.wait_consent(asked.port, asked.sample, 0) == (True, "key")
    terminal.press("up")
    once = control.threshold
    terminal.press("+")
    twice = control.threshold
    assert once is not None and twice is not None and ONE * 0.9 < once < twice, "two presses are two steps"
    terminal.press("down")
    terminal.press("-")
    assert control.by == "key" and control.threshold is not None and control.threshold < once
    terminal.press("q")
    assert control.stopping


def test_a_recorded_session_can_only_be_left() -> None:
    control, on = Control(steers=False), console()
    terminal = Terminal(control, on)
    for event in until_asked(digits(samples=300, consent="ask")):
        terminal.show(event)
    for key in ("y", "up", "q"):
        terminal.press(key)
    assert control.moved is None and control.stopping
    assert isinstance(event, ConsentAsked) and control.wait_consent(event.port, event.sample, 0) is None


def test_a_note_is_shown() -> None:
    on, state = console(), State()
    on.print(screen(state, on, (QUIT,), "page: http://127.0.0.1:8000/"))
    assert "q quit   page: http://127.0.0.1:8000/" in on.export_text()
    piped = Console(file=io.StringIO(), width=80)
    with view.make("auto", Control(), piped, "page: http://127.0.0.1:8000/"):
        assert "view          page: http://127.0.0.1:8000/" in piped.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "pressed"),
    [
        (b"yq", ["y", "q"]),
        (b"\x1b[A\x1b[By", ["up", "down", "y"]),
        (b"\x1bOA", ["up"]),
        (b"\x1b[C+", ["+"]),
        (b"\x1b", []),
        (b"\xff", ["ÿ"]),
    ],
)
def test_keys_of_what_a_terminal_sends(typed: bytes, pressed: list[str]) -> None:
    assert keys.split(typed) == pressed


PRESSED = """
import sys
from host.view import keys
pressed = []
with keys.reading(pressed.append) as can:
    print(can, flush=True)
    while can and pressed[-1:] != ["q"]:
        pass
print(*pressed)
"""


def test_keys_are_read_from_a_terminal_which_gets_its_settings_back() -> None:
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [sys.executable, "-c", PRESSED], cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "True\n"
        os.write(ours, b"\x1b[Anq")
        assert child.stdout.readline() == "up n q\n"
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("stdin", ["closed", "null", "pipe"])
def test_nothing_is_read_where_there_is_no_terminal(stdin: str) -> None:
    command = [sys.executable, "-c", PRESSED]
    if stdin == "closed":
        command = ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command]
    source = subprocess.PIPE if stdin == "pipe" else subprocess.DEVNULL
    result = subprocess.run(command, cwd=ROOT, stdin=None if stdin == "pipe" else source, input="y" if stdin == "pipe" else None,
                            capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
    assert result.stdout == "False\n\n"


def lines_of(events: Iterator[Event]) -> list[str]:
    on = Console(file=io.StringIO(), width=80)
    with view.make("auto", Control(), on) as shown:
        for event in events:
            shown.show(event)
    written: str = on.file.getvalue()  # type: ignore[attr-defined]
    return written.splitlines()


def test_plain_lines_of_a_session() -> None:
    lines = lines_of(digits(samples=200, lost=0.02, moves={100: 0.5}))
    said = "\n".join(lines)
    assert "\x1b" not in said
    assert lines[0].endswith("digits, test split, large model checkpoint, consent always, threshold 0.9000")
    assert lines[1].endswith("emulator      nucleo_f446re, demur 0.1, engine aot, 180 MHz, emulated")
    assert "threshold 0.5000, moved by web" in said
    assert "lost: no RESULT within 5 s" in said
    assert lines[-1].endswith("session       done") and "200 of 200 samples" in lines[-2]
    assert len(lines) < 30, "samples are not said one by one"


def test_plain_lines_of_consent_and_of_a_link() -> None:
    said = "\n".join(lines_of(digits(samples=60, consent="ask")))
    assert "waits for consent; the board alone says" in said
    assert "may leave the board (key)" in said and "stays on the board (key)" in said
    assert " kept" in said
    lines = lines_of(
        itertools.chain(itertools.islice(tones(), 2), [Link(0.2, "emulator", "up", "")], list(tones())[2:])
    )
    assert [line.split("  ")[-1].strip() for line in lines if "link" in line] == [
        "link down: the connection was lost",
        "link up",
    ]


def test_many_lost_samples_are_counted_not_said() -> None:
    lines = lines_of(digits(samples=300, lost=0.5))
    assert sum("sample" in line and "lost:" in line for line in lines) == 10
    assert " lost" in lines[-2]


def test_views_by_name() -> None:
    assert type(view.make("auto", Control(), console())).__name__ == "Terminal"
    with view.make("none", Control(), console()) as shown:
        for event in digits(samples=3):
            shown.show(event)
    with pytest.raises(HostError, match="Unknown view 'tv'"):
        view.make("tv", Control(), console())
