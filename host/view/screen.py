"""One screen of the terminal: a state (host.view.state) as rich draws it. Pure: the same state gives the same screen.

    console.print(screen(state, console, keys=(QUIT,)))

With colours a picture is made of half blocks, two pixels to a character; without, of characters of more and less ink.
"""

import functools
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from contract.gate import ONE, to_probability
from host.latency import SUMS, Percentiles
from host.view import picture
from host.view.picture import Picture, resized
from host.view.state import WINDOW, Board, Shown, State

BOARD, LARGE, GOOD, BAD, SOFT = "#e0701c", "#3592d4", "#1fa47c", "#d6453d", "bright_black"
"""Board and large model have the colours that the reports give them, in a lightness for dark and for light
terminals."""

CONSENT, THRESHOLD, QUIT = "y/n", "up/down", "q"
"""Keys, as the screen calls them."""

INK: Final = " .:-=+*#%@"
"""From nothing to all."""

HEAT: Final = np.array([(10, 12, 30), (60, 24, 110), (150, 40, 120), (225, 90, 60), (250, 190, 70), (252, 250, 200)])
"""Colours of a spectrogram, from nothing to all."""

BARS: Final = "▁▂▃▄▅▆▇█"
"""Of a chart that is one line high."""

BAR: Final = (6, 24)
"""Characters of a bar, at least and at most."""


