"""Operating points of one board beside each other: all on the board, hybrid at several thresholds, all on the PC.

    result = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), ports=("emulator",)), Plan(samples=200))

Every sample goes through all points before the next one does, so that whatever else this machine does meets all of them
alike. The latency of a sample is from its first byte down to its last answer, on the host's clock; changing the
threshold is not in it. Of an emulated board, whose time is not that of the part, it is modelled as well: its
instructions at one for each cycle of the board's clock, the bytes of both directions at the link's baud rate, ten bits
each, and the large model as measured. Writes bench.json at its end.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from contract import manifest as manifests
from contract.gate import to_probability
from contract.progress import Progress
from host import latency, recording, vectors
from host.bridge import Outcome, Sample
from host.errors import HostError
from host.lane import Lane
from host.latency import Percentiles
from host.operating_points import curve
from host.policy import NOTHING, Turn
from host.session import Options, one_board
from host.source import TEST
from host.summary import answered_by
from host.tally import Tally

BITS_PER_BYTE: Final = 10  # a start bit, eight of data, a stop bit
MODEL: Final = "modelled: instructions at the board's clock, one a cycle"

COVERAGES: Final = (0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Plan:
    """`samples` of the test split, the first `warm_up` of which are streamed twice and counted once; hybrid points at
    these coverages of the test vectors, beside the manifest's own threshold."""

    samples: int | None = None
    warm_up: int = 10
    coverages: tuple[float, ...] = COVERAGES


@dataclass(frozen=True)
class Measured:
    """One operating point. Accuracies and coverage in [0, 1]; `wrong` is the joint error, accepted and wrong;
    latencies in milliseconds by stage, `modelled` of an emulated board (None of another). `saved` is how much less
    the mean latency is than that of all on the PC, `modelled_saved` as modelled: 0.4 is 40 % less. Bytes are of a
    mean sample."""

    name: str
    threshold: int
    samples: int
    lost: int
    answered_by: dict[str, int]
    coverage: float
    accuracy: float
    mean_ms: float
    latency_ms: dict[str, Percentiles]
    modelled_mean_ms: float | None
    modelled_ms: Percentiles | None
    saved: float
    modelled_saved: float | None
    bytes_down: float
    bytes_up: float


@dataclass(frozen=True)
class Bench:
    """bench.json. `clock` says what the latencies are worth."""

    name: str
    board: str
    port: str
    large: str
    samples: int
    interrupted: bool
    clock: str
    points: tuple[Measured, ...]


def run(options: Options, plan: Plan) -> Bench:
    """Measure all points. Raises HostError or ManifestError for whatever stands in the way, a lost board among it."""
    if options.source != TEST or options.threshold is not None or options.limit is not None:
        raise HostError("A bench streams samples of the test split at thresholds of its own.",
                        "Leave source, threshold and limit out.")  # fmt: skip
    manifest = manifests.load(options.run.manifest)
    split = vectors.load(options.run, manifest)
    samples, points = list(split.samples())[: plan.samples], curve(options.run, manifest, len(split) + 2)
    chosen = {"all on the board": 0}
    for goal in plan.coverages:
        enough = max((point.threshold for point in points if point.coverage >= goal), default=0)
        chosen[f"hybrid, {goal:.0%} of the vectors"] = enough
    chosen["hybrid, the run's threshold"] = manifest.gate.threshold
    chosen["all on the PC"] = NOTHING
    outcomes: dict[str, list[Outcome]] = {name: [] for name in chosen}
    with one_board(options) as lane, Progress("bench", total=len(samples)) as progress:
        for sample in samples[: plan.warm_up]:
            for threshold in chosen.values():
                _stream(lane, sample, threshold)
        done, interrupted = 0, False
        try:
            for sample in samples:
                for name, threshold in chosen.items():
                    outcomes[name].append(_stream(lane, sample, threshold))
                done += 1
                progress.advance()
        except KeyboardInterrupt:
            if not done:
                raise
            print("interrupted: the bench is of the samples until now", file=sys.stderr)
            interrupted = True
        outcomes = {name: of[:done] for name, of in outcomes.items()}
        measured = {name: _measure(name, chosen[name], outcomes[name], lane, options) for name in chosen}
        emulated = lane.emulated
    result = Bench(
        name=manifest.name,
        board=options.board.name,
        port=lane.name,
        large=options.large,
        samples=done,
        interrupted=interrupted,
        clock="host clock, emulated board" if emulated else "host clock",
        points=tuple(_against(of, measured["all on the PC"]) for of in measured.values()),
    )
    recording.write(options.run.bench, to_json(result) + "\n")
    return result


def _stream(lane: Lane, sample: Sample, threshold: int) -> Outcome:
    outcome = lane.stream(sample, Turn(threshold))
    if lane.error is not None:
        raise lane.error
    return outcome


