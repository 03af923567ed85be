"""`python -m host sweep` against a board in Python: which thresholds it takes, and that a board which differs fails
it."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boards import load
from conftest import run_module
from contract import manifest as manifests
from contract.gate import ONE
from contract.operating_point import OperatingPoint
from contract.run_folder import RunFolder
from host import sweep as sweeps
from host import vectors
from host.messages.sample import Infer
from host.messages.wire import Message
from host.operating_points import thresholds
from host.policy import NOTHING
from host.session import Options
from scripted_board import ScriptedBoard


def sweep(folder: RunFolder, port: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run_module("host", "sweep", "--run", folder.path, "--board", "nucleo", "--port", port, *more)


def steps(folder: RunFolder) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(folder.sweep.read_text())["steps"]
    return value


@given(st.lists(st.integers(0, ONE), min_size=1), st.integers(1, 50))
def test_thresholds_go_from_nothing_to_everything_over_scores(scores: list[int], points: int) -> None:
    chosen = thresholds(scores, points)
    assert chosen == sorted(set(chosen), reverse=True)
    assert (chosen[0], chosen[-1]) == (NOTHING, 0)
    assert set(chosen[1:-1]) < set(scores)
    assert len(chosen) <= max(2, points)
    accepted = [sum(score >= threshold for score in scores) for threshold in chosen]
    assert accepted == sorted(set(accepted)) and (accepted[0], accepted[-1]) == (0, len(scores))


def test_points() -> None:
    assert (OperatingPoint(40, 10, 1).coverage, OperatingPoint(40, 10, 1).selective_risk) == (0.25, 0.1)
    assert (OperatingPoint(40, 0, 0).coverage, OperatingPoint(40, 0, 0).selective_risk) == (0.0, 0.0)


def test_board_and_vectors_have_one_curve(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        result = sweep(with_large_model, board.url, "--points", "5")
    assert result.returncode == 0, result.stderr
    found = steps(with_large_model)
    assert [step["threshold"] for step in found] == [NOTHING, 200, 0]  # the scripted scores are 100 and 200
    assert [step["board"]["accepted"] for step in found] == [0, 30, 40]
    assert all(step["board"] == step["vectors"] and step["differing"] == step["lost"] == 0 for step in found)
    assert [step["hybrid_accuracy"] for step in found][-1] == 1.0  # labels are what the scripted board says
    assert "75.00%" in result.stdout and "sweep: 3/3" in result.stderr


def test_thresholds_of_sequences_are_between_what_accepts_them_in_time(recurrent_folder: RunFolder) -> None:
    manifest = manifests.load(recurrent_folder.manifest)
    split = vectors.load(recurrent_folder, manifest)
    best = split.best()
    for threshold in thresholds(best, 6):
        accepted = [split.expected(index, threshold).accepted for index in range(len(split))]
        assert accepted == [score >= threshold for score in best]


def test_a_board_that_decides_otherwise_fails(with_large_model: RunFolder) -> None:
    vectors = dict(np.load(with_large_model.vectors))
    vectors["score"] = vectors["score"] + (np.arange(40) == 3)  # one score that the board does not give
    np.savez(with_large_model.vectors, **vectors)
    with ScriptedBoard() as board:
        result = sweep(with_large_model, board.url, "--points", "3")
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("error: Over ") and "differ on" in result.stderr
    assert any(step["differing"] == 1 for step in steps(with_large_model))


def test_a_sweep_that_is_interrupted_is_of_the_thresholds_until_then(with_large_model: RunFolder) -> None:
    seen: set[int] = set()

    def hear(message: Message) -> bool:
        seen.update([message.sample] if isinstance(message, Infer) else [])
        if len(seen) == 90:  # of 3 thresholds with 40 samples each, the third one's tenth
            os.kill(os.getpid(), signal.SIGINT)
            seen.add(-1)
        return True

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ScriptedBoard(hear=hear) as board:
            found = sweeps.run(Options(with_large_model, load("nucleo"), (board.url,)), points=3)
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.interrupted and [step.threshold for step in found.steps] == [NOTHING, 200]
    assert found.passed and json.loads(with_large_model.sweep.read_text())["interrupted"]


def test_refuses_a_run_without_vectors(with_large_model: RunFolder, tmp_path: Path) -> None:
    with_large_model.vectors.unlink()
    result = sweep(with_large_model, "socket://127.0.0.1:9")
    assert result.returncode == 2 and "no test vectors" in result.stderr
