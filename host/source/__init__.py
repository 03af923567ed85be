"""Where samples come from: the test split, files, another program, a camera, a microphone.

    source = open("pictures/", run, manifest)
    for sample in source.samples(): bridge.stream(sample)

    test                  the test split of the run, with what the board must make of it
    PATH                  a folder of images or WAV files (whose subfolders are labels if they are classes), an image, a WAV
                          file, a CSV file, a FIFO of CSV lines; ./test is a folder of that name
    -                     CSV lines on standard input
    webcam[:N]            a camera, by number or by device; needs the extra [camera]
    microphone[:DEVICE]   a microphone, by number or by name; needs the extra [microphone]
    board                 the boards' own: the firmware has a source of samples (firmware/source.py)

A new source is one new file with a function `load(detail, run, manifest) -> Source`, and one line in SOURCES. Its
libraries are imported only when it is asked for.
"""

import importlib
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Outcome, Sample
from host.errors import HostError
from host.messages.session import Hello
from host.vectors import Expected

TEST: Final = "test"

SOURCES: Final[dict[str, str]] = {
    TEST: "host.source.test_split",
    "images": "host.source.images",
    "wav": "host.source.wav",
    "csv": "host.source.csv",
    "webcam": "host.source.webcam",
    "microphone": "host.source.microphone",
    "board": "host.source.board",
}

NAMED: Final = ("webcam", "microphone", "board")
"""Sources that are asked for by name; a file's kind is told from the file."""


class Source(ABC):
    """Samples one after the other. `name` says in words what it is and what is done to it; `count` is how many samples
    there are, None if nobody knows: then it goes on until it is closed, or until the other side ends."""

    def __init__(self, name: str, count: int | None) -> None:
        self.name, self.count = name, count
        self._closed = threading.Event()

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """The samples, each made when it is asked for; from a device the present one. To be called once, and used by
        one thread at a time. Raises HostError naming file or device and cause."""

    def connected(self, hellos: Mapping[str, Hello]) -> None:  # noqa: B027, most need not know
        """The boards at these ports are there. Called once, before any sample is asked for; `name` and `count` hold
        from then on. Raises HostError if the samples cannot come from them."""

    def vector(self, hello: Hello, origin: int) -> tuple[int, int] | None:
        """Which sample of the test split a board has taken itself, and its class; None if it is none of them."""
        return None

    def expected(self, outcome: Outcome) -> Expected | None:
        """What the board must have made of a sample; None if nobody knows."""
        return None

    def close(self) -> None:
        """End `samples` within half a second, also from another thread while it waits for a line, a frame or sound."""
        self._closed.set()


def open(spec: str, run: RunFolder, manifest: Manifest) -> Source:  # noqa: A001, source.open as wave.open
    """The source that `spec` names. Raises HostError if it does not exist, does not suit the model, or lacks its
    library."""
    name, _, detail = spec.partition(":")
    if spec == TEST:
        kind = TEST
    elif name in NAMED:
        kind, spec = name, detail
    else:
        kind = _kind(spec, manifest)
    source: Source = importlib.import_module(SOURCES[kind]).load(spec, run, manifest)
    return source


def _kind(spec: str, manifest: Manifest) -> str:
    """A file's, by its name; a folder's, by what the model takes."""
    path = Path(spec)
    if spec == "-" or path.suffix.lower() == ".csv":
        return "csv"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise HostError(
            f"{spec}: no source of samples, and as a file it cannot be read ({error.strerror}).",
            f"Name a file or a folder, - for standard input, or one of {', '.join((TEST, *NAMED))}.",
        ) from None
    if stat.S_ISFIFO(mode):
        return "csv"
    if path.suffix.lower() == ".wav":
        return "wav"
    if stat.S_ISREG(mode):
        return "images"
    return "wav" if manifest.stream else "images"
