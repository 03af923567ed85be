"""What a session showed: accuracies with and without the large model, coverage, cost, latency.

    summary = summarise(counts=counts, ...)            # host.tally.Counts
    save(summary, run.summary)
    show(summary)

Accuracies are over all samples streamed whose class is known; a lost sample counts as answered wrongly.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from host import policy
from host.batcher import Statistics as Calls
from host.latency import Percentiles, bars
from host.messages.sample import Source
from host.recording import write
from host.tally import Counts, Mean, Named, Stretch, Tally

SOURCES: Final = tuple(source.name.lower() for source in Source)


@dataclass(frozen=True)
class Traffic:
    """Bytes on the wire, framing included. `uplink` is the part of board_to_host that carried abstained samples."""

    host_to_board: int
    board_to_host: int
    uplink: int


@dataclass(frozen=True)
class LinkErrors:
    """Everything that went wrong on the line, by the side that noticed; all zero on a clean one. `repeated` is what
    the host had to say again, `stale` frames that came again or late, `reconnected` how often the board was lost and
    found."""

    host_lost: int
    board_lost: int
    host_damaged: int
    board_damaged: int
    host_unknown: int
    board_unknown: int
    board_overruns: int
    stale: int
    repeated: int
    reconnected: int


@dataclass(frozen=True)
class Clock:
    """A board's clock less this one, in seconds at the end of the session; by how much that may be wrong; how much
    faster it runs, in parts per million, 0 where the session was too short to tell (host.clock)."""

    offset: float
    error: float
    drift_ppm: float


Counted = TypeVar("Counted", Traffic, LinkErrors)


@dataclass(frozen=True)
class BoardPart:
    """What one of the boards did. `gone` is why it was given up, None if it was not; `firmware` None if it never
    answered; `clock` None of an emulated board."""

    port: str
    firmware: str | None
    samples: int
    coverage: float | None
    answered_by: dict[str, int]
    lost: int
    latency_ms: dict[str, Percentiles]
    link_errors: LinkErrors
    bytes_sent: Traffic
    clock: Clock | None
    gone: str | None


@dataclass(frozen=True)
class Played:
    """A policy (host.policy), its settings, and the thresholds that were left to choose from at the end, score
    codes."""

    name: str
    settings: policy.Settings
    left: tuple[int, ...]


@dataclass(frozen=True)
class Summary:
    """summary.json. Accuracies, coverage and risks in [0, 1]; None where there is nothing to divide by or to read.
    `boards` has a part for each board; link and traffic are sums over them.

    `threshold` is the score code in force at the end. `policy` is None if it was so throughout; otherwise `course`
    tells of it over time, and session.jsonl of each sample.

    `engine` is what ran the model, aot or tflm. `instructions_per_inference` is counted by an emulator and None without one;
    `cycles_per_inference` is counted by boards and None without one. `_per_decision` is the gate's alone, a router's included; no inference has
    it in it. `latency_clock` says what the latencies are worth. `compared` is of
    how many samples it is known what the board must say.

    Of a recurrent model an inference is a step; `_per_sequence` is all steps until the decision, `mean_steps` how many
    these are, and `mean_steps_accepted` those of the accepted samples. All of them None of other models. `recordings`
    is what became of each sample that is not of the test split.
    """

    name: str
    board: str
    engine: str
    source: str
    large: str
    consent: str
    samples: int
    interrupted: bool
    base_accuracy: float | None
    large_accuracy: float | None
    large_calls: Calls
    hybrid_accuracy: float | None
    coverage: float | None
    selective_accuracy: float | None
    threshold: int
    answered_by: dict[str, int]
    lost: int
    lost_first: list[str]
    compared: int
    disagreements: int
    disagreements_first: list[str]
    instructions_per_inference: float | None
    cycles_per_inference: float | None
    instructions_per_decision: float | None
    cycles_per_decision: float | None
    instructions_per_sequence: float | None
    cycles_per_sequence: float | None
    mean_steps: float | None
    mean_steps_accepted: float | None
    flash_bytes: int | None
    ram_bytes: int | None
    frames_lost: int
    link_errors: LinkErrors
    bytes_sent: Traffic
    latency_clock: str
    latency_ms: dict[str, Percentiles]
    recordings: list[Named]
    boards: list[BoardPart]
    policy: Played | None
    course: list[Stretch]

    @property
    def passed(self) -> bool:
        """Every sample was answered, and the board decided on each as the interpreter on the host did."""
        return self.lost == 0 and self.disagreements == 0


def summarise(
    *,
    name: str,
    board: str,
    engine: str,
    source: str,
    large: str,
    consent: str,
    interrupted: bool,
    threshold: int,
    counts: Counts,
    large_accuracy: float | None,
    large_calls: Calls,
    latency_clock: str,
    instructions_per_cycle: float | None,
    size: dict[str, Any] | None,
    boards: Sequence[BoardPart],
    policy: Played | None = None,
) -> Summary:
    """The summary of what was counted.

    `instructions_per_cycle` is None unless an emulator that counts instructions ran the board; `size` is the content of
    the image's size.json, None if it is not at hand.
    """
    tally, steps = counts.tally, counts.steps.value or None
    # What an emulator counts that is not known to count instructions is given as it says, unless boards have counted
    # better.
    timed = counts.on_boards if counts.on_boards.inferring.count or instructions_per_cycle else counts.emulated
    link_errors = _sum(LinkErrors, [board.link_errors for board in boards])

    def instructions(emulated: Mean) -> float | None:
        if emulated.value is None or instructions_per_cycle is None:
            return None
        return emulated.value * instructions_per_cycle

    def of_step(cycles: float | None) -> float | None:
        return None if cycles is None else cycles / (steps or 1)

    of_sequence, cycles_of_sequence = instructions(counts.emulated.inferring), timed.inferring.value

    return Summary(
        name=name,
        board=board,
        engine=engine,
        source=source,
        large=large,
        consent=consent,
        samples=tally.samples,
        interrupted=interrupted,
        base_accuracy=tally.base_accuracy,
        large_accuracy=large_accuracy,
        large_calls=large_calls,
        hybrid_accuracy=tally.hybrid_accuracy,
        coverage=tally.coverage,
        selective_accuracy=tally.selective_accuracy,
        threshold=threshold,
        answered_by=answered_by(tally),
        lost=tally.lost,
        lost_first=counts.lost_first,
        compared=counts.compared,
        disagreements=counts.differing,
        disagreements_first=counts.differing_first,
        instructions_per_inference=of_step(of_sequence),
        cycles_per_inference=of_step(cycles_of_sequence),
        instructions_per_decision=instructions(counts.emulated.deciding),
        cycles_per_decision=timed.deciding.value,
        instructions_per_sequence=of_sequence if steps else None,
        cycles_per_sequence=cycles_of_sequence if steps else None,
        mean_steps=steps,
        mean_steps_accepted=counts.steps_accepted.value if steps else None,
        flash_bytes=size["flash_bytes"] if size else None,
        ram_bytes=size["ram_bytes"] if size else None,
        frames_lost=link_errors.host_lost + link_errors.board_lost,
        link_errors=link_errors,
        bytes_sent=_sum(Traffic, [board.bytes_sent for board in boards]),
        boards=list(boards),
        latency_clock=latency_clock,
        latency_ms=counts.latencies.split(),
        recordings=counts.named,
        policy=policy,
        course=[] if counts.course is None else counts.course.stretches(),
    )


def part(
    port: str,
    firmware: str | None,
    counts: Counts,
    link_errors: LinkErrors,
    bytes_sent: Traffic,
    clock: Clock | None,
    gone: str | None,
) -> BoardPart:
    """The part of one board, of whose samples the counts are."""
    return BoardPart(
        port=port,
        firmware=firmware,
        samples=counts.tally.samples,
        coverage=counts.tally.coverage,
        answered_by=answered_by(counts.tally),
        lost=counts.tally.lost,
        latency_ms=counts.latencies.split(),
        link_errors=link_errors,
        bytes_sent=bytes_sent,
        clock=clock,
        gone=gone,
    )


def answered_by(tally: Tally) -> dict[str, int]:
    """How many samples each source answered."""
    return {source: tally.answered_by[source] for source in SOURCES}


def _sum(kind: type[Counted], parts: Sequence[Counted]) -> Counted:
    """Field by field."""
    return kind(**{of.name: sum(getattr(part, of.name) for part in parts) for of in fields(kind)})


def save(summary: Summary, path: Path) -> None:
    """Raises HostError if it cannot be written."""
    write(path, to_json(summary) + "\n")


def to_json(summary: Summary) -> str:
    return json.dumps(asdict(summary), indent=2)


def show(summary: Summary) -> None:
    """Print what became of each recording, and the summary as a table, on stdout."""
    for recording in summary.recordings:
        print(_line(recording))
    where = f"{summary.name} on {summary.board}, engine {summary.engine}"
    title = f"{where}, {summary.samples} samples{', interrupted' * summary.interrupted}"
    table = Table(title=title, caption=f"latency: {summary.latency_clock}", show_header=False)
    table.add_row("accuracy: base alone (board)", _percent(summary.base_accuracy))
    table.add_row("accuracy: large model alone (host)", _percent(summary.large_accuracy))
    table.add_row("accuracy: hybrid", _percent(summary.hybrid_accuracy), end_section=True)
    table.add_row("coverage (answered on the board)", _percent(summary.coverage))
    table.add_row("selective accuracy (of those)", _percent(summary.selective_accuracy))
    table.add_row("answered by", ", ".join(f"{source} {count}" for source, count in summary.answered_by.items()))
    calls = summary.large_calls
    if calls.failures or calls.unanswered:
        said = f"{calls.failures} calls failed, {calls.retries} retries, {calls.unanswered} samples without an answer"
        table.add_row("large model", f"{said}, given up {calls.opened} times" if calls.opened else said)
    table.add_row("samples lost", str(summary.lost))
    differ = f"{summary.disagreements} samples" if summary.compared else "-"
    table.add_row("board and host disagree on", differ, end_section=True)
    if summary.mean_steps is not None:
        table.add_row("frames until the answer, mean", f"{summary.mean_steps:.1f}")
        if summary.mean_steps_accepted is not None:
            table.add_row("  of those answered on the board", f"{summary.mean_steps_accepted:.1f}")
    if summary.policy is not None:
        _show_policy(table, summary.policy, summary.course)
    step = "inference" if summary.mean_steps is None else "frame"
    for what, number in (
        (f"instructions per {step}", summary.instructions_per_inference),
        (f"cycles per {step}", summary.cycles_per_inference),
        ("  of the gate, instructions", summary.instructions_per_decision),
        ("  of the gate, cycles", summary.cycles_per_decision),
        ("instructions per sequence", summary.instructions_per_sequence),
        ("cycles per sequence", summary.cycles_per_sequence),
    ):
        if number is not None:
            table.add_row(what, f"{number:,.0f}")
    table.add_row("flash", _bytes(summary.flash_bytes))
    table.add_row("RAM, stack included", _bytes(summary.ram_bytes), end_section=True)
    sent = summary.bytes_sent
    table.add_row("bytes sent, host to board", f"{sent.host_to_board:,}")
    table.add_row("bytes sent, board to host", f"{sent.board_to_host:,} (abstained samples: {sent.uplink:,})")
    errors = summary.link_errors
    table.add_row("frames lost", str(summary.frames_lost))
    again = f", {errors.repeated} requests said again" * bool(errors.repeated)
    damaged = f"board {errors.board_damaged}, host {errors.host_damaged}{again}"
    table.add_row("frames damaged", damaged, end_section=True)
    if len(summary.boards) > 1 or errors.reconnected:
        _show_boards(table, summary.boards)
    table.add_row("latency in ms", "p50 / p95 / p99, histogram")
    for stage, of in summary.latency_ms.items():
        table.add_row(f"  {stage}", f"{of.p50:.2f} / {of.p95:.2f} / {of.p99:.2f}, {bars(of)}")
    Console().print(table)


def _show_boards(table: Table, boards: Sequence[BoardPart]) -> None:
    table.add_row("boards", "samples; coverage; total p50 in ms")
    for index, board in enumerate(boards):
        total = board.latency_ms.get("total")
        said = f"{board.samples}; {_percent(board.coverage)}; {'-' if total is None else f'{total.p50:.2f}'}"
        lost = f"; lost and found {board.link_errors.reconnected} times" * bool(board.link_errors.reconnected)
        gone = f"; gone: {board.gone}" if board.gone else ""
        table.add_row(f"  {board.port}", f"{said}{lost}{gone}", end_section=index == len(boards) - 1)


def _show_policy(table: Table, played: Played, course: Sequence[Stretch]) -> None:
    settings = played.settings
    said = f"queries {settings.query_share:g}, mistakes {settings.mistake_rate:g}, seed {settings.seed}"
    table.add_row(f"policy {played.name} ({said})", "mean threshold, left; mistakes, abstentions, queries")
    for index, stretch in enumerate(course):
        mean = "-" if stretch.threshold is None else f"{stretch.threshold:.3f}"
        counts = f"{stretch.mistakes}, {stretch.abstentions}, {stretch.queries}"
        table.add_row(
            f"  until sample {stretch.samples}",
            f"{mean}, {stretch.experts}; {counts}",
            end_section=index == len(course) - 1,
        )


def explain(summary: Summary) -> str:
    """Why a summary did not pass, in one paragraph with the next step."""
    errors, reasons = summary.link_errors, []
    if summary.lost:
        reasons.append(
            f"{summary.lost} of {summary.samples} samples were lost, the link lost {summary.frames_lost} frames and damaged "
            f"{errors.board_damaged + errors.host_damaged}. Check cable and baud rate, then run again; session.jsonl has every sample."
        )
    if summary.disagreements:
        reasons.append(
            f"Board and host disagree on {summary.disagreements} of {summary.samples} samples. Export and build again from "
            "one version of the sources, and report it if that does not cure it."
        )
    return " ".join(reasons)


def _line(recording: Named) -> str:
    """One line for a person."""
    if recording.lost or recording.probability is None:
        return f"{recording.name}: lost ({recording.lost})"
    label = f", labelled {recording.label}" if recording.label is not None else ""
    return (
        f"{recording.name}: {recording.answer} ({_percent(recording.probability)}) by {recording.source}"
        f"{f' after {recording.steps} frames' if recording.steps else ''}{label}"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _bytes(value: int | None) -> str:
    return "-" if value is None else f"{value:,} bytes"
