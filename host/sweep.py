"""The risk-coverage curve of a board: its threshold moved live over the test split, beside the curve of the test
vectors.

    result = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), ports=("emulator",)), points=21)

At each threshold all samples are streamed, and what the board accepted is held against what the vectors, and so the
TensorFlow Lite Micro interpreter and the gate on this PC, say of the same threshold. Writes sweep.json at its end, also
when it is interrupted: then of the thresholds that all samples went through.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from contract import manifest as manifests
from contract.operating_point import OperatingPoint
from contract.progress import Progress
from host import recording, vectors
from host.bridge import Outcome, Sample
from host.errors import HostError
from host.lane import Lane
from host.operating_points import thresholds
from host.policy import Turn
from host.session import Options, one_board
from host.source import TEST
from host.vectors import Expected


@dataclass(frozen=True)
class Step:
    """One threshold: the board's point and the vectors', on how many samples they differ in class, score, decision or
    frames, how many were lost, and the accuracy with the large model's answers."""

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
    interrupted: bool
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        """Both curves are the same, point for point, sample for sample, and nothing was lost."""
        return all(step.board == step.vectors and not step.differing and not step.lost for step in self.steps)


def run(options: Options, points: int) -> Sweep:
    """Move the threshold over `points` of the vectors' curve. Raises HostError or ManifestError for whatever stands in
    the way."""
    if options.source != TEST or options.threshold is not None:
        raise HostError(
            "A sweep streams the test split at thresholds of its own.", "Leave the source and threshold out."
        )
    manifest = manifests.load(options.run.manifest)
    split = vectors.load(options.run, manifest)
    samples = list(split.samples())[: options.limit]
    with one_board(options) as lane:
        chosen = thresholds(split.best()[: options.limit], points)
        steps, interrupted = list[Step](), False
        try:
            with Progress("sweep", total=len(chosen)) as progress:
                for threshold in chosen:
                    expected = [split.expected(sample.index, threshold) for sample in samples]
                    steps.append(_step(threshold, [_stream(lane, sample, threshold) for sample in samples], expected))
                    progress.advance()
        except KeyboardInterrupt:
            if not steps:
                raise
            print("interrupted: the sweep is of the thresholds until now", file=sys.stderr)
            interrupted = True
    result = Sweep(manifest.name, options.board.name, lane.name, manifest.gate.score, interrupted, tuple(steps))
    recording.write(options.run.sweep, to_json(result) + "\n")
    return result


def _stream(lane: Lane, sample: Sample, threshold: int) -> Outcome:
    outcome = lane.stream(sample, Turn(threshold))
    if lane.error is not None:
        raise lane.error
    return outcome


def _step(threshold: int, outcomes: Sequence[Outcome], wanted: Sequence[Expected]) -> Step:
    differing = sum(
        (of.board_class, of.score, of.accepted, of.steps) != (said.board_class, said.score, said.accepted, said.steps)
        for of, said in zip(outcomes, wanted, strict=True)
    )
    labels = [outcome.label for outcome in outcomes]
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
