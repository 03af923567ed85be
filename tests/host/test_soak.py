"""The soak: what it must find wrong, lost links opened again, memory; against a scripted board."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import boards
from contract.gate import to_probability
from contract.run_folder import RunFolder
from host import soak
from host.bridge import Outcome
from host.faults import Counts
from host.frame import Frame, encode
from host.messages.sample import Result
from host.messages.wire import Message
from host.soak import GROWTH_BLOCKS, GROWTH_BYTES, Known, Memory, Options, Report, mistakes
from host.vectors import Expected
from scripted_board import ScriptedBoard

SAMPLES = 100  # the test split of 40 two and a half times


def options(folder: RunFolder, board: ScriptedBoard, faults: str) -> Options:
    return Options(folder, boards.load("nucleo"), board.url, SAMPLES, faults)


@pytest.mark.usefixtures("patient")
def test_every_sample_ends_over_a_clean_cable(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        report = soak.run(options(with_large_model, board, ""))
    assert (report.samples, report.lost, report.wrong, report.repeats, report.reconnections) == (SAMPLES, {}, 0, 0, 0)
    assert report.answered == {"board": 75, "host": 25}
    assert report.passed and report.complete and report.flat
    assert [memory.samples for memory in report.memory] == [*range(10, 100, 9), 100]


def test_a_link_that_is_lost_is_opened_again(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        report = soak.run(options(with_large_model, board, "disconnect=0.01,seed=3"))
    # Some of the disconnections come while the link is being opened, which is then tried again.
    assert 0 < report.reconnections <= report.faults_down.disconnect + report.faults_up.disconnect
    assert report.complete and not report.wrong and not report.lost


def test_a_lying_board_is_caught(with_large_model: RunFolder) -> None:
    def lie(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Result) and message.sample % 10 == 0 and message.accepted:
            lying = replace(message, class_index=(message.class_index + 1) % 10)
            return encode(Frame(Result.TYPE, int.from_bytes(wire_sequence(wire), "little"), lying.encode()))
        return wire

    with ScriptedBoard(mangle=lie) as board:
        report = soak.run(options(with_large_model, board, ""))
    assert report.complete and not report.passed
    assert 5 <= report.wrong <= 10 and len(report.mistakes) == min(2 * report.wrong, soak.MISTAKES_KEPT)
    assert "class, score, decision and steps of the board are" in soak.explain(report)


def wire_sequence(wire: bytes) -> bytes:
    from host.frame import cobs_decode

    return cobs_decode(wire[:-1])[1:3]


ACCEPTED = Expected(board_class=3, score=200, accepted=True, steps=0)
ABSTAINED = Expected(board_class=3, score=100, accepted=False, steps=0)
ANSWER = (7, 30_000)  # class and probability of the large model
OWN = Outcome(
    0, None, board_class=3, score=200, accepted=True, answer=3, probability=to_probability(200), source="board"
)
UP = Outcome(0, None, board_class=3, score=100, accepted=False, large_class=7, answer=7, source="host",
             probability=to_probability(30_000))  # fmt: skip
BACK = replace(UP, answer=3, probability=to_probability(100), source="fallback")
LOST = Outcome(0, None, lost="no RESULT")

RIGHT: dict[str, tuple[Outcome, Expected]] = {
    "the board's own": (OWN, ACCEPTED),
    "the large model's": (UP, ABSTAINED),
    "a fallback, the answer was late": (BACK, ABSTAINED),
    "a fallback, never asked": (replace(BACK, large_class=None), ABSTAINED),
    "lost, nothing known": (LOST, ACCEPTED),
    "lost, half of it known": (replace(UP, lost="no FINAL", answer=None, source=None), ABSTAINED),
}

WRONG: dict[str, tuple[Outcome, Expected, str]] = {
    "another's class": (replace(OWN, board_class=4, answer=4), ACCEPTED, "class, score"),
    "another's score": (replace(OWN, score=201), ACCEPTED, "class, score"),
    "another's decision": (replace(UP, accepted=True), ABSTAINED, "class, score"),
    "another's steps": (replace(OWN, steps=1), ACCEPTED, "class, score"),
    "another's answer": (replace(UP, answer=8), ABSTAINED, "class and probability from the host"),
    "another's probability": (replace(UP, probability=0.5), ABSTAINED, "class and probability from the host"),
    "a large class of another": (replace(UP, large_class=8), ABSTAINED, "large model's class is 8"),
    "a fallback with the large model's answer": (replace(UP, source="fallback"), ABSTAINED, "from the fallback"),
    "accepted, but ended at the host": (replace(OWN, source="host", answer=7, probability=to_probability(30_000)), ACCEPTED,
                                        "it ended at the host"),
    "lost with a wrong class": (replace(LOST, board_class=4, score=200, accepted=True), ACCEPTED, "class, score"),
    "no answer at all": (replace(OWN, answer=None), ACCEPTED, "from the board are"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_so_is_no_mistake(name: str) -> None:
    outcome, wanted = RIGHT[name]
    assert mistakes(outcome, wanted, ANSWER) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_so_is_a_mistake(name: str) -> None:
    outcome, wanted, words = WRONG[name]
    assert words in mistakes(outcome, wanted, ANSWER)[0]


def test_the_large_model_knows_its_samples_and_counts_others() -> None:
    class Sums:
        def classify(self, samples: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
            total = samples.sum(axis=(1, 2, 3))
            return np.stack([1 - total, total], axis=1).astype(np.float32)

    samples = np.array([0.25, 0.75], np.float32).reshape(2, 1, 1, 1)
    known = Known(Sums(), samples)
    assert known.answers == [(0, 24_576), (1, 24_576)]
    assert known.classify(samples[1:]).tolist() == [[0.25, 0.75]] and known.foreign == 0
    assert known.classify(samples / 2).tolist() == [[0.875, 0.125], [0.625, 0.375]] and known.foreign == 1


def report(**changes: Any) -> Report:
    base = Report(name="digits", board="nucleo_f446re", port="emulator", faults="", asked=10, samples=10, interrupted=False,
                  answered={"board": 8, "host": 1}, lost={"no RESULT": 1}, wrong=0, mistakes=[], repeats=0, reconnections=0,
                  frames_down=0, frames_up=0, damaged_down=0, damaged_up=0, faults_down=Counts(), faults_up=Counts(), seconds=1.0,
                  samples_per_second=10.0, slowest_seconds=0.1, memory=[Memory(1, 0, 0), Memory(10, 0, 0)])  # fmt: skip
    return replace(base, **changes)


NOT_PASSED = {
    "a sample that did not end": ({"answered": {"board": 8}}, "not every sample ended"),
    "no sample": ({"samples": 0, "answered": {}, "lost": {}}, "not every sample ended"),
    "a wrong one": ({"wrong": 1, "mistakes": ["sample 4: x"]}, "1 samples have a wrong answer (sample 4: x)"),
    "bytes": ({"memory": [Memory(1, 0, 0), Memory(10, GROWTH_BYTES + 1, 0)]}, "memory grew"),
    "blocks": ({"memory": [Memory(1, None, 0), Memory(10, None, GROWTH_BLOCKS + 1)]}, "memory grew"),
}


@pytest.mark.parametrize("name", NOT_PASSED)
def test_a_soak_that_does_not_pass_says_why(name: str) -> None:
    changes, words = NOT_PASSED[name]
    assert report().passed
    assert not report(**changes).passed
    assert words in soak.explain(report(**changes))
