"""Sessions again: to views, in their own time or at once, and to another large model, which sees what the recorded one
was asked."""

import json
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import backend, feed, vectors
from host import replay as replays
from host.backend import NoAnswer
from host.bridge import Outcome
from host.errors import HostError
from host.events import Began, ConsentGiven, Ended, Event, Finished, Sampled
from host.recording import Recorder
from host.replay import against, replay


def began(manifest: Manifest, consent: str = "always") -> Began:
    tensor, stream = manifest.inputs[0], manifest.stream
    low, high, steps = (stream.low, stream.high, stream.steps) if stream else (0.0, 1.0, 0)
    return Began(0.0, "2026-01-02T03:04:05Z", manifest.name, f"{manifest.hash:016x}", ("a", "b"), "test split", "checkpoint", manifest.classes,
                 tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point, low, high, steps, manifest.gate.score,
                 manifest.gate.threshold, consent, "fixed", None, ())  # fmt: skip


def session(run: RunFolder, consent: str = "always", granted: Callable[[int], bool] = lambda _: True) -> list[Event]:
    """The test split on two boards, whose samples overlap; the large model is right, but for sample 3, and sample 7 is
    lost."""
    manifest = manifests.load(run.manifest)
    split = vectors.load(run, manifest)
    events: list[Event] = [began(manifest, consent)]
    ended: list[Event] = []
    for sample in split.samples():
        said = split.expected(sample.index, manifest.gate.threshold)
        port, at = "ab"[sample.index % 2], 0.1 * sample.index
        events.append(Sampled(at, port, sample.index, sample.label, None, sample.codes))
        events += ended[-1:]
        outcome = Outcome(
            sample.index, sample.label, said.board_class, said.score, said.accepted, seconds={"result": 0.01}
        )
        if sample.index == 7:
            outcome = Outcome(sample.index, sample.label, lost="no RESULT within 5 s")
        elif said.accepted:
            outcome.answer, outcome.source = said.board_class, "board"
        elif consent == "ask":
            events.append(ConsentGiven(at, port, sample.index, granted(sample.index), "key"))
        if outcome.accepted is False and (consent == "always" or (consent == "ask" and granted(sample.index))):
            assert sample.label is not None
            outcome.large_class = outcome.answer = (sample.label + (sample.index == 3)) % 10
            outcome.sent_up, outcome.source, outcome.seconds = (
                True,
                "host",
                {"result": 0.01, "uplink": 0.02, "large": 0.025, "final": 0.03},
            )
        elif outcome.accepted is False:
            outcome.answer, outcome.source = said.board_class, "withheld"
        ended.append(Ended(at + 0.05, port, outcome, None))
    return [*events, ended[-1], Finished(99.0, False, {})]


def record(path: Path, events: Sequence[Event]) -> Path:
    with Recorder(path) as recorder:
        for event in events:
            recorder.show(event)
    return path


class Other:
    """A large model that knows the samples by their values and says what `answers` says of each."""

    def __init__(self, run: RunFolder, answers: Callable[[int, int], int | None]) -> None:
        manifest = manifests.load(run.manifest)
        samples = vectors.load(run, manifest).samples()
        self._of = {feed.of(manifest).values(sample.codes).tobytes(): sample for sample in samples}
        self._answers = answers
        self.asked: list[int] = []

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        assert len(samples) == 1
        sample = self._of[samples.tobytes()]
        self.asked.append(sample.index)
        assert sample.label is not None
        if (answer := self._answers(sample.index, sample.label)) is None:
            raise NoAnswer("the server is asleep")
        return np.eye(10, dtype=np.float32)[[answer]]


