"""A recurrent model on sound, end to end: trained, exported as one step, built, and fed frame by frame on an emulated
board."""

import contextlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boards import load
from conftest import run_module
from contract import manifest as manifests
from contract.gate import in_time
from contract.run_folder import RunFolder
from host import recording
from host.emulator.qemu import boot
from host.link import connect
from host.messages.output import Output, ReadOutput
from host.messages.sample import Answer, Result, Uplink
from host.messages.sample import Final as FinalMessage
from host.messages.stream import Push, Step
from host.port import open_port

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")

NUCLEO = load("nucleo")
NOTHING_ACCEPTED = 65535
PATIENCE_MS = 60_000


def stream(folder: RunFolder, *more: str) -> dict[str, Any]:
    """The summary of a session on the emulated board, which must have passed."""
    result = run_module("host", "run", "--run", folder.path, "--board", "nucleo", "--port", "emulator", *more)
    assert result.returncode == 0, result.stdout + result.stderr
    summary: dict[str, Any] = json.loads(folder.summary.read_text())
    return summary | {"stdout": result.stdout}


@pytest.fixture(scope="module")
def summary(tones: RunFolder) -> dict[str, Any]:
    return stream(tones)


def test_board_and_host_decide_alike_on_every_sequence(summary: dict[str, Any], tones: RunFolder) -> None:
    records = [vars(outcome) for outcome in recording.outcomes(tones.session)]
    with np.load(tones.vectors) as vectors:
        steps, accepted, predicted, score = (vectors[key] for key in ("steps", "accepted", "predicted", "score"))
    assert summary["samples"] == summary["compared"] == len(records) == len(steps) == 36
    assert (summary["disagreements"], summary["lost"], summary["frames_lost"]) == (0, 0, 0)
    assert [record["steps"] for record in records] == steps.tolist()
    assert [record["accepted"] for record in records] == accepted.tolist()
    assert [record["board_class"] for record in records] == predicted.tolist()
    assert [record["score"] for record in records] == score.tolist()
    assert 0 < accepted.sum() < len(accepted) and 3 <= steps.min() < 24  # both happen, and answers come early


def test_the_table_tells_of_steps(summary: dict[str, Any], tones: RunFolder) -> None:
    with np.load(tones.vectors) as vectors:
        steps, accepted = vectors["steps"], vectors["accepted"]
    assert summary["mean_steps"] == pytest.approx(steps.mean())
    assert summary["mean_steps_accepted"] == pytest.approx(steps[accepted].mean())
    # 16 * 16 + 10 * 16 + 16 * 3 products, and nothing near a whole sequence's
    assert 464 < summary["instructions_per_inference"] < 20_000
    assert summary["instructions_per_sequence"] == pytest.approx(
        summary["instructions_per_inference"] * summary["mean_steps"]
    )
    for words in (f"{steps.mean():.1f}", "instructions per frame", "instructions per sequence"):
        assert words in summary["stdout"]


def test_every_byte_of_every_step_is_the_interpreters(tones: RunFolder) -> None:
    manifest = manifests.load(tones.manifest)
    assert manifest.stream is not None
    with np.load(tones.vectors) as vectors:
        inputs, outputs, classes, scores = (vectors[key] for key in ("input", "output", "classes", "scores"))
    with (
        boot(NUCLEO, tones.firmware(NUCLEO.name) / "firmware.elf") as url,
        contextlib.closing(open_port(url, NUCLEO.uart.baud)) as port,
        connect(port, url, NUCLEO.name, manifest.hash) as link,
    ):
        assert (link.hello.steps, link.hello.input_bytes) == (24, manifest.inputs[0].bytes)
        # emulated time may run away from a busy computer's
        link.configure(threshold=NOTHING_ACCEPTED, deadline_ms=PATIENCE_MS)
        for number, sequence in enumerate(inputs):
            for step, frame in enumerate(sequence):
                last = step == len(sequence) - 1
                push = Push(number, step, frame.tobytes())
                if last:  # said once: whoever says it again passes over the UPLINK after the first RESULT
                    link.send(push)
                said = link.receive(time.monotonic() + 10) if last else link.request(push, Step)
                assert isinstance(said, Step | Result)
                expected = step + 1, classes[number, step], scores[number, step]
                assert (said.steps, said.class_index, said.score) == expected
                if not last:
                    output = link.request(ReadOutput(0, 0), Output)
                    assert output.data == outputs[number, step].tobytes()
            sent = b""
            while len(sent) < sequence.nbytes:
                piece = link.receive(time.monotonic() + 10)
                assert isinstance(piece, Uplink)
                sent += piece.data
            assert sent == sequence.tobytes()
            assert link.request(ReadOutput(0, 0), Output).data == outputs[number, -1].tobytes()
            assert link.request(Answer(number, 1, 0), FinalMessage).class_index == 1
        assert link.counters.lost == 0


