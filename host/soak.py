"""A soak: very many samples through a board over a faulty cable, each one's answer held against what it must be.

    report = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), samples=100_000, faults="flip=0.01,seed=1"))
    report.passed

The test split is streamed again and again, at the manifest's threshold. Every sample must end answered, or lost with
its reason; whatever is said of a sample, by the board or by the large model, must be what the test vectors and the
large model say of that very sample: its class, its score, its probability; and the host's memory must stay flat. A link
that is lost is opened again and the sample streamed again.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from boards import Board
from contract import manifest as manifests
from contract.gate import to_code, to_probability
from contract.manifest import Manifest
from contract.progress import Progress
from contract.run_folder import RunFolder
from host import backend, faults, feed, vectors
from host.backend import LargeModel
from host.bridge import Outcome, Sample
from host.faults import Counts
from host.feed import Feed
from host.messages.sample import Source
from host.policy import Turn
from host.session import Options as Session
from host.session import one_board
from host.vectors import Expected

WARM_UP: Final = 2000
"""Samples, or a tenth if that is less, until caches and pools have the size that they keep."""

READINGS: Final = 10
"""Of memory, evenly spaced after the warm-up."""

GROWTH_BYTES: Final = 4 << 20
"""What the resident set may grow after the warm-up: pools of the allocator, but not 50 bytes for each of 100,000
samples."""

GROWTH_BLOCKS: Final = 2000
"""Likewise the memory blocks that Python holds, of which a leak takes at least one for each sample."""

MISTAKES_KEPT: Final = 20


@dataclass(frozen=True)
class Options:
    """`port` is the name of an emulator (host.emulator.RUNNERS), "emulator" for QEMU, or the URL of a port. `faults`
    are those of host.faults, in words; "" for a cable without."""

    run: RunFolder
    board: Board
    port: str = "emulator"
    samples: int = 100_000
    faults: str = "flip=0.01,seed=1"
    large: str = "checkpoint"


@dataclass(frozen=True)
class Memory:
    """The host's memory after so many samples: `resident` bytes, None where the system does not say, and blocks that
    Python holds."""

    samples: int
    resident: int | None
    blocks: int


@dataclass(frozen=True)
class Report:
    """What became of the samples. `answered` is by source, `lost` by reason, digits replaced by N. `wrong` counts the
    samples of which something was said that is not so; `mistakes` are the first of them in words. `damaged_down` and
    `damaged_up` are the chunks that board and host found not to be frames, `repeats` requests said again,
    `reconnections` links opened again. `memory` begins after the warm-up."""

    name: str
    board: str
    port: str
    faults: str
    asked: int
    samples: int
    interrupted: bool
    answered: dict[str, int]
    lost: dict[str, int]
    wrong: int
    mistakes: list[str]
    repeats: int
    reconnections: int
    frames_down: int
    frames_up: int
    damaged_down: int
    damaged_up: int
    faults_down: Counts
    faults_up: Counts
    seconds: float
    samples_per_second: float
    slowest_seconds: float
    memory: list[Memory]

    @property
    def flat(self) -> bool:
        """The host's memory did not grow between warm-up and end beyond GROWTH_BYTES and GROWTH_BLOCKS."""
        first, last = self.memory[0], self.memory[-1]
        grown = (last.resident or 0) - (first.resident or 0)
        return grown <= GROWTH_BYTES and last.blocks - first.blocks <= GROWTH_BLOCKS

    @property
    def complete(self) -> bool:
        """Every sample ended."""
        return sum(self.answered.values()) + sum(self.lost.values()) == self.samples > 0

    @property
    def passed(self) -> bool:
        return self.complete and self.flat and not self.wrong


