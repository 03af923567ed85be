"""What a session showed: accuracies with and without the large model, coverage, cost, latency.

    summary = summarise(outcomes, ...)
    save(summary, run.summary)
    show(summary)

Accuracies are over all samples streamed; a lost sample counts as answered wrongly.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from host.bridge import Outcome
from host.latency import Percentiles
from host.messages.sample import Source

SOURCES: Final = tuple(source.name.lower() for source in Source)

SHOWN_MAX: Final = 5
"""Disagreements and lost samples that are listed; the count tells of the rest, session.jsonl holds them all."""


@dataclass(frozen=True)
class Expected:
    """What the TensorFlow Lite Micro interpreter made of a sample, and the gate at the threshold in force."""

    board_class: int
    score: int
    accepted: bool


@dataclass(frozen=True)
class Traffic:
    """Bytes on the wire, framing included. `uplink` is the part of board_to_host that carried abstained samples."""

    host_to_board: int
    board_to_host: int
    uplink: int


@dataclass(frozen=True)
class LinkErrors:
    """Everything that went wrong on the line, by the side that noticed; all zero on a clean one."""

    host_lost: int
    board_lost: int
    host_damaged: int
    board_damaged: int
    host_unknown: int
    board_unknown: int
    board_overruns: int
    board_restarts: int


@dataclass(frozen=True)
class Summary:
    """summary.json. Accuracies, coverage and risks in [0, 1]; None where there is nothing to divide by or to read.

    `engine` is what ran the model, aot or tflm. `instructions_per_inference` is counted by an emulator and None on a
    board; `cycles_per_inference` is the other way round. `latency_clock` says what the latencies are worth.
    """

    name: str
    board: str
    engine: str
    port: str
    samples: int
    interrupted: bool
    base_accuracy: float | None
    large_accuracy: float | None
    hybrid_accuracy: float | None
    coverage: float | None
    selective_accuracy: float | None
    threshold: int
    answered_by: dict[str, int]
    lost: int
    lost_first: list[str]
    disagreements: int
    disagreements_first: list[str]
    instructions_per_inference: float | None
    cycles_per_inference: float | None
    flash_bytes: int | None
    ram_bytes: int | None
    frames_lost: int
    link_errors: LinkErrors
    bytes_sent: Traffic
    latency_clock: str
    latency_ms: dict[str, Percentiles]

    @property
    def passed(self) -> bool:
        """Every sample was answered, the board decided on each as the interpreter on the host did, no frame was lost."""
        return self.lost == 0 and self.disagreements == 0 and self.frames_lost == 0


def summarise(
    *,
    name: str,
    board: str,
    engine: str,
    port: str,
    interrupted: bool,
    threshold: int,
    outcomes: Sequence[Outcome],
    expected: Sequence[Expected],
    large_classes: Sequence[int],
    latency: dict[str, Percentiles],
    latency_clock: str,
    instructions_per_cycle: float | None,
    size: dict[str, Any] | None,
    link_errors: LinkErrors,
    bytes_sent: Traffic,
) -> Summary:
    """The summary of `outcomes`; `expected` and `large_classes` are of the same samples in the same order.

    `instructions_per_cycle` is None unless an emulator that counts instructions ran the board; `size` is the content of
    the image's size.json, None if it is not at hand.
    """
    accepted = [outcome for outcome in outcomes if outcome.accepted]
    lost = [f"sample {outcome.sample}: {outcome.lost}" for outcome in outcomes if outcome.lost]
    differing = [
        line for outcome, wanted in zip(outcomes, expected, strict=True) for line in _differences(outcome, wanted)
    ]
    cycles = _mean([outcome.infer_cycles for outcome in outcomes if outcome.infer_cycles is not None])
    counted = None if cycles is None or instructions_per_cycle is None else cycles * instructions_per_cycle
    return Summary(
        name=name,
        board=board,
        engine=engine,
        port=port,
        samples=len(outcomes),
        interrupted=interrupted,
        base_accuracy=_mean([outcome.board_class == outcome.label for outcome in outcomes]),
        large_accuracy=_mean([large == outcome.label for large, outcome in zip(large_classes, outcomes, strict=True)]),
        hybrid_accuracy=_mean([not outcome.lost and outcome.answer == outcome.label for outcome in outcomes]),
        coverage=_mean([bool(outcome.accepted) for outcome in outcomes]),
        selective_accuracy=_mean([outcome.answer == outcome.label for outcome in accepted]),
        threshold=threshold,
        answered_by={source: sum(outcome.source == source for outcome in outcomes) for source in SOURCES},
        lost=len(lost),
        lost_first=lost[:SHOWN_MAX],
        disagreements=len(differing),
        disagreements_first=differing[:SHOWN_MAX],
        instructions_per_inference=counted,
        cycles_per_inference=cycles if counted is None else None,
        flash_bytes=size["flash_bytes"] if size else None,
        ram_bytes=size["ram_bytes"] if size else None,
        frames_lost=link_errors.host_lost + link_errors.board_lost,
        link_errors=link_errors,
        bytes_sent=bytes_sent,
        latency_clock=latency_clock,
        latency_ms=latency,
    )


def save(summary: Summary, path: Path) -> None:
    path.write_text(to_json(summary) + "\n")


def to_json(summary: Summary) -> str:
    return json.dumps(asdict(summary), indent=2)


def show(summary: Summary) -> None:
    """Print the summary as a table on stdout."""
    where = f"{summary.name} on {summary.board}, engine {summary.engine}"
    title = f"{where}, {summary.samples} samples{', interrupted' * summary.interrupted}"
    table = Table(title=title, caption=f"latency: {summary.latency_clock}", show_header=False)
    table.add_row("accuracy: base alone (board)", _percent(summary.base_accuracy))
    table.add_row("accuracy: large model alone (host)", _percent(summary.large_accuracy))
    table.add_row("accuracy: hybrid", _percent(summary.hybrid_accuracy), end_section=True)
    table.add_row("coverage (answered on the board)", _percent(summary.coverage))
    table.add_row("selective accuracy (of those)", _percent(summary.selective_accuracy))
    table.add_row("answered by", ", ".join(f"{source} {count}" for source, count in summary.answered_by.items()))
    table.add_row("samples lost", str(summary.lost))
    table.add_row("board and host disagree on", f"{summary.disagreements} samples", end_section=True)
    if summary.instructions_per_inference is not None:
        table.add_row("instructions per inference", f"{summary.instructions_per_inference:,.0f}")
    if summary.cycles_per_inference is not None:
        table.add_row("cycles per inference", f"{summary.cycles_per_inference:,.0f}")
    table.add_row("flash", _bytes(summary.flash_bytes))
    table.add_row("RAM, stack included", _bytes(summary.ram_bytes), end_section=True)
    sent = summary.bytes_sent
    table.add_row("bytes sent, host to board", f"{sent.host_to_board:,}")
    table.add_row("bytes sent, board to host", f"{sent.board_to_host:,} (abstained samples: {sent.uplink:,})")
    errors = summary.link_errors
    table.add_row("frames lost", str(summary.frames_lost))
    table.add_row("frames damaged", f"board {errors.board_damaged}, host {errors.host_damaged}", end_section=True)
    table.add_row("latency in ms", "p50 / p95 / p99")
    for stage, of in summary.latency_ms.items():
        table.add_row(f"  {stage}", f"{of.p50:.2f} / {of.p95:.2f} / {of.p99:.2f}")
    Console().print(table)


def explain(summary: Summary) -> str:
    """Why a summary did not pass, in one paragraph with the next step."""
    errors = summary.link_errors
    damaged = errors.board_damaged + errors.host_damaged
    reasons = []
    if summary.lost or summary.frames_lost or damaged:
        reasons.append(
            f"{summary.lost} of {summary.samples} samples were lost, the link lost {summary.frames_lost} frames and damaged "
            f"{damaged}. Check cable and baud rate, then run again; session.jsonl has every sample."
        )
    if summary.disagreements:
        reasons.append(
            f"Board and host disagree on {summary.disagreements} of {summary.samples} samples. Export and build again from "
            "one version of the sources, and report it if that does not cure it."
        )
    return " ".join(reasons)


def _differences(outcome: Outcome, wanted: Expected) -> list[str]:
    """Nothing, or one line that says in what board and host differ; a sample lost before RESULT is not compared."""
    if outcome.board_class is None:
        return []
    pairs = {
        "class": (outcome.board_class, wanted.board_class),
        "score": (outcome.score, wanted.score),
        "accepted": (outcome.accepted, wanted.accepted),
    }
    words = [
        f"{what} {board} on the board, {host} on the host" for what, (board, host) in pairs.items() if board != host
    ]
    return [f"sample {outcome.sample}: {'; '.join(words)}"] if words else []


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _bytes(value: int | None) -> str:
    return "-" if value is None else f"{value:,} bytes"
