"""The whole pipeline on real digits: trained, quantised, compiled, built by PlatformIO, run by an emulated Cortex-M4
that talks frames over a socket, with the large model answering what the board abstains from.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import run_module
from contract import manifest as contract_manifest
from contract.run_folder import RunFolder
from export import graph
from host import recording
from native_c import NativeModel

SUMMARY_KEYS = {"samples", "base_accuracy", "large_accuracy", "hybrid_accuracy", "coverage", "selective_accuracy",
                "instructions_per_inference", "flash_bytes", "ram_bytes", "frames_lost", "latency_ms"}  # fmt: skip
needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")


@pytest.fixture(scope="session")
def summary(digits: RunFolder) -> dict[str, Any]:
    result = run_module("host", "run", "--run", digits.path, "--board", "nucleo", "--port", "emulator")
    assert result.returncode == 0, result.stdout + result.stderr
    value: dict[str, Any] = json.loads(digits.summary.read_text())
    return value


def test_int8_is_within_one_point_of_float(digits: RunFolder) -> None:
    accuracy = contract_manifest.load(digits.manifest).accuracy
    assert abs(accuracy.float32 - accuracy.quantised) <= 0.01


def test_generated_c_equals_the_interpreter_on_the_whole_test_split(digits: RunFolder, tmp_path: Path) -> None:
    vectors = np.load(digits.vectors)
    model = NativeModel(graph.read(digits.tflite), tmp_path, core="cortex-m4")
    # All but the first line, a title: what is tested here is what the firmware is built from.
    assert model.compiled.source.splitlines()[1:] == (digits.path / "model.c").read_text().splitlines()[1:]
    for sample, expected in zip(vectors["input"], vectors["output"], strict=True):
        assert model.run(sample[np.newaxis])[0].ravel().tolist() == expected.ravel().tolist()
    assert len(vectors["input"]) == contract_manifest.load(digits.manifest).accuracy.samples


@needs_qemu
def test_the_hybrid_keeps_the_large_models_accuracy(summary: dict[str, Any]) -> None:
    assert summary.keys() >= SUMMARY_KEYS
    assert summary["hybrid_accuracy"] >= summary["large_accuracy"] - 0.005
    assert summary["coverage"] >= 0.7
    assert summary["base_accuracy"] < summary["large_accuracy"]


@needs_qemu
def test_host_and_board_agree_on_every_sample_and_lose_none(summary: dict[str, Any], digits: RunFolder) -> None:
    assert summary["frames_lost"] == 0
    vectors = np.load(digits.vectors)
    records = [vars(outcome) for outcome in recording.outcomes(digits.session)]
    assert summary["samples"] == len(records) == len(vectors["input"])
    for record in records:
        index = record["sample"]
        assert record["board_class"] == vectors["predicted"][index]
        assert record["score"] == vectors["score"][index]
        assert record["accepted"] == vectors["accepted"][index]


@needs_qemu
def test_the_image_is_small(summary: dict[str, Any]) -> None:
    assert 0 < summary["flash_bytes"] <= 24 * 1024
    assert 0 < summary["ram_bytes"] <= 12 * 1024


@needs_qemu
def test_the_other_board_gives_the_same_answers(summary: dict[str, Any], digits: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "digits")
    shutil.copytree(digits.path, copy.path, ignore=shutil.ignore_patterns("firmware", "session.jsonl", "summary.json"))
    build = run_module("firmware", "build", "--run", copy.path, "--board", "mps2_an386")
    assert build.returncode == 0, build.stdout + build.stderr
    result = run_module("host", "run", "--run", copy.path, "--board", "mps2_an386", "--port", "emulator")
    assert result.returncode == 0, result.stdout + result.stderr
    other = json.loads(copy.summary.read_text())
    for key in ("samples", "base_accuracy", "hybrid_accuracy", "coverage", "selective_accuracy", "frames_lost"):
        assert other[key] == summary[key]
    # The same core and code: what differs is the clock's resolution, one tick being more or less than an instruction.
    ratio = other["instructions_per_inference"] / summary["instructions_per_inference"]
    assert 0.99 < ratio < 1.01


@needs_qemu
def test_eight_boards_share_the_test_split(digits: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / digits.path.name)
    shutil.copytree(digits.path, copy.path)
    result = run_module("host", "run", "--run", copy.path, "--board", "nucleo", "--port", "emulator:8", "--limit", "96")
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(copy.summary.read_text())
    assert (summary["samples"], summary["lost"], summary["disagreements"]) == (96, 0, 0)
    assert [board["port"] for board in summary["boards"]] == [f"emulator-{number}" for number in range(1, 9)]
    assert all(board["samples"] > 0 and board["gone"] is None for board in summary["boards"])
    outcomes = recording.outcomes(copy.session)
    assert sorted(outcome.sample for outcome in outcomes) == list(range(96))


@needs_qemu
def test_a_cable_that_flips_bits_and_falls_out_costs_no_sample(digits: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / digits.path.name)
    shutil.copytree(digits.path, copy.path)
    result = run_module("host", "run", "--run", copy.path, "--board", "nucleo", "--port", "emulator", "--limit", "100",
                        "--faults", "flip=0.002,drop=0.01,duplicate=0.01,delay=0.01,truncate=0.01,disconnect=0.005,seed=5")  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(copy.summary.read_text())
    assert (summary["samples"], summary["lost"], summary["disagreements"]) == (100, 0, 0)
    errors = summary["link_errors"]
    assert errors["reconnected"] > 0 and errors["repeated"] > 0 and errors["board_damaged"] > 0


@pytest.fixture(scope="module")
def with_own_samples(digits: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run on a board that has the first 100 samples of the test split."""
    copy = RunFolder(tmp_path_factory.mktemp("own") / "digits")
    shutil.copytree(digits.path, copy.path, ignore=shutil.ignore_patterns("firmware", "session.jsonl", "summary.json"))
    build = run_module("firmware", "build", "--run", copy.path, "--board", "nucleo", "--source", "vectors:100")
    assert build.returncode == 0, build.stdout + build.stderr
    return copy


@needs_qemu
@pytest.mark.parametrize("more", [(), ("--faults", "flip=0.01,seed=3"), ("--consent", "never")])
def test_a_board_takes_each_of_its_own_samples_once(with_own_samples: RunFolder, more: tuple[str, ...]) -> None:
    folder = with_own_samples
    result = run_module(
        "host", "run", "--run", folder.path, "--board", "nucleo", "--port", "emulator", "--source", "board", *more
    )
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(folder.summary.read_text())
    assert (summary["samples"], summary["compared"], summary["disagreements"], summary["lost"]) == (100, 100, 0, 0)
    assert summary["answered_by"]["host" if "never" not in more else "withheld"] > 0
    pairs = list(recording.samples(folder.session))
    assert [outcome.origin for _, outcome in pairs] == list(range(1, 101))
    with np.load(folder.vectors) as vectors:
        for index, (sampled, outcome) in enumerate(pairs):
            assert (outcome.vector, outcome.label) == (index, vectors["label"][index])
            if outcome.source != "fallback":  # of one that came up too late for an answer perhaps not all did
                came = vectors["input"][index].tobytes() if outcome.source == "host" else b""
                assert sampled.codes == came
    assert ("--faults" in more) == (summary["link_errors"]["repeated"] > 20)
    if "never" in more:
        assert summary["bytes_sent"]["uplink"] == 0 == summary["large_calls"]["batches"]