class Shown:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A clock that only sleeping moves."""
    fake = types.SimpleNamespace(now=1000.0)

    def sleep(seconds: float) -> None:
        assert seconds > 0
        fake.now += seconds

    monkeypatch.setattr(replays, "time", types.SimpleNamespace(monotonic=lambda: fake.now, sleep=sleep))
    return fake


def test_views_get_every_event_in_its_time(run_folder: RunFolder, tmp_path: Path, clock: types.SimpleNamespace) -> None:
    events = session(run_folder)
    path, view, other = record(tmp_path / "it.jsonl", events), Shown(), Shown()
    for speed, took in ((1.0, 99.0), (2.0, 49.5), (0.0, 0.0)):
        clock.now, view.events, other.events = 1000.0, [], []
        replay(path, [view, other], speed)
        assert view.events == other.events == events
        assert clock.now - 1000 == pytest.approx(took)


def test_a_replay_keeps_to_the_clock_and_can_be_ended(
    run_folder: RunFolder, tmp_path: Path, clock: types.SimpleNamespace
) -> None:
    events = session(run_folder)
    path, late = record(tmp_path / "it.jsonl", events), list[float]()
    view = types.SimpleNamespace(show=lambda event: late.append(clock.now - 1000 - event.at))
    replay(path, [view], stopping=lambda: clock.now >= 1002)
    assert 10 < len(late) < len(events)
    assert min(late) >= -1e-9 and clock.now < 1002.2


def test_the_model_that_was_recorded_agrees_with_itself(with_large_model: RunFolder, tmp_path: Path) -> None:
    manifest = manifests.load(with_large_model.manifest)
    large, events = backend.load("checkpoint", with_large_model, manifest), session(with_large_model)
    codes = {event.sample: event.codes for event in events if isinstance(event, Sampled)}
    for event in events:
        if isinstance(event, Ended) and event.outcome.large_class is not None:
            said = large.classify(feed.of(manifest).values(codes[event.outcome.sample]))[0].argmax()
            event.outcome.large_class = event.outcome.answer = int(said)
    compared = against(record(tmp_path / "it.jsonl", events), large, "checkpoint", manifest)
    assert compared.agreement == 1.0 and compared.asked == 9
    assert compared.large_accuracy == compared.recorded_large_accuracy
    assert compared.hybrid_accuracy == compared.recorded_hybrid_accuracy
    assert compared.latency_ms is not None and compared.latency_ms.samples == 9


def test_another_model_is_asked_what_the_recorded_one_was(run_folder: RunFolder, tmp_path: Path) -> None:
    # 40 samples whose label is the board's answer; every fourth abstained from. 3 was wrong, 7 lost; now 11 is wrong,
    # 15 unanswered.
    other = Other(run_folder, lambda index, label: None if index == 15 else (label + (index == 11)) % 10)
    manifest = manifests.load(run_folder.manifest)
    compared = against(record(tmp_path / "it.jsonl", session(run_folder)), other, "other", manifest)
    assert other.asked == [index for index in range(3, 40, 4) if index != 7]
    assert (compared.samples, compared.labelled, compared.asked, compared.unanswered, compared.withheld) == (
        40,
        40,
        9,
        1,
        0,
    )
    assert compared.base_accuracy == 39 / 40
    assert compared.recorded_hybrid_accuracy == 38 / 40  # the lost one, and 3
    assert compared.hybrid_accuracy == 38 / 40  # the lost one, and 11; 15 keeps the board's answer
    assert (compared.recorded_large_accuracy, compared.large_accuracy, compared.agreement) == (7 / 8, 7 / 8, 6 / 8)
    assert compared.recorded_latency_ms is not None and compared.recorded_latency_ms.p50 == pytest.approx(5)
    assert compared.latency_ms is not None and compared.latency_ms.samples == 8


def test_every_sample_can_be_asked_about(run_folder: RunFolder, tmp_path: Path) -> None:
    other = Other(run_folder, lambda index, label: (label + (index % 2 == 0)) % 10)
    manifest = manifests.load(run_folder.manifest)
    compared = against(record(tmp_path / "it.jsonl", session(run_folder)), other, "other", manifest, every=True)
    assert sorted(other.asked) == list(range(40))
    assert (compared.asked, compared.large_accuracy) == (40, 0.5)
    assert compared.hybrid_accuracy == 39 / 40  # what the board accepted stays its answer


@pytest.mark.parametrize("every", [False, True])
def test_what_may_not_leave_the_board_does_not_leave_it_now(every: bool, run_folder: RunFolder, tmp_path: Path) -> None:
    manifest = manifests.load(run_folder.manifest)
    other = Other(run_folder, lambda index, label: label)
    path = record(tmp_path / "ask.jsonl", session(run_folder, "ask", lambda index: index % 8 == 3))
    compared = against(path, other, "other", manifest, every)
    assert other.asked == [3, 11, 19, 27, 35]
    assert compared.withheld == (35 if every else 4)
    other.asked.clear()
    path = record(tmp_path / "never.jsonl", session(run_folder, "never"))
    assert against(path, other, "other", manifest, every).asked == 0 == len(other.asked)


def test_sequences_are_fed_as_frames(recurrent_folder: RunFolder, tmp_path: Path) -> None:
    manifest = manifests.load(recurrent_folder.manifest)
    other = Other(recurrent_folder, lambda index, label: label)
    compared = against(record(tmp_path / "it.jsonl", session(recurrent_folder)), other, "other", manifest, every=True)
    assert compared.asked == 20 and compared.large_accuracy == 1.0


def test_a_session_of_another_run_is_refused(run_folder: RunFolder, tmp_path: Path) -> None:
    path = record(tmp_path / "it.jsonl", session(run_folder))
    manifest, other = manifests.load(run_folder.manifest), Other(run_folder, lambda index, label: label)
    with pytest.raises(HostError, match=r"it\.jsonl: a session of scripted with 10 classes .* with 2"):
        against(path, other, "other", replace(manifest, classes=("cat", "dog")))
    with pytest.raises(HostError, match=r"shape \[1, 8, 8, 1\], those of run scripted \[1, 4, 4, 1\]"):
        against(path, other, "other", replace(manifest, inputs=(replace(manifest.inputs[0], shape=(1, 4, 4, 1)),)))
    assert not other.asked


def test_the_comparison_as_table_and_json(
    run_folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Other(run_folder, lambda index, label: None)
    manifest = manifests.load(run_folder.manifest)
    compared = against(record(tmp_path / "it.jsonl", session(run_folder)), other, "asleep", manifest)
    assert json.loads(replays.to_json(compared))["unanswered"] == 9
    replays.show(compared)
    said = capsys.readouterr().out
    assert "now: asleep" in said and "9 (9 without answer)" in said and "5.00 / 5.00 / 5.00" in said
