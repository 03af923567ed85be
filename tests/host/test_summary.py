"""The summary of a session, counted by hand on a session small enough for that."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.gate import ONE
from host.batcher import Statistics
from host.bridge import Outcome
from host.summary import LinkErrors, Summary, Traffic, part, save, show, summarise
from host.tally import STRETCHES, Counts, Course
from host.vectors import Expected

SECONDS = {"result": 0.004}
FORWARDED = {"result": 0.004, "uplink": 0.005, "large": 0.010, "final": 0.011}
CLEAN = LinkErrors(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

# Labels are all 1. Board alone: right, wrong (accepted), wrong (corrected by the host), right (spoilt), lost.
OUTCOMES = (
    Outcome(0, 1, 1, 200, True, None, 1, 0.9, "board", None, 1000, 10, None, SECONDS),
    Outcome(1, 1, 2, 200, True, None, 2, 0.9, "board", None, 1200, 10, None, SECONDS),
    Outcome(2, 1, 2, 100, False, 1, 1, 0.9, "host", None, 1000, 10, 5, FORWARDED),
    Outcome(3, 1, 1, 100, False, 3, 3, 0.9, "host", None, 1000, 10, 5, FORWARDED),
    Outcome(4, 1, lost="no RESULT within 7 s"),
)
CALLS = Statistics(2, 1.0, 0, 0, 0, "closed", 0)
CLASSES = [str(digit) for digit in range(10)]
EXPECTED = tuple(Expected(of.board_class or 0, of.score or 0, bool(of.accepted)) for of in OUTCOMES)


def counted(
    outcomes: Sequence[Outcome], expected: Sequence[Expected | None] | None = None, course: bool = False
) -> Counts:
    counts = Counts(CLASSES, course)
    for outcome, wanted in zip(outcomes, expected or [None] * len(outcomes), strict=True):
        counts.take(outcome, wanted)
    return counts


PART = part("emulator", "demur 0.1", counted(OUTCOMES), CLEAN, Traffic(500, 400, 170), None, None)


def summary(**changes: Any) -> Summary:
    arguments: dict[str, Any] = {
        "name": "digits", "board": "nucleo_f446re", "engine": "aot", "source": "test split", "large": "checkpoint", "consent": "always", "interrupted": False,
        "threshold": 128,
        "counts": counted(OUTCOMES, EXPECTED), "large_accuracy": 4 / 5, "large_calls": CALLS,
        "latency_clock": "host clock, emulated board",
        "instructions_per_cycle": 0.5, "size": {"flash_bytes": 20_000, "ram_bytes": 9_000, "board": "nucleo_f446re"},
        "boards": [PART],
    }  # fmt: skip
    return summarise(**(arguments | changes))


def test_accuracies_coverage_and_cost() -> None:
    found = summary()
    assert found.samples == 5
    assert found.base_accuracy == 2 / 5
    assert found.large_accuracy == 4 / 5
    assert found.hybrid_accuracy == 2 / 5  # a lost sample is a wrong one
    assert found.coverage == 2 / 5
    assert found.selective_accuracy == 1 / 2
    assert found.answered_by == {"board": 2, "host": 2, "fallback": 0, "withheld": 0}
    assert found.instructions_per_inference == 0.5 * 1050
    assert found.cycles_per_inference is None
    assert (found.flash_bytes, found.ram_bytes) == (20_000, 9_000)
    assert (found.lost, found.lost_first) == (1, ["sample 4: no RESULT within 7 s"])
    assert not found.passed


def test_cycles_of_a_board_are_cycles_not_instructions() -> None:
    found = summary(instructions_per_cycle=None)
    assert found.instructions_per_inference is None
    assert found.cycles_per_inference == 1050


def test_what_boards_and_emulators_count_is_not_mixed() -> None:
    counts = Counts(CLASSES)
    counts.take(replace(OUTCOMES[0], infer_cycles=600), board_hz=180e6)
    counts.take(replace(OUTCOMES[0], infer_cycles=1000))
    found = summary(counts=counts)
    assert (found.cycles_per_inference, found.instructions_per_inference) == (600, 0.5 * 1000)
    assert (summary(counts=counts, instructions_per_cycle=None).cycles_per_inference) == 600


def test_a_session_without_loss_or_disagreement_passes() -> None:
    assert summary(counts=counted(OUTCOMES[:4], EXPECTED[:4])).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"board_class": 5}, "sample 1: class 2 on the board, 5 on the host"),
        ({"score": 201}, "sample 1: score 200 on the board, 201 on the host"),
        ({"accepted": False}, "sample 1: accepted True on the board, False on the host"),
    ],
)
def test_a_disagreement_fails_and_is_named(change: dict[str, Any], words: str) -> None:
    expected = [*EXPECTED[:4]]
    expected[1] = replace(expected[1], **change)
    found = summary(counts=counted(OUTCOMES[:4], expected))
    assert (found.disagreements, found.disagreements_first) == (1, [words])
    assert not found.passed


def test_frames_lost_are_those_of_both_directions() -> None:
    errors = replace(CLEAN, host_lost=2, board_lost=3, host_damaged=9)
    assert summary(boards=[replace(PART, link_errors=errors)]).frames_lost == 5


def test_link_and_traffic_are_sums_over_the_boards(capsys: pytest.CaptureFixture[str]) -> None:
    errors = replace(CLEAN, host_lost=2, repeated=4, reconnected=1)
    other = replace(PART, port="second", link_errors=errors, bytes_sent=Traffic(1, 2, 3), gone="unplugged")
    found = summary(boards=[PART, other])
    assert (found.link_errors, found.bytes_sent) == (errors, Traffic(501, 402, 173))
    assert (PART.samples, PART.lost, PART.coverage) == (5, 1, 2 / 5)
    assert PART.answered_by == {"board": 2, "host": 2, "fallback": 0, "withheld": 0}
    show(found)
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())  # the table wraps
    assert "lost and found 1 times" in shown and "unplugged" in shown


def test_a_large_model_that_failed_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary(large_calls=replace(CALLS, failures=3, retries=2, unanswered=1, opened=1))
    show(found)
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "3 calls failed, 2 retries" in shown and "given up 1 times" in shown


def test_nothing_streamed_divides_by_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary(counts=counted(()), large_accuracy=None, size=None)
    assert (found.samples, found.base_accuracy, found.coverage, found.selective_accuracy) == (0, None, None, None)
    assert (found.instructions_per_inference, found.flash_bytes) == (None, None)
    show(found)
    assert "0 samples" in capsys.readouterr().out


def test_the_file_holds_the_contracts_keys(tmp_path: Path) -> None:
    save(summary(), tmp_path / "summary.json")
    value = json.loads((tmp_path / "summary.json").read_text())
    assert value.keys() >= {"samples", "base_accuracy", "large_accuracy", "hybrid_accuracy", "coverage",
                            "selective_accuracy", "instructions_per_inference", "flash_bytes", "ram_bytes",
                            "frames_lost", "latency_ms"}  # fmt: skip
    assert value["latency_ms"]["large"] == {"samples": 2, "p50": pytest.approx(5), "p95": pytest.approx(5),
                                            "p99": pytest.approx(5), "histogram": [[5.0, 2]]}  # fmt: skip


def test_the_table_shows_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    show(summary())
    text = capsys.readouterr().out
    for words in ("40.00 %", "80.00 %", "board 2, host 2, fallback 0", "525", "20,000 bytes", "9,000 bytes",
                  "host clock, emulated board", "4.00 / 4.00", "frames lost"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("samples", [0, 1, 7, 19, 20, 21, 160, 359, 1000])
def test_the_course_is_of_bounded_length_and_counts_from_the_start(samples: int) -> None:
    """Against the same counts over the list of all outcomes."""
    outcomes = [
        Outcome(
            at, at % 3, answer=0, accepted=at % 4 != 0, threshold=100 + at, queried=at % 8 == 0, experts=max(1, 40 - at // 30)
        )
        for at in range(samples)
    ]  # fmt: skip
    course = Course()
    for outcome in outcomes:
        course.take(outcome)
    found, start = course.stretches(), 0
    assert len(found) < 2 * STRETCHES and (len(found) >= STRETCHES or samples < STRETCHES)
    assert [of.samples for of in found][-1:] == [samples] * bool(samples)
    for stretch in found:
        until, part = outcomes[: stretch.samples], outcomes[start : stretch.samples]
        codes = [of.threshold for of in part if of.threshold is not None and not of.queried]
        mean = sum(codes) / len(codes) / ONE if codes else None
        assert stretch.threshold == (mean if mean is None else pytest.approx(mean))
        assert stretch.mistakes == sum(bool(of.accepted) and of.answer != of.label for of in until)
        assert stretch.abstentions == sum(not of.accepted for of in until)
        assert stretch.queries == sum(of.queried for of in until)
        assert stretch.experts == until[-1].experts
        start = stretch.samples


def test_counts_stay_of_bounded_size() -> None:
    """A session may be without end: ten times as many samples take no more memory."""

    def held(samples: int) -> int:
        counts = Counts(CLASSES, course=True)
        for at in range(samples):
            seconds = {"result": 1e-3 * (1 + at % 50)}
            counts.take(Outcome(at, 1, 2, 100, True, answer=2, source="board", seconds=seconds, name=f"{at}.wav", lost="x" * (at % 2) or None),
                        EXPECTED[0])  # fmt: skip
        return len(pickle.dumps(vars(counts)))

    assert held(20_000) < 1.05 * held(2_000)
