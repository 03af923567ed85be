"""The board's own source of samples, by the name that a build is given: `find("vectors:32", Path("runs/digits"))`.

    none          none: all samples come from the host (default)
    vectors[:N]   the first N samples of the run's test split, 32 unless said, in flash, one after the other, then from the first again
    PATH.c        a driver: a C file of yours that implements firmware/lib/source/source.h

A new source of ours is one file of firmware/lib/source, and one entry in SOURCES. Standard library only, but for numpy
where test vectors are read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from host.messages.session import VECTORS

VARIABLE: Final = "DEMUR_SOURCE"
"""Environment variable with the source for `pio run`; a path in it is absolute, or relative to firmware/."""

DEFAULT: Final = "none"

FOLDER: Final = Path(__file__).parent / "lib/source"

VECTORS_DEFAULT: Final = 32
"""Enough to see both kinds of answer, and 2 KiB of flash with the digits."""

NAME: Final = r"[A-Za-z0-9_.-]{1,32}"
"""What a driver's file may be called, without its suffix: HELLO carries it."""


@dataclass(frozen=True)
class Source:
    """`name` and `count` are HELLO's; `file` is what is compiled, None if there is no source; `headers` are what it
    includes, by name."""

    name: str
    count: int
    file: Path | None
    headers: Mapping[str, str] = field(default_factory=dict)


NONE: Final = Source("", 0, None)


def find(spec: str, run: Path) -> Source:
    """The source that `spec` names, for a run's image. Raises FirmwareError if there is none of that name, or it lacks
    something."""
    name, _, detail = spec.partition(":")
    if spec.endswith(".c"):
        return _driver(Path(spec))
    if name not in SOURCES:
        raise FirmwareError(
            f"Unknown source of samples {spec!r}.",
            f"Choose one of {', '.join(SOURCES)}, or name a driver's C file, with --source or {VARIABLE}.",
        )
    return SOURCES[name](detail, run)


def absolute(spec: str) -> str:
    """The same for a build that runs in another folder."""
    return str(Path(spec).resolve()) if spec.endswith(".c") else spec


def _none(detail: str, run: Path) -> Source:
    if detail:
        raise FirmwareError(f"The source 'none' takes no number, found {detail!r}.", "Write it without the colon.")
    return NONE


def _vectors(detail: str, run: Path) -> Source:
    """The samples as a C array."""
    try:
        import numpy as np
    except ModuleNotFoundError:  # in PlatformIO's own Python, say
        raise FirmwareError(
            f"The source 'vectors' reads {run / 'vectors.npz'} with numpy, which is not installed in this Python.",
            f"Build with the project's: .venv/bin/python -m firmware build --run {run} --board BOARD --source vectors.",
        ) from None

    path = run / "vectors.npz"
    try:
        with np.load(path) as vectors:
            inputs = vectors["input"]
    except (OSError, KeyError, ValueError) as error:
        raise FirmwareError(
            f"{path}: no test vectors to be read ({error}).", f"Write them with `python -m export {run}`."
        ) from None
    count = min(VECTORS_DEFAULT, len(inputs)) if not detail else int(detail) if detail.isdecimal() else 0
    if not 0 < count <= len(inputs):
        raise FirmwareError(
            f"The source 'vectors' takes 1 to {len(inputs)} samples, as many as the test split has, found {detail!r}.",
            f"Write vectors:{min(VECTORS_DEFAULT, len(inputs))}, or another number.",
        )
    rows = [sample.tobytes() for sample in inputs[:count]]
    lines = ",\n".join("    {" + ", ".join(map(str, row)) + "}" for row in rows)
    header = (
        f"/* The first {count} samples of the test split, rendered from vectors.npz. */\n"
        "#ifndef SOURCE_VECTORS_H\n#define SOURCE_VECTORS_H\n\n#include <stdint.h>\n\n"
        f"#define SOURCE_VECTORS {count}u\n"
        f"#define SOURCE_VECTOR_BYTES {len(rows[0])}u\n\n"
        f"static const uint8_t source_vectors[SOURCE_VECTORS][SOURCE_VECTOR_BYTES] = {{\n{lines}}};\n\n"
        "#endif\n"
    )
    return Source(VECTORS, count, FOLDER / "vectors.c", {"source_vectors.h": header})


def _driver(path: Path) -> Source:
    if not path.is_file():
        raise FirmwareError(f"{path}: no such file.", f"Name a C file that implements {FOLDER / 'source.h'}.")
    if not re.fullmatch(NAME, path.stem):
        raise FirmwareError(
            f"{path}: the board says the name of its source, and {path.stem!r} cannot be said in HELLO.",
            "Use up to 32 letters, digits, dots, dashes and underscores.",
        )
    return Source(path.stem, 0, path.resolve())


SOURCES: Final[dict[str, Callable[[str, Path], Source]]] = {"none": _none, VECTORS: _vectors}
