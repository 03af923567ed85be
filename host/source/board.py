"""The boards' own sources: `--source board`. Nothing goes down to a board but the request to take its next sample.

A board whose source is the test split's first samples (`make firmware SOURCE=vectors:32`) says which one each is: then
there are as many samples as the boards have, and it is known what they must say of them. Of a driver's samples nobody
knows a label, and there is no end. What a board is sure of stays there. One that it abstains from is known here once it
has come up.
"""

import itertools
from collections.abc import Iterator, Mapping

from contract.errors import KNOWN_FAILURE
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import vectors
from host.bridge import Outcome, Sample
from host.errors import HostError
from host.messages.session import VECTORS, Hello
from host.source import Source
from host.vectors import Expected, Vectors


class Boards(Source):
    def __init__(self, run: RunFolder, manifest: Manifest) -> None:
        super().__init__("the boards' own", None)
        self._run, self._manifest = run, manifest
        self._split: Vectors | None = None

    def connected(self, hellos: Mapping[str, Hello]) -> None:
        """Raises HostError for a board without a source, or with samples that the run does not have."""
        for port, hello in hellos.items():
            if not hello.source:
                raise HostError(
                    f"{port}: the board's firmware was built without a source of samples.",
                    f"Build it with one: python -m firmware build --run {self._run.path} --board {hello.board} --source vectors:32 "
                    "(firmware/source.py has the others).",
                    KNOWN_FAILURE,
                )
        counts = [hello.source_count for hello in hellos.values() if hello.source == VECTORS]
        if counts:
            self._split = vectors.load(self._run, self._manifest)
            if max(counts) > len(self._split):
                raise HostError(
                    f"{self._run.vectors} has {len(self._split)} samples, the board's firmware {max(counts)} of a test split.",
                    "Build the firmware of this run again.",
                    KNOWN_FAILURE,
                )
        self.count = sum(counts) if len(counts) == len(hellos) else None
        each = dict.fromkeys(f"{hello.source}:{hello.source_count or ''}".rstrip(":") for hello in hellos.values())
        self.name = f"the board's own ({', '.join(each)})"

    def samples(self) -> Iterator[Sample]:
        for index in itertools.count() if self.count is None else range(self.count):
            if self._closed.is_set():
                return
            yield Sample(index, None, b"")

    def vector(self, hello: Hello, origin: int) -> tuple[int, int] | None:
        if self._split is None or hello.source != VECTORS:
            return None
        index = (origin - 1) % hello.source_count
        return index, int(self._split.labels[index])

    def expected(self, outcome: Outcome) -> Expected | None:
        if self._split is None or outcome.vector is None:
            return None
        return self._split.expected(outcome.vector, outcome.threshold or 0)


def load(detail: str, run: RunFolder, manifest: Manifest) -> Boards:
    """What the boards have is known once they are connected."""
    if detail:
        raise HostError(f"The source 'board' takes no detail, found {detail!r}.", "Write --source board.")
    return Boards(run, manifest)
