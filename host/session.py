"""One session: the test split of a run, or recordings, through a board, with the large model behind it.

    summary = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), port="emulator"))

Writes session.jsonl as it goes and summary.json at its end, also when it is interrupted.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from boards import Board
from contract import manifest as manifests
from contract.manifest import Manifest
from contract.progress import Progress
from contract.run_folder import RunFolder
from host import backend, feed, latency, source, summary
from host import policy as policies
from host.backend import LargeModel
from host.bridge import Bridge, Outcome, Sample
from host.emulator import RUNNERS, Runner
from host.errors import HostError
from host.feed import Feed
from host.link import Link, connect
from host.messages.session import CycleSource
from host.messages.settings import DEFAULT_DEADLINE_MS
from host.messages.statistics import Statistics, StatisticsRequest
from host.policy import Policy
from host.port import find, open_port
from host.source.test_split import load_vectors
from host.summary import Expected, LinkErrors, Played, Summary, Traffic

REPLY_MARGIN: Final = 3.0
"""Seconds that the host waits beyond the board's deadline before a sample counts as lost."""


@dataclass(frozen=True)
class Options:
    """What to run. `port` is a pyserial URL, "auto" (by the board's USB id), the name of an emulator (host.emulator.RUNNERS)
    or "emulator" for the one that `emulator` names.

    `threshold` is a score code, None for the manifest's; `limit` streams only the first samples. `source` is a file or folder
    of sequences in place of the test split (host.source). `per_push` is how many frames go to a recurrent model at once, None
    for one of a source, which is as if they came from a sensor, and for as many as fit of the test split. `policy` is one of
    host.policy.POLICIES, whose settings are `play`; its threshold is the manifest's, or `threshold`.
    """

    run: RunFolder
    board: Board
    port: str
    limit: int | None = None
    threshold: int | None = None
    large: str = "checkpoint"
    emulator: str = "qemu"
    source: Path | None = None
    per_push: int | None = None
    policy: str = policies.FIXED
    play: policies.Settings = field(default_factory=policies.Settings)


def run(options: Options) -> Summary:
    """Stream the test split and summarise it. Raises HostError or ManifestError for whatever stands in the way."""
    manifest = manifests.load(options.run.manifest)
    threshold = manifest.gate.threshold if options.threshold is None else options.threshold
    fed = feed.of(manifest, options.per_push or (1 if options.source and manifest.stream else None))
    samples = _samples(options, manifest)
    if options.policy != policies.FIXED and manifest.stream is not None:
        raise HostError(
            f"{manifest.name}: the model is recurrent, and the policy {options.policy!r} is for models without state: what another "
            "threshold had decided is not known after the board's decision.",
            f"Leave --policy out, or take {policies.FIXED!r}.",
        )
    policy = policies.make(options.policy, replace(options.play, threshold=threshold))
    size = _size(options)  # before the samples are streamed: a damaged report should not cost a session
    board = options.board
    with (
        endpoint(options) as url,
        connect(open_port(url, board.uart.baud), url, board.name, manifest.hash) as link,
    ):
        large = backend.load(options.large, options.run, manifest)
        emulated = _runner(options) is not None or link.hello.cycle_source is CycleSource.SYSTICK
        link.configure(threshold=policy.final, deadline_ms=deadline_of(options, link))
        before = link.request(StatisticsRequest(), Statistics)
        bridge = Bridge(link, large, fed, DEFAULT_DEADLINE_MS / 1e3 + REPLY_MARGIN)
        outcomes, interrupted = _stream(bridge, link, samples, policy, options.run)
        after = link.request(StatisticsRequest(), Statistics)
    done = samples[: len(outcomes)]
    result = summary.summarise(
        name=manifest.name,
        classes=manifest.classes,
        board=board.name,
        engine=link.hello.engine.name.lower(),
        port=options.port,
        interrupted=interrupted,
        threshold=policy.final,
        policy=None if options.policy == policies.FIXED else Played(options.policy, options.play, policy.left),
        outcomes=outcomes,
        expected=_expected(options, manifest, outcomes),
        large_classes=_large_classes(large, done, fed),
        latency=latency.split(outcomes, board_hz=None if emulated else link.hello.clock_hz),
        latency_clock="host clock, emulated board" if emulated else "host clock; stage board: its cycle counter",
        instructions_per_cycle=_instructions_per_cycle(options),
        size=size,
        link_errors=_link_errors(link, before, after),
        bytes_sent=Traffic(link.bytes_sent, link.bytes_received, sum(outcome.uplink_bytes for outcome in outcomes)),
    )
    summary.save(result, options.run.summary)
    return result


def _samples(options: Options, manifest: Manifest) -> list[Sample]:
    """What to stream."""
    if options.source is not None:
        return source.load(options.source, manifest)[: options.limit]
    return load_vectors(options.run, manifest, manifest.gate.threshold)[0][: options.limit]