def screen(state: State, console: Console, keys: Collection[str], note: str = "", idle: float = 0.0) -> RenderableType:
    """All of it, as large as the console. `keys` are those that a person can press, of CONSENT, THRESHOLD and QUIT;
    `note` goes to the last line; `idle` is the seconds since the last event."""
    width, height = console.size
    side = max(30, min(width * 2 // 5, 2 * height))
    wide = width - side
    body = Layout()
    body.split_row(Layout(_sample(state, console, side, idle), size=side), Layout(_figures(state, wide, height - 2)))
    root = Layout()
    root.split_column(Layout(_header(state), size=1), body, Layout(_footer(state, keys, note), size=1))
    return root


def painted(shown: Picture, height: int, width: int) -> NDArray[np.uint8]:
    """Pixels [H, W, 3] of a picture in at most so much room: images keep their proportions and grow by whole factors,
    the rest fills the room."""
    levels: NDArray[Any] = shown.levels
    if shown.kind == "trace":
        levels = _drawn(levels[..., 0], height, width)
    elif shown.kind == "spectrogram":
        levels = resized(resized(levels, 0, height), 1, width)
    else:
        factor = min(height / levels.shape[0], width / levels.shape[1])
        factor = int(factor) if factor >= 1 else factor
        for axis in (0, 1):
            levels = resized(levels, axis, max(1, round(levels.shape[axis] * factor)))
    if shown.kind == "spectrogram":
        at = levels[..., 0] / 255 * (len(HEAT) - 1)
        channels = [np.interp(at, range(len(HEAT)), HEAT[:, channel]) for channel in range(3)]
        return np.stack(channels, axis=-1).astype(np.uint8)
    return np.broadcast_to(levels, (*levels.shape[:2], 3)).astype(np.uint8)


@dataclass(frozen=True)
class Blocks:
    """Pixels [H, W, 3] as half blocks, in the middle of `width` characters. Segments, for a text of as many styles is
    slow."""

    pixels: NDArray[np.uint8]
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pixels = self.pixels if len(self.pixels) % 2 == 0 else np.pad(self.pixels, ((0, 1), (0, 0), (0, 0)))
        margin = Segment(" " * ((self.width - pixels.shape[1]) // 2))
        for above, below in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
            yield margin
            for pair, run in itertools.groupby(zip(map(tuple, above), map(tuple, below), strict=True)):
                yield Segment("▀" * len(list(run)), _style(*pair))
            yield Segment.line()


@functools.lru_cache(maxsize=4096)
def _style(above: tuple[int, int, int], below: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))


def inked(pixels: NDArray[np.uint8]) -> Text:
    """Pixels [H, W, 3] as characters, which are twice as high as wide: a line for two rows."""
    lines = resized(pixels.mean(2, keepdims=True), 0, max(1, len(pixels) // 2))[..., 0]
    codes = (lines / 256 * len(INK)).astype(int)
    return Text("\n".join("".join(INK[code] for code in line) for line in codes), no_wrap=True, justify="center")


def _drawn(rows: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Lines [F, T] as pixels [H, W, 1]: from one column's level to the next one's."""
    pixels = np.zeros((height, width, 1), np.uint8)
    for index, row in enumerate(rows):
        lines = np.round(
            (1 - np.interp(np.linspace(0, len(row) - 1, width), range(len(row)), row) / 255) * (height - 1)
        )
        for column, (start, end) in enumerate(
            zip(np.append(lines[:1], lines).astype(int), lines.astype(int), strict=False)
        ):
            pixels[min(start, end) : max(start, end) + 1, column] = 255 - 150 * index // len(rows)
    return pixels


def _header(state: State) -> RenderableType:
    began, done = state.began, state.total.samples
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True, ratio=1)
    row.add_column(no_wrap=True, justify="right")
    of = f" of {began.samples}" if began and began.samples else ""
    what = f"  {began.name}, {began.source}, large: {began.large}" if began else ""
    rate = f"   {state.rate:.1f}/s" if state.rate is not None else ""
    end = "" if state.finished is None else "   interrupted" if state.finished.interrupted else "   done"
    row.add_row(Text.assemble(("demur", "bold"), what), Text(f"{done}{of} samples{rate}{end}"))
    return row


def _footer(state: State, keys: Collection[str], note: str) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True, ratio=1)
    row.add_column(no_wrap=True, justify="right")
    asking = bool(state.asking)
    parts = [
        Text.assemble((key, "bold reverse" if key == CONSENT and asking else "bold"), " ", what)
        for key, what in ((CONSENT, "consent"), (THRESHOLD, "threshold"), (QUIT, "quit"))
        if key in keys and (asking or key != CONSENT)
    ]
    if not keys:
        parts.append(Text("no keys: standard input is no terminal", SOFT))
    if note:
        parts.append(Text(note, SOFT))
    moved = f", by {state.moved_by}" if state.moved_by else ""
    row.add_row(Text("   ").join(parts), Text(f"threshold {state.threshold / ONE:.4f}{moved}"))
    return row


def _sample(state: State, console: Console, side: int, idle: float) -> RenderableType:
    """The picture above, the two answers below it."""
    shown = state.featured
    if shown is None or state.began is None:
        return Panel(Text("waiting for the first sample", SOFT), border_style=SOFT)
    answers = _answers(state, shown, side - 2, idle)
    room = max(1, console.size.height - 2 - 2 - len(answers) - 2)
    drawn: RenderableType
    view = picture.of(state.began, shown.codes)
    if view is None:
        why = "the sample is on the board\nand nowhere else" if shown.only_there else "no picture of it"
        drawn = Text(f"\n{why}\n", SOFT, justify="center")
    else:
        pixels = painted(view, 2 * room, side - 4)
        inks = console.no_color or console.color_system is None or console.options.ascii_only
        drawn = inked(pixels) if inks else Blocks(pixels, side - 4)
    title = f"sample {shown.sample}" + (f", label {_class(state, shown.label)}" if shown.label is not None else "")
    colour = _verdict(state, shown, idle)[1]
    frame = Layout()
    frame.split_column(
        Layout(Panel(drawn, title=title, border_style=SOFT)),
        Layout(Panel(Group(*answers), border_style=colour, padding=0), size=len(answers) + 2),
    )
    return frame


def _verdict(state: State, shown: Shown, idle: float) -> tuple[str, str]:
    """What has become of the sample, and the colour of whoever has answered."""
    outcome = shown.outcome
    if shown.stage == "asking":
        return f"may it leave? y / n   {max(0.0, shown.until - state.at - idle):.0f} s", LARGE
    if outcome is None:
        if shown.stage == "sent":
            return "on its way to the board" if shown.codes else "the board takes one of its own", SOFT
        return ("answered on the board", BOARD) if shown.accepted else ("asking the PC", LARGE)
    if outcome.lost:
        return f"lost: {outcome.lost}", BAD
    if outcome.source == "withheld":
        return "kept on the board", BOARD
    if outcome.source == "fallback":
        return f"fell back: {outcome.no_answer or 'no answer in time'}", BOARD
    return ("answered on the board", BOARD) if outcome.source == "board" else ("asked the PC", LARGE)


def _answers(state: State, shown: Shown, width: int, idle: float) -> list[Text]:
    """Three lines: who has answered, what the board says, what the large model says."""
    text, colour = _verdict(state, shown, idle)
    outcome = shown.outcome
    board = Text("-", SOFT)
    if shown.board_class is not None and shown.score is not None:
        sign = ">=" if shown.accepted else "<"
        least = state.threshold if outcome is None or outcome.threshold is None else outcome.threshold
        score = f" {_score(shown.score)}{sign}{_score(least)}"
        board = _answer(state, shown, shown.board_class) + Text(score, SOFT)
    large = Text("not asked" if shown.accepted else "-", SOFT)
    if outcome is not None and outcome.large_class is not None:
        large = _answer(state, shown, outcome.large_class)
        if outcome.source == "host" and outcome.probability is not None:
            large += Text(f" {outcome.probability:.3f}", SOFT)
    lines = [Text(text, f"bold {colour}"), Text("board  ", BOARD) + board, Text("PC     ", LARGE) + large]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _answer(state: State, shown: Shown, said: int) -> Text:
    mark = Text()
    if shown.label is not None:
        mark = Text(" right", GOOD) if said == shown.label else Text(" wrong", BAD)
    return Text(_class(state, said), "bold") + mark


def _class(state: State, index: int | None) -> str:
    classes = state.began.classes if state.began else ()
    return classes[index] if index is not None and index < len(classes) else "-"


def _figures(state: State, width: int, height: int) -> RenderableType:
    """Running figures, latency, boards; of boards as many as there is height for."""
    total, window = state.total, state.window
    figures = _table(("", 21, "left"), ("all", 7, "right"), (f"last {WINDOW}", 8, "right"), ("", None, "left"))
    room = min(max(width - 40, BAR[0]), BAR[1])
    for name, attribute, colour in (
        ("answered on the board", "coverage", BOARD),
        ("asked the PC", "abstention", LARGE),
        ("accuracy, board alone", "base_accuracy", BOARD),
        ("accuracy, with the PC", "hybrid_accuracy", GOOD),
    ):
        share = getattr(window, attribute)
        figures.add_row(name, _percent(getattr(total, attribute)), _percent(share), _bar(share or 0.0, colour, room))
    by = total.answered_by
    kept = f", kept {by['withheld']}" if by["withheld"] else ""
    counts = f" board {by['board']}, PC {by['host']}, fallback {by['fallback']}{kept}, lost {total.lost}"
    above: list[RenderableType] = [figures, Text(counts, BAD if total.lost else SOFT, no_wrap=True), Text("")]
    latency = state.latency()
    if latency:
        clock = "emulated boards" if state.emulated else "board: its cycle counter"
        above += [_latency(latency, width), Text(f" by the host's clock, {clock}", SOFT, no_wrap=True)]
    left = height - 5 - 2 - (len(latency) + 2 if latency else 0) - 1
    above.append(_boards(state, max(1, left)))
    left -= len(state.boards)
    troubles = [f" {board.port} {board.link}: {board.detail}" for board in state.boards.values() if board.detail]
    above += [Text(trouble, BAD, no_wrap=True, overflow="ellipsis") for trouble in troubles[: max(0, left)]]
    if left - len(troubles) >= 5 and len(state.course) > 1:
        above += _course(state, width - 2)
    return Group(*above)


def _course(state: State, width: int) -> list[RenderableType]:
    """Five lines: the rolling figures over the session, from half to all."""
    lines: list[RenderableType] = [Text(""), Text(f" course of the last {WINDOW}, 50 to 100 %", SOFT, no_wrap=True)]
    for attribute, name, colour in (
        ("coverage", "coverage", BOARD),
        ("base_accuracy", "alone", BOARD),
        ("hybrid_accuracy", "with PC", GOOD),
    ):
        shares = [getattr(mark, attribute) for mark in state.course]
        if None not in shares:
            heights = resized(np.array(shares), 0, min(width - 10, len(shares)))
            steps = np.clip((heights - 0.5) * 2 * len(BARS), 0, len(BARS) - 1).astype(int)
            line = Text.assemble((f" {name:<9}", SOFT), ("".join(BARS[step] for step in steps), colour), no_wrap=True)
            lines.append(line)
    return lines


def _latency(latency: dict[str, Percentiles], width: int) -> Table:
    table = _table(
        ("latency, ms", 11, "left"), ("p50", 8, "right"), ("p95", 8, "right"), ("p99", 8, "right"), ("", None, "left")
    )
    room = min(max(width - 40, BAR[0]), BAR[1])
    longest = max(of.p50 for of in latency.values())
    for stage, of in latency.items():
        colour = GOOD if stage in SUMS else LARGE if stage == "large" else BOARD if stage in ("load", "board") else SOFT
        table.add_row(
            stage, *(_milliseconds(each) for each in (of.p50, of.p95, of.p99)), _bar(of.p50 / longest, colour, room)
        )
    return table


def _boards(state: State, room: int) -> Table:
    """A line for each board, as many as there is room for, and one for the rest."""
    table = _table(("board", 14, "left"), ("link", 4, "left"), ("done", 5, "right"), ("cov.", 5, "right"), ("ping", 4, "right"),
                   ("bad", 3, "right"), ("again", 5, "right"))  # fmt: skip
    boards = list(state.boards.values())
    shown = boards if len(boards) <= room else boards[: room - 1]
    for board in shown:
        health = board.health
        ping = "-" if health is None or health.round_trip is None else f"{1e3 * health.round_trip:.1f}"
        counts = ("-", "-") if health is None else (f"{health.damaged}", f"{health.repeated}")
        table.add_row(
            _name(board, len(boards)),
            _link(board),
            f"{board.tally.samples}",
            _percent(board.tally.coverage, 0),
            ping,
            *counts,
        )
    if len(boards) > len(shown):
        rest = boards[len(shown) :]
        table.add_row(f"and {len(rest)} more", f"{sum(board.link == 'up' for board in rest)} up")
    return table


def _name(board: Board, count: int) -> str:
    """What tells it from the others: its name if it is the only one, else its port; a tilde if it is emulated."""
    name = board.connected.board if board.connected is not None and count == 1 else board.port
    tilde = "~" if board.connected is not None and board.connected.emulated else ""
    return tilde + (name if len(name) < 14 else f"…{name[-12:]}")


def _link(board: Board) -> Text:
    return Text("-" if board.link == "opening" else board.link, {"up": GOOD, "opening": SOFT}.get(board.link, BAD))


def _table(*columns: tuple[str, int | None, JustifyMethod]) -> Table:
    """Columns by title, width in characters and side."""
    table = Table(box=None, expand=False, padding=(0, 0, 0, 1), show_edge=False, header_style=SOFT)
    for title, width, justify in columns:
        table.add_column(title, justify=justify, no_wrap=True, min_width=width)
    return table


def _bar(share: float, colour: str, width: int) -> Text:
    return Text("━" * round(share * width), colour, no_wrap=True)


def _score(code: int) -> str:
    """To four digits, for a gate may turn on the last: "1.0000", ".9792"."""
    return f"{to_probability(code):.4f}".removeprefix("0")


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 1000 else f"{value:.0f}"


def _percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f} %"