@pytest.mark.parametrize("more", [("--frames-per-push", "1"), ("--threshold", "0.5"), ("--threshold", "0.99")])
def test_other_pushes_and_thresholds_agree_too(
    more: tuple[str, str], summary: dict[str, Any], tones: RunFolder
) -> None:
    found = stream(tones, *more)
    manifest = manifests.load(tones.manifest)
    assert manifest.stream is not None
    with np.load(tones.vectors) as vectors:
        decided = [
            in_time.decide(of.tolist(), found["threshold"], manifest.stream.minimum_steps) for of in vectors["scores"]
        ]
    assert found["mean_steps"] == pytest.approx(np.mean([steps for steps, _ in decided]))
    assert found["coverage"] == pytest.approx(np.mean([accepted for _, accepted in decided]))
    if more[0] == "--frames-per-push":
        assert found["hybrid_accuracy"] == summary["hybrid_accuracy"]


def test_recordings_are_answered_as_the_test_split_is(tones: RunFolder, tmp_path: Path) -> None:
    recordings = sorted((tones.path.parent / "recordings").glob("*/*.wav"))
    test = json.loads(tones.splits.read_text())["test"]
    for index in test:
        copy = tmp_path / recordings[index].parent.name / recordings[index].name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(recordings[index], copy)
    found = stream(tones, "--source", str(tmp_path))
    classes = manifests.load(tones.manifest).classes
    with np.load(tones.vectors) as vectors:
        expected = {
            str(tmp_path / recordings[index].parent.name / recordings[index].name): (
                int(steps),
                bool(accepted),
                int(said),
            )
            for index, steps, accepted, said in zip(
                test, vectors["steps"], vectors["accepted"], vectors["predicted"], strict=True
            )
        }
    assert len(found["recordings"]) == len(expected) == found["samples"]
    assert (found["compared"], found["lost"]) == (0, 0)
    for named in found["recordings"]:
        steps, accepted, said = expected[named["name"]]
        assert named["steps"] == steps and named["label"] == Path(named["name"]).parent.name
        assert (named["source"] == "board") == accepted
        assert not accepted or named["answer"] == classes[said]
        assert f"{named['name']}: {named['answer']} (" in found["stdout"]


def test_a_board_takes_sequences_of_its_own(tones: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "tones")
    shutil.copytree(tones.path, copy.path, ignore=shutil.ignore_patterns("firmware", "session.jsonl", "summary.json"))
    build = run_module("firmware", "build", "--run", copy.path, "--board", "nucleo", "--source", "vectors:36")
    assert build.returncode == 0, build.stdout + build.stderr
    found = stream(copy, "--source", "board")
    assert (found["samples"], found["compared"], found["disagreements"], found["lost"]) == (36, 36, 0, 0)
    with np.load(copy.vectors) as vectors:
        assert found["mean_steps"] == pytest.approx(vectors["steps"].mean())
        for sampled, outcome in recording.samples(copy.session):
            assert outcome.vector is not None and outcome.steps == vectors["steps"][outcome.vector]
            if outcome.source != "fallback":  # of one that came up too late for an answer perhaps not all did
                assert sampled.codes == (b"" if outcome.accepted else vectors["input"][outcome.vector].tobytes())