def _expected(options: Options, manifest: Manifest, outcomes: Sequence[Outcome]) -> Sequence[Expected | None]:
    """What the board had to make of each sample at the threshold in force; None where nobody knows."""
    if options.source is not None:
        return [None] * len(outcomes)
    return load_vectors(options.run, manifest, [of.threshold or 0 for of in outcomes])[1]


@contextlib.contextmanager
def endpoint(options: Options) -> Iterator[str]:
    """The URL of the board's port; an emulator runs as long as it is in use."""
    board = options.board
    if runner := _runner(options):
        with runner.boot(board, options.run.firmware(board.name) / "firmware.elf") as url:
            yield url
    elif options.port == "auto":
        if board.probe is None:
            raise HostError(f"{board.name}: its board file names no USB id.", "Name the port with --port.")
        yield find(board.probe.usb)
    else:
        yield options.port


def _runner(options: Options) -> Runner | None:
    """The emulator that the port names; None for any other port. Raises HostError for an emulator that is not known."""
    if options.port == "emulator" and options.emulator not in RUNNERS:
        raise HostError(f"Unknown emulator {options.emulator!r}.", f"Known ones: {', '.join(RUNNERS)}.")
    return RUNNERS.get(options.emulator if options.port == "emulator" else options.port)


def deadline_of(options: Options, link: Link) -> int:
    """The deadline in milliseconds as the board counts them.

    An emulated time base runs at its machine's frequency whatever clock the firmware could configure, so a board that
    counts milliseconds by its own clock is fast or slow by the ratio of the two.
    """
    runner = _runner(options)
    if runner is None:
        return DEFAULT_DEADLINE_MS
    return round(DEFAULT_DEADLINE_MS * runner.ticks_hz(options.board) / link.hello.clock_hz)


def _stream(
    bridge: Bridge, link: Link, samples: Sequence[Sample], policy: Policy, folder: RunFolder
) -> tuple[list[Outcome], bool]:
    """Outcomes of the samples, and whether Ctrl-C came before all of them were through."""
    in_force = policy.final
    outcomes: list[Outcome] = []
    try:
        with folder.session.open("w") as log, Progress("stream", total=len(samples)) as progress:
            for sample in samples:
                turn = policy.turn()
                if turn.threshold != in_force:
                    in_force = link.configure(threshold=turn.threshold).threshold
                outcome = bridge.stream(sample)
                if outcome.score is not None and outcome.board_class is not None:
                    policy.learn(turn, outcome.score, outcome.board_class, outcome.large_class)
                outcome.threshold, outcome.queried = turn.threshold, turn.queried
                outcome.experts = len(policy.left)
                log.write(json.dumps(asdict(outcome)) + "\n")
                outcomes.append(outcome)
                progress.advance()
    except KeyboardInterrupt:
        print("interrupted: the summary covers the samples until now", file=sys.stderr)
        interrupted = True
    else:
        interrupted = False
    if in_force != policy.final:
        link.configure(threshold=policy.final)
    return outcomes, interrupted


def _large_classes(large: LargeModel, samples: Sequence[Sample], fed: Feed) -> list[int]:
    """What the large model alone says of each sample, from the same input codes that the board gets."""
    if not samples:
        return []
    values = np.concatenate([fed.values(sample.codes) for sample in samples])
    return [int(index) for index in large.classify(values).argmax(axis=1)]


def _instructions_per_cycle(options: Options) -> float | None:
    # Only an emulator booted here is known to count instructions; one behind socket:// may run by the clock.
    runner = _runner(options)
    return runner.instructions(options.board, 1.0) if runner else None


def _size(options: Options) -> dict[str, Any] | None:
    path = options.run.firmware(options.board.name) / "size.json"
    if not path.exists():
        return None
    again = f"Build the firmware again: python -m firmware build --run {options.run.path} --board {options.board.short_name}."
    try:
        size: dict[str, Any] = json.loads(path.read_text())
        return {key: int(size[key]) for key in ("flash_bytes", "ram_bytes")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HostError(f"{path}: not a size report ({type(error).__name__}: {error}).", again) from None


def _link_errors(link: Link, before: Statistics, after: Statistics) -> LinkErrors:
    def grown(*names: str) -> int:
        return sum(getattr(after, name) - getattr(before, name) for name in names)

    return LinkErrors(
        host_lost=link.counters.lost,
        board_lost=grown("frames_lost"),
        host_damaged=link.counters.crc_errors + link.counters.cobs_errors + link.counters.oversize,
        board_damaged=grown("crc_errors", "cobs_errors", "oversize"),
        host_unknown=link.unknown_type + link.malformed,
        board_unknown=grown("unknown_type"),
        board_overruns=grown("receive_overruns"),
        board_restarts=link.counters.stale,
    )
