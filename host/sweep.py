"""The risk-coverage curve of a board: its threshold moved live over the test split, beside the curve of the test vectors.

    result = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), port="emulator"), points=21)

At each threshold all samples are streamed, and what the board accepted is held against what the vectors, and so the TensorFlow
Lite Micro interpreter and the gate on this PC, say of the same threshold. Writes sweep.json at its end.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from contract import manifest as manifests
from contract.manifest import Manifest
from contract.operating_point import OperatingPoint
from contract.progress import Progress
from contract.run_folder import RunFolder
from host import backend, feed
from host.bridge import Bridge, Outcome, Sample
from host.errors import HostError
from host.link import connect
from host.messages.settings import DEFAULT_DEADLINE_MS
from host.policy import NOTHING
from host.port import open_port
from host.session import REPLY_MARGIN, Options, deadline_of, endpoint
from host.source.test_split import load_vectors
from host.summary import Expected


@dataclass(frozen=True)
class Step:
    """One threshold: the board's point and the vectors', on how many samples they differ in class, score, decision or frames, how
    many were lost, and the accuracy with the large model's answers."""

    threshold: int
    board: OperatingPoint
    vectors: OperatingPoint
    differing: int
    lost: int
    hybrid_accuracy: float


@dataclass(frozen=True)
class Sweep:
    """sweep.json: `score` is the gate's; the steps are from high thresholds to low ones."""

    name: str
    board: str
    port: str
    score: str
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        """Both curves are the same, point for point, sample for sample, and nothing was lost."""
        return all(step.board == step.vectors and not step.differing and not step.lost for step in self.steps)


def run(options: Options, points: int) -> Sweep:
    """Move the threshold over `points` of the vectors' curve. Raises HostError or ManifestError for whatever stands in the way."""
    manifest = manifests.load(options.run.manifest)
    if options.source is not None or options.threshold is not None:
        raise HostError(
            "A sweep streams the test split at thresholds of its own.", "Leave the source and threshold out."
        )
    fed, board = feed.of(manifest, options.per_push), options.board
    samples = load_vectors(options.run, manifest, NOTHING)[0][: options.limit]
    chosen = thresholds(_best(options.run, manifest)[: options.limit], points)
    with (
        endpoint(options) as url,
        connect(open_port(url, board.uart.baud), url, board.name, manifest.hash) as link,
    ):
        link.configure(threshold=NOTHING, deadline_ms=deadline_of(options, link))
        large = backend.load(options.large, options.run, manifest)
        bridge = Bridge(link, large, fed, DEFAULT_DEADLINE_MS / 1e3 + REPLY_MARGIN)
        steps = []
        with Progress("sweep", total=len(chosen)) as progress:
            for threshold in chosen:
                link.configure(threshold=threshold)
                outcomes = [bridge.stream(sample) for sample in samples]
                steps.append(_step(threshold, outcomes, load_vectors(options.run, manifest, threshold)[1], samples))
                progress.advance()
    result = Sweep(manifest.name, board.name, options.port, manifest.gate.score, tuple(steps))
    options.run.sweep.write_text(to_json(result) + "\n")
    return result


def thresholds(scores: Sequence[int], points: int) -> list[int]:
    """From one that accepts nothing to one that accepts everything, at most `points` of them, evenly spaced in coverage. Each
    in between is a score, so it is where the curve has a point."""
    ranked = sorted(scores, reverse=True)
    places = np.linspace(0, len(ranked) - 1, max(2, points) - 1).round().astype(int)
    return [NOTHING, *sorted({ranked[place] for place in places[:-1]} - {ranked[-1]}, reverse=True), 0]


def _best(folder: RunFolder, manifest: Manifest) -> list[int]:
    """The score of each sample of the test split up to which a threshold accepts it: of a sequence, the best in time."""
    with np.load(folder.vectors) as vectors:
        if manifest.stream is None:
            return [int(score) for score in vectors["score"]]
        return [int(score) for score in vectors["scores"][:, manifest.stream.minimum_steps - 1 :].max(axis=1)]


def _step(threshold: int, outcomes: Sequence[Outcome], expected: Iterable[Expected], samples: Sequence[Sample]) -> Step:
    wanted = list(expected)[: len(outcomes)]
    differing = sum(
        (of.board_class, of.score, of.accepted, of.steps) != (said.board_class, said.score, said.accepted, said.steps)
        for of, said in zip(outcomes, wanted, strict=True)
    )
    labels = [sample.label for sample in samples]
    return Step(
        threshold,
        _point([(bool(of.accepted), of.board_class) for of in outcomes], labels),
        _point([(of.accepted, of.board_class) for of in wanted], labels),
        differing,
        sum(of.lost is not None for of in outcomes),
        sum(of.answer == label for of, label in zip(outcomes, labels, strict=True)) / len(outcomes),
    )


def _point(decisions: Sequence[tuple[bool, int | None]], labels: Sequence[int | None]) -> OperatingPoint:
    accepted = [said == label for (taken, said), label in zip(decisions, labels, strict=True) if taken]
    return OperatingPoint(len(decisions), len(accepted), accepted.count(False))


def to_json(sweep: Sweep) -> str:
    return json.dumps(asdict(sweep), indent=2)


def show(sweep: Sweep) -> None:
    """Print both curves on stdout."""
    table = Table(title=f"{sweep.name} on {sweep.board}: the threshold of {sweep.score} moved over the test split")
    for column in (
        "threshold",
        "coverage",
        "risk",
        "vectors' coverage",
        "risk",
        "samples that differ",
        "hybrid accuracy",
    ):
        table.add_column(column, justify="right")
    for step in sweep.steps:
        curves = (
            f"{value:.2%}" for point in (step.board, step.vectors) for value in (point.coverage, point.selective_risk)
        )
        table.add_row(str(step.threshold), *curves, str(step.differing), f"{step.hybrid_accuracy:.2%}")
    Console().print(table)


def explain(sweep: Sweep) -> str:
    """Why a sweep did not pass, in one paragraph with the next step."""
    differing, lost = (sum(of) for of in zip(*((step.differing, step.lost) for step in sweep.steps), strict=True))
    return (
        f"Over {len(sweep.steps)} thresholds board and vectors differ on {differing} samples and {lost} were lost. Export and build "
        "again from one version of the sources; check cable and baud rate if samples were lost."
    )
