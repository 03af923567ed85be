"""Numbers as text: a CSV file, or lines as another program writes them to standard input or a FIFO: `--source -`.

Values are 0 .. 1, standing for what was 0 .. 1 in training (the `low` .. `high` of its data). One line is one sample of
a model without state, as many values as its input has, channels last; of a recurrent one it is one frame of a sequence:

    f0,f1,f2           or   sample,label,f0,f1,f2           or   sequence,label,f0,f1,f2
    0.1,0.5,0.0             first,cat,0.1,0.5,0.0                walk-1,walking,0.1,0.5,0.0

The first line names the columns. Without sequence and label all frames of a file are one sequence; of a program, which
may go on for ever, every so many as the model takes. Sequences may be shorter than that: they end with the first line
of the next one, or with the file.
"""

import csv
import itertools
import math
import os
import select
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.codes import codes_of
from host.errors import HostError
from host.source import Source

STANDARD_INPUT: Final = "-"
LINE_MAX: Final = 1 << 20
"""Bytes: more than any model for a microcontroller takes as text. What has no end of a line is not CSV."""
POLL_SECONDS: Final = 0.2
"""How soon a source that waits for a line sees that it is closed."""
READ_BYTES: Final = 1 << 16

Row = tuple[int, list[str]]
"""Number of a line, and its fields."""


@dataclass(frozen=True)
class Form:
    """What a line holds: the two columns that may come first, then `size` values. `most` lines make a sequence, 0: a
    line is a sample."""

    size: int
    most: int

    @property
    def sequences(self) -> bool:
        return self.most > 0

    @property
    def unit(self) -> str:
        return "frame" if self.sequences else "sample"

    @property
    def keys(self) -> tuple[str, str]:
        return ("sequence" if self.sequences else "sample", "label")

    @property
    def help(self) -> str:
        return f"Write one line per {self.unit} under a header, with or without the columns {','.join(self.keys)} before the values."


@dataclass(frozen=True)
class Group:
    """The lines of one sample."""

    name: str | None
    label: str | None
    values: NDArray[np.float32]  # [lines, size]


class Lines(Source):
    def __init__(self, path: str, manifest: Manifest) -> None:
        if path == STANDARD_INPUT and (sys.stdin is None or sys.stdin.closed):
            raise HostError("Standard input is closed.", "Pipe CSV lines into the command, or name a file.")
        super().__init__("standard input" if path == STANDARD_INPUT else path, None)
        self._path, self._manifest = path, manifest
        shape, stream = manifest.inputs[0].shape, manifest.stream
        self._form = Form(math.prod(shape[1:]), 0 if stream is None else stream.steps)
        self._live = path == STANDARD_INPUT or _is_live(Path(path))
        if not self._live:  # a mistake in its last line should not cost a session
            self.count = sum(1 for _ in self._groups())
            if not self.count:
                raise HostError(f"{path}: holds no line of values.", self._form.help)

    def samples(self) -> Iterator[Sample]:
        classes = self._manifest.classes
        for index, group in enumerate(self._open_groups()):
            label = classes.index(group.label) if group.label in classes else None
            name = self.name if group.name is None else f"{self.name}:{group.name}"
            yield Sample(index, label, codes_of(group.values, self._manifest), name)

    def _open_groups(self) -> Iterator[Group]:
        """The groups until the source is closed; what has come of a line or sequence by then is neither a sample nor a
        mistake."""
        try:
            for group in self._groups():
                if self._closed.is_set():
                    return
                yield group
        except HostError:
            if not self._closed.is_set():
                raise

    def _groups(self) -> Iterator[Group]:
        descriptor = _open(self._path)
        try:
            rows = _rows(self.name, _lines(self.name, descriptor, self._closed), self._form)
            yield from _groups(self.name, rows, self._form, self._live)
        finally:
            if self._path != STANDARD_INPUT:
                os.close(descriptor)


def load(detail: str, run: RunFolder, manifest: Manifest) -> Lines:
    """The file `detail`, or standard input. Raises HostError naming it and the cause; of a file, also the line."""
    return Lines(detail, manifest)