def _measure(name: str, threshold: int, outcomes: Sequence[Outcome], lane: Lane, options: Options) -> Measured:
    """Without what it saves, which takes another point."""
    answered = [outcome for outcome in outcomes if outcome.lost is None]
    if not answered:
        raise HostError(
            f"{lane.name}: all {len(outcomes)} samples were lost: {outcomes[0].lost}.", "Check cable and baud rate."
        )
    tally = Tally()
    for outcome in outcomes:
        tally.count(outcome)
    times = [latency.stages(outcome, lane.board_hz) for outcome in answered]
    modelled = [_modelled(of, time.get("large", 0.0), lane, options) for of, time in zip(answered, times, strict=True)]
    known = lane.endpoint.runner is not None
    return Measured(
        name=name,
        threshold=threshold,
        samples=len(outcomes),
        lost=tally.lost,
        answered_by=answered_by(tally),
        coverage=tally.coverage or 0.0,
        accuracy=tally.hybrid_accuracy or 0.0,
        mean_ms=sum(of["total"] for of in times) / len(times),
        latency_ms=latency.split(times),
        modelled_mean_ms=sum(modelled) / len(modelled) if known else None,
        modelled_ms=latency.percentiles(modelled) if known else None,
        saved=0.0,
        modelled_saved=None,
        bytes_down=sum(of.bytes_sent for of in answered) / len(answered),
        bytes_up=sum(of.bytes_received for of in answered) / len(answered),
    )


def _modelled(outcome: Outcome, large_ms: float, lane: Lane, options: Options) -> float:
    """Milliseconds of a sample if the board ran an instruction a cycle and nothing but bytes took time on the link."""
    runner, hello = lane.endpoint.runner, lane.hello
    if runner is None or hello is None:
        return 0.0
    instructions = runner.instructions(options.board, float((outcome.infer_cycles or 0) + (outcome.gate_cycles or 0)))
    link = (outcome.bytes_sent + outcome.bytes_received) * BITS_PER_BYTE / options.board.uart.baud
    return 1e3 * (instructions / hello.clock_hz + link) + large_ms


def _against(of: Measured, pc: Measured) -> Measured:
    values = vars(of) | {"saved": 1 - of.mean_ms / pc.mean_ms}
    if of.modelled_mean_ms is not None and pc.modelled_mean_ms:
        values["modelled_saved"] = 1 - of.modelled_mean_ms / pc.modelled_mean_ms
    return Measured(**values)


def to_json(bench: Bench) -> str:
    return json.dumps(asdict(bench), indent=2)


def show(bench: Bench) -> None:
    """Print the points, their latencies, and what the best of them saves in a sentence."""
    console = Console()
    table = Table(title=f"{bench.name} on {bench.board}, {bench.samples} samples through every point")
    for column in ("operating point", "threshold", "on the board", "accuracy", "bytes down", "bytes up"):
        table.add_column(column, justify="left" if column == "operating point" else "right")
    for of in bench.points:
        threshold = "above all" if of.threshold == NOTHING else f"{to_probability(of.threshold):.4f}"
        table.add_row(
            of.name, threshold, f"{of.coverage:.1%}", f"{of.accuracy:.2%}", f"{of.bytes_down:.0f}", f"{of.bytes_up:.0f}"
        )
    console.print(table)
    console.print(
        _latencies(
            f"latency in ms, {bench.clock}", [(of, of.latency_ms["total"], of.mean_ms, of.saved) for of in bench.points]
        )
    )
    modelled = [
        (of, of.modelled_ms, of.modelled_mean_ms, of.modelled_saved)
        for of in bench.points
        if of.modelled_ms is not None and of.modelled_mean_ms is not None and of.modelled_saved is not None
    ]
    if modelled:
        console.print(_latencies(f"latency in ms, {MODEL}", modelled))
    print(claim(bench))


def _latencies(title: str, rows: Sequence[tuple[Measured, Percentiles, float, float]]) -> Table:
    table = Table(title=title)
    for column in ("operating point", "p50", "p95", "p99", "mean", "less than the PC"):
        table.add_column(column, justify="left" if column == "operating point" else "right")
    for of, total, mean, saved in rows:
        table.add_row(of.name, *(f"{value:.2f}" for value in (total.p50, total.p95, total.p99, mean)), f"{saved:.1%}")
    return table


def claim(bench: Bench) -> str:
    """The least latency of a hybrid point that is as accurate as the PC alone, or that there is none."""
    pc = bench.points[-1]
    if pc.answered_by["host"] < pc.samples:
        return (
            f"The PC answered {pc.answered_by['host']} of the {pc.samples} samples that it was to answer alone, so nothing can be said of it: "
            f"{', '.join(f'{source} {count}' for source, count in pc.answered_by.items() if count)}, lost {pc.lost}."
        )
    good = [of for of in bench.points[1:-1] if of.accuracy >= pc.accuracy and not of.lost]
    if not good:
        best = max(bench.points[1:-1], key=lambda of: of.accuracy)
        return f"No hybrid point reaches the PC's {pc.accuracy:.2%}; the best has {best.accuracy:.2%} at {best.saved:.1%} less latency."
    best = min(good, key=lambda of: of.mean_ms)
    if best.saved <= 0:
        return f"As accurate as the PC alone, but not faster on this clock: {best.name}, {best.saved:.1%} less mean latency."
    more = f" ({best.modelled_saved:.1%} less as modelled)" if best.modelled_saved is not None else ""
    return (
        f"As accurate as the PC alone ({best.accuracy:.2%} and {pc.accuracy:.2%}) at {best.saved:.1%} less mean latency{more}: "
        f"{best.name}, {best.coverage:.1%} answered on the board."
    )
