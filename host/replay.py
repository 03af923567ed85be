"""A recorded session again, without a board: to the views, or to another large model.

    replay(run.session, [view], speed=2.0)                            # twice as fast; 0: as fast as the views go
    compared = against(run.session, large, "onnx:large.onnx", manifest)
    show(compared)                                                    # or print(to_json(compared))

`against` asks the other model what the recorded one was asked: the samples from which the board abstained, with the
very codes that it sent. What was not allowed to leave the board then is not shown to another model now: unless the
session's consent was "always", only what was sent up. What a board took from its own source and kept nobody has.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from contract.manifest import Manifest, Stream, Tensor
from host import recording
from host.backend import LargeModel, NoAnswer
from host.bridge import Outcome
from host.errors import HostError
from host.events import Began, Observer
from host.feed import Feed, Framewise, Whole
from host.latency import Percentiles, percentiles
from host.tally import Mean

STEP_SECONDS: Final = 0.1
"""How soon a replay that waits for the next event sees that it is to end."""


def replay(
    path: Path, views: Sequence[Observer], speed: float = 1.0, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Give each event to each view, after as long as it took then, divided by `speed`; 0 does not wait. Ends early when
    `stopping` says so. Raises HostError for a file that is no session."""
    start = time.monotonic()
    for event in recording.read(path):
        while speed > 0 and not stopping() and (left := start + event.at / speed - time.monotonic()) > 0:
            time.sleep(min(left, STEP_SECONDS))
        if stopping():
            return
        for view in views:
            view.show(event)


@dataclass(frozen=True)
class Comparison:
    """The recorded large model beside another one. Accuracies are shares of the `labelled` samples, of which a lost one is wrong;
    None without labels. `asked` samples went to the other model, of which `unanswered` got no answer, and in the hybrid keep the
    board's; `withheld` were not allowed to, or only their board had them. `agreement` is the share of those that both answered with the same class.
    `large_accuracy` is of the other model alone on what it answered, `recorded_large_accuracy` of the recorded one on the same samples if
    it answered any of them. Latencies are of one call of the large model, None without calls."""

    name: str
    recorded: str
    other: str
    samples: int
    labelled: int
    asked: int
    unanswered: int
    withheld: int
    base_accuracy: float | None
    recorded_hybrid_accuracy: float | None
    hybrid_accuracy: float | None
    recorded_large_accuracy: float | None
    large_accuracy: float | None
    agreement: float | None
    recorded_latency_ms: Percentiles | None
    latency_ms: Percentiles | None


@dataclass
class _Counts:
    """What has been seen so far; shares are of 0s and 1s."""

    samples: int = 0
    asked: int = 0
    unanswered: int = 0
    withheld: int = 0
    base: Mean = field(default_factory=Mean)
    recorded_hybrid: Mean = field(default_factory=Mean)
    hybrid: Mean = field(default_factory=Mean)
    recorded_large: Mean = field(default_factory=Mean)
    large: Mean = field(default_factory=Mean)
    agree: Mean = field(default_factory=Mean)
    recorded_seconds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def against(path: Path, large: LargeModel, name: str, manifest: Manifest, every: bool = False) -> Comparison:
    """Ask `large`, called `name`, about each recorded sample from which the board abstained, or about `every` one.
    `manifest` is of the run that `large` was loaded for. Raises HostError for a file that is no session, or one of
    other classes or inputs than the manifest's."""
    began = recording.began(path)
    _check(path, began, manifest)
    counts, feed = _Counts(), _feed(began)
    for sampled, outcome in recording.samples(path):
        wanted = every or outcome.accepted is False
        allowed = bool(sampled.codes) and (began.consent == "always" or outcome.sent_up)
        told = _ask(large, feed, sampled.codes, counts) if wanted and allowed else None
        counts.withheld += wanted and not allowed
        _count(counts, outcome, told)
    return Comparison(
        name=began.name,
        recorded=began.large,
        other=name,
        samples=counts.samples,
        labelled=counts.base.count,
        asked=counts.asked,
        unanswered=counts.unanswered,
        withheld=counts.withheld,
        base_accuracy=counts.base.value,
        recorded_hybrid_accuracy=counts.recorded_hybrid.value,
        hybrid_accuracy=counts.hybrid.value,
        recorded_large_accuracy=counts.recorded_large.value,
        large_accuracy=counts.large.value,
        agreement=counts.agree.value,
        recorded_latency_ms=_latency(counts.recorded_seconds),
        latency_ms=_latency(counts.seconds),
    )


