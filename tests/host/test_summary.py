"""The summary of a session, counted by hand on a session small enough for that."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host.batcher import Statistics
from host.bridge import Outcome
from host.latency import split, stages
from host.summary import Expected, LinkErrors, Summary, Traffic, part, save, show, summarise

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
LATENCY = split([stages(outcome, None) for outcome in OUTCOMES if outcome.lost is None])
PART = part("emulator", "demur 0.1", OUTCOMES, LATENCY, CLEAN, Traffic(500, 400, 170), None, None)
CALLS = Statistics(2, 1.0, 0, 0, 0, "closed", 0)
EXPECTED = tuple(Expected(of.board_class or 0, of.score or 0, bool(of.accepted)) for of in OUTCOMES)


def summary(**changes: Any) -> Summary:
    arguments: dict[str, Any] = {
        "name": "digits", "classes": [str(digit) for digit in range(10)], "board": "nucleo_f446re", "engine": "aot", "source": "test split", "large": "checkpoint", "consent": "always", "interrupted": False,
        "threshold": 128,
        "outcomes": OUTCOMES, "expected": EXPECTED, "large_accuracy": 4 / 5, "large_calls": CALLS,
        "latency": LATENCY, "latency_clock": "host clock, emulated board",
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


def test_a_session_without_loss_or_disagreement_passes() -> None:
    assert summary(outcomes=OUTCOMES[:4], expected=EXPECTED[:4]).passed


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
    found = summary(outcomes=OUTCOMES[:4], expected=expected)
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
    found = summary(outcomes=(), expected=(), large_accuracy=None, latency={}, size=None)
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