def run(options: Options, on_outcome: Callable[[Outcome], None] = lambda outcome: None) -> Report:
    """Stream the samples. Raises HostError or ManifestError for whatever stands in the way."""
    manifest = manifests.load(options.run.manifest)
    split = vectors.load(options.run, manifest)
    samples = list(split.samples())
    expected = [split.expected(sample.index, manifest.gate.threshold) for sample in samples]
    fed = feed.of(manifest)
    large = Known(backend.load(options.large, options.run, manifest), _seen(manifest, fed, samples, expected))
    found = _Found(large)
    session = Session(run=options.run, board=options.board, ports=(options.port,), faults=options.faults or None)
    with one_board(session, large) as lane:
        start, warm_up, interrupted = time.monotonic(), min(WARM_UP, options.samples // 10), False
        every = max(1, (options.samples - warm_up) // READINGS)
        memory = []
        try:
            with Progress("soak", total=options.samples) as progress:
                for number in range(options.samples):
                    if number >= warm_up and (number - warm_up) % every == 0:
                        memory.append(_memory(number))
                    index = number % len(samples)
                    outcome = lane.stream(samples[index], Turn(manifest.gate.threshold))
                    if lane.error is not None:
                        raise lane.error
                    found.take(number, outcome, expected[index], large.answers[index])
                    on_outcome(outcome)
                    progress.advance(note=f"{sum(found.lost.values())} lost, {found.wrong} wrong")
        except KeyboardInterrupt:
            print("interrupted: the report covers the samples until now", file=sys.stderr)
            interrupted = True
        seconds = time.monotonic() - start
        memory.append(_memory(found.samples))
        lane.leave()
        counted, totals = lane.counted, lane.totals
        cable = faults.cable(lane.endpoint.url()) if options.faults else None
        return Report(
            name=manifest.name,
            board=options.board.name,
            port=options.port,
            faults=options.faults,
            asked=options.samples,
            samples=found.samples,
            interrupted=interrupted,
            answered=dict(found.answered),
            lost=dict(found.lost),
            wrong=found.wrong,
            mistakes=found.mistakes,
            repeats=found.repeats,
            reconnections=lane.reconnected,
            frames_down=counted["frames_received"],
            frames_up=totals.frames_received,
            damaged_down=sum(counted[name] for name in ("crc_errors", "cobs_errors", "oversize")),
            damaged_up=totals.damaged,
            faults_down=cable.down.counts if cable else Counts(),
            faults_up=cable.up.counts if cable else Counts(),
            seconds=round(seconds, 1),
            samples_per_second=round(found.samples / seconds, 1),
            slowest_seconds=round(found.slowest, 3),
            memory=memory,
        )


class Known:
    """A large model that was asked about each sample of the test split beforehand, and now answers from memory.

    `answers` are class and probability of each, a Q15 code; `foreign` counts what it was asked about that is none of
    them.
    """

    def __init__(self, large: LargeModel, samples: NDArray[np.float32]) -> None:
        self._large = large
        rows = np.concatenate([large.classify(samples[at : at + 1]) for at in range(len(samples))])
        self._rows = {sample.tobytes(): row for sample, row in zip(samples, rows, strict=True)}
        self.answers = [(int(row.argmax()), to_code(float(row.max()))) for row in rows]
        self.foreign = 0

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        known = [self._rows.get(sample.tobytes()) for sample in samples]
        rows = [row for row in known if row is not None]
        if len(rows) == len(samples):
            return np.stack(rows)
        self.foreign += 1
        return self._large.classify(samples)


def _seen(
    manifest: Manifest, fed: Feed, samples: Sequence[Sample], expected: Sequence[Expected]
) -> NDArray[np.float32]:
    """The samples as a large model gets them: of a sequence what the board had seen when it decided."""
    size = manifest.inputs[0].bytes
    return np.concatenate(
        [
            fed.values(sample.codes[: wanted.steps * size] if manifest.stream else sample.codes)
            for sample, wanted in zip(samples, expected, strict=True)
        ]
    )


@dataclass
class _Found:
    """Counts, and nothing that grows with the number of samples."""

    large: Known
    samples: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    mistakes: list[str] = field(default_factory=list)
    repeats: int = 0
    slowest: float = 0.0

    def take(self, number: int, outcome: Outcome, wanted: Expected, answer: tuple[int, int]) -> None:
        self.samples += 1
        self.repeats += outcome.repeats
        self.slowest = max([self.slowest, *outcome.seconds.values()])
        if outcome.lost is not None:
            self.lost[re.sub(r"\d+", "N", outcome.lost)] += 1
        elif outcome.source is not None:
            self.answered[outcome.source] += 1
        wrong = mistakes(outcome, wanted, answer)
        if self.large.foreign:
            wrong.append("the large model was asked about something that is no sample")
            self.large.foreign = 0
        self.wrong += bool(wrong)
        for words in wrong[: MISTAKES_KEPT - len(self.mistakes)]:
            self.mistakes.append(f"sample {number}, number {outcome.sample} of the test split: {words}")


def mistakes(outcome: Outcome, wanted: Expected, answer: tuple[int, int]) -> list[str]:
    """What the outcome says that is not so; `answer` is the large model's class and probability, a Q15 code."""
    own = (wanted.board_class, wanted.score, wanted.accepted, wanted.steps)
    said = (outcome.board_class, outcome.score, outcome.accepted, outcome.steps)
    found = []
    if outcome.board_class is not None and said != own:
        found.append(f"class, score, decision and steps of the board are {said}, expected {own}")
    if outcome.large_class not in (None, answer[0]):
        found.append(f"the large model's class is {outcome.large_class}, expected {answer[0]}")
    if outcome.lost is not None:
        return found
    is_host = outcome.source == Source.HOST.name.lower()
    final = (outcome.answer, outcome.probability)
    expected = (answer[0], to_probability(answer[1])) if is_host else (wanted.board_class, to_probability(wanted.score))
    if final != expected:
        found.append(f"class and probability from the {outcome.source} are {final}, expected {expected}")
    if (outcome.source == Source.BOARD.name.lower()) != wanted.accepted:
        found.append(f"it ended at the {outcome.source}, but accepted is {wanted.accepted}")
    return found


def _memory(samples: int) -> Memory:
    status = Path("/proc/self/statm")  # Linux: sizes in pages, the second is the resident set
    pages = int(status.read_text().split()[1]) if status.exists() else None
    return Memory(samples, None if pages is None else pages * os.sysconf("SC_PAGE_SIZE"), sys.getallocatedblocks())


def to_json(report: Report) -> str:
    return json.dumps(asdict(report) | {"flat": report.flat, "passed": report.passed}, indent=2)


def show(report: Report) -> None:
    """Print the report on stdout."""
    table = Table(title=f"{report.name} on {report.board} at {report.port}, faults {report.faults or 'none'}")
    table.add_column("")
    table.add_column("count", justify="right")
    first, last = report.memory[0], report.memory[-1]
    rows: dict[str, object] = {
        "samples": report.samples,
        **{f"answered by {source}": count for source, count in sorted(report.answered.items())},
        **{f"lost: {reason}": count for reason, count in sorted(report.lost.items())},
        "wrong": report.wrong,
        "requests repeated": report.repeats,
        "links opened again": report.reconnections,
        "frames to the board, damaged": f"{report.frames_down}, {report.damaged_down}",
        "frames to the host, damaged": f"{report.frames_up}, {report.damaged_up}",
        "samples per second": report.samples_per_second,
        "slowest sample, s": report.slowest_seconds,
        "resident after warm-up, at the end, MiB": f"{(first.resident or 0) / 2**20:.1f}, {(last.resident or 0) / 2**20:.1f}",
        "Python's blocks after warm-up, at the end": f"{first.blocks}, {last.blocks}",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    Console().print(table)


def explain(report: Report) -> str:
    """Why a soak did not pass, in one paragraph."""
    reasons = []
    if not report.complete:
        reasons.append("not every sample ended")
    if report.wrong:
        reasons.append(f"{report.wrong} samples have a wrong answer ({report.mistakes[0]})")
    if not report.flat:
        reasons.append(f"memory grew from {report.memory[0]} to {report.memory[-1]}")
    return f"The soak did not pass: {'; '.join(reasons)}."