def _is_live(path: Path) -> bool:
    """Whether it can be read only once, and perhaps without end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # _open says why
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _open(path: str) -> int:
    if path == STANDARD_INPUT:
        return sys.stdin.fileno()
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a writer, and nothing could end that.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise HostError(f"{path}: cannot be read ({error.strerror}).", "Name a CSV file.") from None


def _lines(name: str, descriptor: int, closed: threading.Event) -> Iterator[str]:
    """Lines as they come, until the other side ends or `closed` is set."""
    rest = b""
    while not closed.is_set():
        if not select.select([descriptor], [], [], POLL_SECONDS)[0]:
            continue
        try:
            data = os.read(descriptor, READ_BYTES)
        except OSError as error:
            raise HostError(f"{name}: cannot be read ({error.strerror}).", "Name a CSV file.") from None
        if not data:
            if rest:
                yield rest.decode(errors="replace")
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace") + "\n" for line in whole)
        if len(rest) > LINE_MAX:
            raise HostError(f"{name}: no end of a line within {LINE_MAX} bytes.", "Give --source a CSV file.")


def _rows(name: str, lines: Iterator[str], form: Form) -> Iterator[Row]:
    """Number and fields of each line that is not empty."""
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            if row:
                row[0] = row[0].removeprefix("\ufeff")  # with which some programs begin UTF-8
                yield reader.line_num, row
    except csv.Error as error:
        raise HostError(f"{name}, line {reader.line_num}: not CSV ({error}).", form.help) from None


def _groups(name: str, rows: Iterator[Row], form: Form, live: bool) -> Iterator[Group]:
    """The samples that the rows make, each as soon as it is known to be whole. One without state is a row, a sequence
    has some."""
    number, header = next(rows, (0, None))
    if header is None:
        raise HostError(f"{name}: empty, expected a header and lines of values.", form.help)
    keys = len(form.keys) if tuple(header[: len(form.keys)]) == form.keys else 0
    if all(_is_number(field) for field in header):
        raise HostError(f"{name}, line {number}: numbers, expected the names of the columns.", form.help)
    rows = _checked(name, itertools.chain([(number, header)], rows), keys, form)
    next(rows)
    if not form.sequences:
        split: Iterator[list[Row]] = ([row] for row in rows)
    elif keys:
        split = _named(name, rows, form, live)
    else:
        split = _unnamed(name, rows, form, live)
    for lines in split:
        values = [_numbers(name, number, row[keys:], form) for number, row in lines]
        of, label = lines[0][1][: len(form.keys)] if keys else (None, None)
        yield Group(of, label, np.array(values, dtype=np.float32))


def _named(name: str, rows: Iterator[Row], form: Form, live: bool) -> Iterator[list[Row]]:
    """Sequences by the name that each row begins with."""
    seen = set()
    for of, group in itertools.groupby(rows, key=lambda row: row[1][0]):
        lines = list(itertools.islice(group, form.most + 1))
        if of in seen:
            raise HostError(f"{name}, line {lines[0][0]}: sequence {of!r} goes on after another one.", form.help)
        if len(lines) > form.most:
            raise _too_long(name, lines[-1][0], form)
        if not live:  # a program may use a name again, and may go on for ever
            seen.add(of)
        yield lines


def _unnamed(name: str, rows: Iterator[Row], form: Form, live: bool) -> Iterator[list[Row]]:
    """One sequence, or of a program one after the other."""
    while lines := list(itertools.islice(rows, form.most)):
        yield lines
        if not live and (more := next(rows, None)):
            raise _too_long(name, more[0], form)


def _too_long(name: str, line: int, form: Form) -> HostError:
    return HostError(
        f"{name}, line {line}: more than {form.most} frames in a sequence, but the board holds {form.most}.",
        "Split it into sequences of that length.",
    )


def _checked(name: str, rows: Iterable[Row], keys: int, form: Form) -> Iterator[Row]:
    """The rows; HostError for one with another number of fields."""
    for number, row in rows:
        if len(row) != keys + form.size:
            after = f", after {' and '.join(form.keys)}" if keys else ""
            raise HostError(
                f"{name}, line {number}: {len(row)} fields, expected {keys + form.size}: the model's {form.unit}s have "
                f"{form.size} values{after}.",
                form.help,
            )
        yield number, row


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _numbers(name: str, line: int, fields: list[str], form: Form) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise HostError(f"{name}, line {line}: {error}, expected numbers.", form.help) from None
    wrong = [
        field for field, value in zip(fields, values, strict=True) if not 0 <= value <= 1
    ]  # NaN is refused as well
    if wrong:
        raise HostError(
            f"{name}, line {line}: holds {', '.join(wrong[:5])}, expected numbers 0 .. 1.",
            "Scale them as in training: `low` under [data] becomes 0, `high` becomes 1.",
        )
    return values