def to_json(compared: Comparison) -> str:
    return json.dumps(asdict(compared), indent=2)


def show(compared: Comparison) -> None:
    """The comparison as a table on stdout."""

    def percent(share: float | None) -> str:
        return "-" if share is None else f"{100 * share:.2f} %"

    def milliseconds(latency: Percentiles | None) -> str:
        return "-" if latency is None else f"{latency.p50:.2f} / {latency.p95:.2f} / {latency.p99:.2f}"

    table = Table(title=f"{compared.name}, {compared.samples} samples, {compared.labelled} labelled")
    table.add_column("")
    table.add_column(f"recorded: {compared.recorded}", justify="right")
    table.add_column(f"now: {compared.other}", justify="right")
    table.add_row("accuracy: base alone", percent(compared.base_accuracy), percent(compared.base_accuracy))
    table.add_row("large model on those asked", percent(compared.recorded_large_accuracy),
                  percent(compared.large_accuracy))  # fmt: skip
    table.add_row("accuracy: hybrid", percent(compared.recorded_hybrid_accuracy), percent(compared.hybrid_accuracy))
    table.add_row("same answer", "", percent(compared.agreement))
    asked = f"{compared.asked} ({compared.unanswered} without answer)" if compared.unanswered else str(compared.asked)
    table.add_row("samples asked about", "", asked)
    if compared.withheld:
        table.add_row("withheld from it", "", str(compared.withheld))
    table.add_row("ms, p50 / p95 / p99", milliseconds(compared.recorded_latency_ms),
                  milliseconds(compared.latency_ms))  # fmt: skip
    Console().print(table)


def _check(path: Path, began: Began, manifest: Manifest) -> None:
    if began.classes != manifest.classes:
        raise HostError(
            f"{path}: a session of {began.name} with {len(began.classes)} classes ({', '.join(began.classes[:3])} ...), but the large model "
            f"is of run {manifest.name} with {len(manifest.classes)} ({', '.join(manifest.classes[:3])} ...).",
            "Give --run the run folder that the session is of.",
        )
    if began.shape != manifest.inputs[0].shape or began.steps != (manifest.stream.steps if manifest.stream else 0):
        raise HostError(
            f"{path}: its samples have the shape {list(began.shape)}, those of run {manifest.name} {list(manifest.inputs[0].shape)}.",
            "Give --run the run folder that the session is of.",
        )


def _feed(began: Began) -> Feed:
    """How the recorded codes become what a large model takes; nothing of it is sent to a board."""
    tensor = Tensor("input", began.shape, began.dtype, began.scale, began.zero_point)
    if not began.steps:
        return Whole(tensor)
    return Framewise(tensor, Stream(began.steps, 1, began.low, began.high, None), 1)


def _ask(large: LargeModel, feed: Feed, codes: bytes, counts: _Counts) -> int | None:
    """The class that the other model says; None if it has no answer."""
    counts.asked += 1
    start = time.monotonic()
    try:
        probabilities = large.classify(feed.values(codes))[0]
    except NoAnswer:
        counts.unanswered += 1
        return None
    counts.seconds.append(time.monotonic() - start)
    return int(probabilities.argmax())


def _count(counts: _Counts, outcome: Outcome, told: int | None) -> None:
    counts.samples += 1
    if told is not None and outcome.large_class is not None:
        counts.agree.add(told == outcome.large_class)
    if "large" in outcome.seconds and "uplink" in outcome.seconds:
        counts.recorded_seconds.append(outcome.seconds["large"] - outcome.seconds["uplink"])
    if outcome.label is None:
        return
    lost = outcome.lost is not None
    with_other = outcome.board_class if outcome.accepted or told is None else told
    counts.base.add(not lost and outcome.board_class == outcome.label)
    counts.recorded_hybrid.add(not lost and outcome.answer == outcome.label)
    counts.hybrid.add(not lost and with_other == outcome.label)
    if told is not None:
        counts.large.add(told == outcome.label)
        if outcome.large_class is not None:
            counts.recorded_large.add(outcome.large_class == outcome.label)


def _latency(seconds: list[float]) -> Percentiles | None:
    return percentiles([1e3 * each for each in seconds]) if seconds else None
