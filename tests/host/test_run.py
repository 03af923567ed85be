"""The commands as a person types them: exit codes, words, files, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import run_module
from contract.run_folder import RunFolder
from host import recording
from host.events import ConsentGiven, Finished
from host.frame import Frame, cobs_decode, encode
from host.messages.sample import Infer, Reason, Refused, Result
from host.messages.stream import Step as StepMessage
from host.messages.wire import Message
from scripted_board import ScriptedBoard, hello

ROOT = Path(__file__).parents[2]


def stream(folder: RunFolder, port: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run_module("host", "run", "--run", folder.path, "--board", "nucleo", "--port", port, *more)


def refused(result: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """One paragraph in words on stderr, nothing on stdout, the right exit code."""
    assert result.returncode == exit_code, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_a_session_writes_its_files_and_passes(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        result = stream(with_large_model, board.url, "--json")
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary == json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["base_accuracy"], summary["coverage"]) == (40, 1.0, 0.75)
    assert (summary["frames_lost"], summary["disagreements"], summary["lost"]) == (0, 0, 0)
    assert summary["answered_by"] == {"board": 30, "host": 10, "fallback": 0, "withheld": 0}
    assert summary["instructions_per_inference"] is None and summary["cycles_per_inference"] == 1000
    assert summary["latency_ms"]["board"]["p50"] == pytest.approx(1e3 * 1010 / 180e6)
    outcomes = recording.outcomes(with_large_model.session)
    assert [outcome.sample for outcome in outcomes] == list(range(40))
    assert sum(outcome.bytes_sent for outcome in outcomes) < summary["bytes_sent"]["host_to_board"]
    *_, last = recording.read(with_large_model.session)
    assert isinstance(last, Finished) and last.summary == summary


def test_port_from_the_environment_and_threshold_from_the_command_line(
    with_large_model: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedBoard() as board:
        monkeypatch.setenv("DEMUR_PORT", board.url)
        result = run_module("host", "run", "--run", with_large_model.path, "--board", "nucleo",
                            "--limit", "8", "--threshold", "0.001")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "accuracy: hybrid" in result.stdout
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["threshold"], summary["coverage"]) == (8, 33, 1.0)


def test_an_answer_that_is_lost_is_asked_for_again(with_large_model: RunFolder) -> None:
    count = 0

    def without_the_third(message: Message, wire: bytes) -> bytes:
        nonlocal count
        count += isinstance(message, Result)
        return b"" if count == 3 and isinstance(message, Result) else wire

    with ScriptedBoard(mangle=without_the_third) as board:
        result = stream(with_large_model, board.url, "--limit", "4")
    assert result.returncode == 0, result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["lost"], summary["frames_lost"]) == (4, 0, 1)
    assert summary["link_errors"]["repeated"] > 0
    assert [outcome.repeats > 0 for outcome in recording.outcomes(with_large_model.session)] == [
        False,
        False,
        True,
        False,
    ]


def test_a_lost_sample_fails_the_command_and_is_named(with_large_model: RunFolder) -> None:
    numbers: list[int] = []

    def refuse_the_third(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Result):
            numbers.extend([message.sample] if message.sample not in numbers else [])
            if numbers.index(message.sample) == 2:
                refused = Refused(Infer.TYPE, message.sample, Reason.OUT_OF_RANGE).encode()
                sequence = int.from_bytes(cobs_decode(wire[:-1])[1:3], "little")
                return encode(Frame(Refused.TYPE, sequence, refused))
        return wire

    with ScriptedBoard(mangle=refuse_the_third) as board:
        result = stream(with_large_model, board.url, "--limit", "4")
    assert result.returncode == 1
    assert "sample 2: the board refused it: out of range" in result.stderr
    assert "error: 1 of 4 samples were lost" in result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["lost"], summary["frames_lost"]) == (4, 1, 0)


def test_a_disagreement_fails_the_command_and_is_named(with_large_model: RunFolder) -> None:
    vectors = dict(np.load(with_large_model.vectors))
    vectors["score"][1] += 1
    np.savez(with_large_model.vectors, **vectors)
    with ScriptedBoard() as board:
        result = stream(with_large_model, board.url, "--limit", "4")
    assert result.returncode == 1
    assert "sample 1: score 200 on the board, 201 on the host" in result.stderr


def take_ctrl_c() -> None:
    """For a new process: a shell starts background jobs, of which this test may be one, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_with_the_summary_of_what_was_streamed(with_large_model: RunFolder) -> None:
    process: list[subprocess.Popen[str]] = []
    count = 0

    def interrupt(message: Message, wire: bytes) -> bytes:
        nonlocal count
        count += isinstance(message, Result)
        if count == 11 and isinstance(message, Result):
            process[0].send_signal(signal.SIGINT)
        return wire

    with ScriptedBoard(mangle=interrupt) as board:
        command = [sys.executable, "-m", "host", "run", "--run", with_large_model.path, "--board", "nucleo",
                   "--port", board.url, "--json"]  # fmt: skip
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process.append(subprocess.Popen(command, cwd=ROOT, text=True, preexec_fn=take_ctrl_c, **pipes))
        output, errors = process[0].communicate()
    assert process[0].returncode == 130, errors
    summary: dict[str, Any] = json.loads(output)
    assert summary["interrupted"] and 11 <= summary["samples"] < 40 and summary["lost"] == 0
    assert summary == json.loads(with_large_model.summary.read_text())
    assert "Traceback" not in errors


def test_another_model_on_the_board_is_named_with_both_hashes(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(model_hash=0xFEDCBA9876543210)) as board:
        refused(stream(run_folder, board.url), 2, "fedcba9876543210", "0123456789abcdef", "make flash")


def test_a_port_that_does_not_exist(run_folder: RunFolder) -> None:
    refused(stream(run_folder, "/dev/no_such_port"), 3, "/dev/no_such_port", "port", "--port emulator")


def test_qemu_missing(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    refused(stream(run_folder, "emulator"), 2, "qemu-system-arm is not installed", "apt install qemu-system-arm")


@pytest.mark.parametrize(
    ("file", "words"), [("manifest.json", "python -m export"), ("vectors.npz", "python -m export")]
)
def test_a_run_folder_without_its_files(run_folder: RunFolder, file: str, words: str) -> None:
    (run_folder.path / file).unlink()
    refused(stream(run_folder, "emulator"), 2, file, words)


def test_damaged_vectors(run_folder: RunFolder) -> None:
    run_folder.vectors.write_bytes(run_folder.vectors.read_bytes()[:100])
    refused(stream(run_folder, "emulator"), 2, "vectors.npz", "python -m export")


def test_unknown_names(run_folder: RunFolder) -> None:
    result = run_module("host", "run", "--run", run_folder.path, "--board", "nucelo", "--port", "emulator")
    refused(result, 2, "'nucelo'", "nucleo")
    refused(stream(run_folder, "emulator", "--emulator", "bochs"), 2, "'bochs'", "qemu")


@pytest.mark.parametrize(
    ("option", "value"), [("--threshold", "1.5"), ("--threshold", "-0.1"), ("--limit", "0"), ("--limit", "many")]
)
def test_impossible_values_are_usage_errors(run_folder: RunFolder, option: str, value: str) -> None:
    result = stream(run_folder, "emulator", option, value)
    assert result.returncode == 2
    assert option in result.stderr and value in result.stderr and "Traceback" not in result.stderr


LIST = """
import runpy, sys
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
for name in ("torch", "tensorflow", "numpy"):
    sys.modules[name] = None  # cannot be imported, as if it were not installed
probe, other = ListPortInfo("/dev/ttyACM3"), ListPortInfo("/dev/ttyS0")
probe.vid, probe.pid, probe.description = 0x0483, 0x374B, "STM32 STLink"
list_ports.comports = lambda: [other, probe]
sys.argv = ["host", "list", *sys.argv[1:]]
runpy.run_module("host", run_name="__main__")
"""


def test_ports_are_listed_with_the_boards_that_they_may_belong_to() -> None:
    """Without any of the heavy packages."""

    def listed(*arguments: str) -> str:
        result = subprocess.run([sys.executable, "-c", LIST, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    stlink, plain = json.loads(listed("--json"))
    names = stlink.pop("boards")
    assert {"nucleo", "nucleo_f401re"} <= set(names) and "microbit" not in names
    assert stlink == {
        "device": "/dev/ttyACM3",
        "usb": "0483:374b",
        "description": "STM32 STLink",
        "serial_number": None,
    }
    assert plain == {"device": "/dev/ttyS0", "usb": None, "description": "", "serial_number": None, "boards": []}
    assert listed().splitlines() == [f"/dev/ttyACM3  0483:374b  {','.join(names)}  STM32 STLink", "/dev/ttyS0  -  -  -"]


def test_without_pyserial_the_error_says_how_to_install_it() -> None:
    # A module that is None in sys.modules cannot be imported, as if it were not installed.
    code = "import sys; sys.modules['serial'] = None; sys.argv = ['host', 'list']; import runpy; " \
           "runpy.run_module('host', run_name='__main__')"  # fmt: skip
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ)
    refused(result, 2, "pyserial", "pip install -e '.[host]'")


def test_help_needs_no_library_beyond_the_standard_one() -> None:
    code = "import sys, host.__main__; print(sorted({'numpy', 'serial', 'rich', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


STREAMED = hello(input_bytes=16, steps=30)


def large_of_sequences(folder: RunFolder) -> RunFolder:
    """A real, untrained large model that takes sequences of 30 frames of 16 values."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from train import models
    from train.models import checkpoint

    torch.manual_seed(0)
    model = models.build("cnn", (1, 30, 16), 10, {})
    classes = tuple(str(digit) for digit in range(10))
    checkpoint.save(model, checkpoint.describe("cnn", model, {}, classes, 2.0), folder.large_checkpoint)
    return folder


def test_sequences_are_streamed_and_their_steps_are_reported(recurrent_folder: RunFolder) -> None:
    folder = large_of_sequences(recurrent_folder)
    with ScriptedBoard(STREAMED) as board:
        result = stream(folder, board.url)
    assert result.returncode == 0, result.stderr
    summary = json.loads(folder.summary.read_text())
    with np.load(folder.vectors) as vectors:
        steps, accepted = vectors["steps"], vectors["accepted"]
    assert (summary["samples"], summary["compared"], summary["disagreements"], summary["lost"]) == (20, 20, 0, 0)
    assert summary["mean_steps"] == pytest.approx(steps.mean())
    assert summary["mean_steps_accepted"] == pytest.approx(steps[accepted].mean())
    assert summary["cycles_per_inference"] == pytest.approx(1000)
    assert summary["cycles_per_sequence"] == pytest.approx(1000 * steps.mean())
    for words in ("frames until the answer, mean", "cycles per frame", "cycles per sequence"):
        assert words in result.stdout
    assert [outcome.steps for outcome in recording.outcomes(folder.session)] == steps.tolist()


def test_a_disagreement_about_steps_fails_the_command(recurrent_folder: RunFolder) -> None:
    folder = large_of_sequences(recurrent_folder)
    vectors = dict(np.load(folder.vectors))
    taken = int(vectors["steps"][0])
    vectors["scores"][0, taken - 1] = 0  # by these, it would take longer
    np.savez(folder.vectors, **vectors)
    with ScriptedBoard(STREAMED) as board:
        result = stream(folder, board.url, "--limit", "2")
    assert result.returncode == 1
    assert f"steps {taken} on the board, " in result.stderr


def test_frames_of_a_file_are_streamed_one_by_one_and_answered_by_name(
    recurrent_folder: RunFolder, tmp_path: Path
) -> None:
    folder = large_of_sequences(recurrent_folder)
    head = "sequence,label," + ",".join(f"f{i}" for i in range(16))
    # 3/255 and 150/255 in 0 .. 1 are the scripted board's class and score, as codes 3 and 150 - 256 of -1 .. 1 about 0
    sure, unsure = ((3 + 128) / 256, (150 - 128) / 256), ((3 + 128) / 256, (10 + 128) / 256)
    rows = [f"yes,3,{','.join(map(str, [*sure, *[0.5] * 14]))}"] * 5
    rows += [f"no,7,{','.join(map(str, [*unsure, *[0.5] * 14]))}"] * 5
    (tmp_path / "frames.csv").write_text("\n".join([head, *rows]) + "\n")
    pushes: list[int] = []

    def note(message: Message, wire: bytes) -> bytes:
        pushes.extend([message.steps] if isinstance(message, StepMessage) else [])
        return wire

    with ScriptedBoard(STREAMED, mangle=note) as board:
        result = stream(folder, board.url, "--source", str(tmp_path / "frames.csv"))
    assert result.returncode == 0, result.stderr
    assert pushes == [1, 2, 1, 2, 3, 4, 5]
    first, second = result.stdout.splitlines()[:2]
    assert first == f"{tmp_path}/frames.csv:yes: 3 (0.46 %) by board after 3 frames, labelled 3"
    assert second.startswith(f"{tmp_path}/frames.csv:no: ") and "by host after 5 frames, labelled 7" in second
    summary = json.loads(folder.summary.read_text())
    assert (summary["compared"], summary["disagreements"], summary["coverage"]) == (0, 0, 0.5)
    assert [recording["source"] for recording in summary["recordings"]] == ["board", "host"]


def test_sources_and_pushes_that_do_not_suit_the_run(run_folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    refused(
        stream(run_folder, "emulator", "--source", str(tmp_path / "a.wav")), 2, "has no state", "give --source images"
    )
    refused(stream(run_folder, "emulator", "--frames-per-push", "2"), 2, "has no state", "--frames-per-push")


def test_pushes_that_do_not_fit(recurrent_folder: RunFolder) -> None:
    refused(stream(recurrent_folder, "emulator", "--frames-per-push", "15"), 2, "15 frames", "up to 14")


ONLINE = ("--policy", "online-1", "--query-share", "0.4", "--mistake-rate", "0.5", "--experts", "4", "--seed", "3")


def test_an_online_policy_moves_the_threshold_and_the_summary_tells_how(with_large_model: RunFolder) -> None:
    """The scripted board's scores are 100 and 200 of 32768, so of four thresholds only 0 accepts anything; the
    untrained large model disagrees with it before long, and that expert is dropped."""
    from host.policy import Settings, make

    with ScriptedBoard() as board:
        result = stream(with_large_model, board.url, *ONLINE)
    assert result.returncode == 0, result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["compared"], summary["disagreements"], summary["lost"]) == (40, 40, 0, 0)
    settings = Settings(query_share=0.4, mistake_rate=0.5, experts=4, seed=3)
    again = make("online-1", settings)
    mistakes = abstentions = queries = 0
    for of in recording.outcomes(with_large_model.session):
        turn = again.turn()
        assert of.score is not None and of.board_class is not None
        assert (of.threshold, of.queried) == (turn.threshold, turn.queried)
        assert of.accepted == (of.score >= turn.threshold)
        again.learn(turn, of.score, of.board_class, of.large_class)
        assert of.experts == len(again.left)
        mistakes += bool(of.accepted) and of.answer != of.label
        abstentions += not of.accepted
        queries += of.queried
    assert again.left == (8192, 16384, 24576)
    assert summary["policy"] == {
        "name": "online-1",
        "settings": {"threshold": 0, "query_share": 0.4, "mistake_rate": 0.5, "experts": 4, "seed": 3},
        "left": [8192, 16384, 24576],
    }
    assert summary["threshold"] == again.final
    course = summary["course"]
    assert [stretch["samples"] for stretch in course] == list(range(4, 41, 4))
    last = course[-1]
    assert (last["mistakes"], last["abstentions"], last["queries"], last["experts"]) == (
        mistakes,
        abstentions,
        queries,
        3,
    )
    assert 0 < queries < abstentions < 40
    assert "policy online-1" in result.stdout and "until sample 40" in result.stdout


def test_the_same_seed_gives_the_same_session(with_large_model: RunFolder) -> None:
    def decisions() -> list[tuple[int | None, bool, int | None]]:
        with ScriptedBoard() as board:
            assert stream(with_large_model, board.url, *ONLINE).returncode == 0
        return [
            (outcome.threshold, outcome.queried, outcome.answer)
            for outcome in recording.outcomes(with_large_model.session)
        ]

    assert decisions() == decisions()


def test_a_fixed_policy_tells_no_course(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        assert stream(with_large_model, board.url, "--policy", "fixed", "--limit", "4").returncode == 0
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["policy"], summary["course"]) == (None, [])


def test_policies_and_settings_that_do_not_go_together(run_folder: RunFolder) -> None:
    refused(stream(run_folder, "emulator", "--policy", "offline"), 2, "'offline'", "online-1")
    refused(stream(run_folder, "emulator", "--seed", "1"), 2, "--seed is for the online policies", "--policy online-1")
    refused(
        stream(run_folder, "emulator", "--policy", "online-1", "--threshold", "0.5"), 2, "--threshold", "'online-1'"
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--query-share", "1"), ("--mistake-rate", "2"), ("--experts", "0"), ("--seed", "-1")]
)
def test_impossible_settings_of_a_policy_are_usage_errors(run_folder: RunFolder, option: str, value: str) -> None:
    result = stream(run_folder, "emulator", "--policy", "online-2", f"{option}={value}")
    assert result.returncode == 2
    assert option in result.stderr and "Traceback" not in result.stderr


def test_an_online_policy_is_not_for_recurrent_models(recurrent_folder: RunFolder) -> None:
    refused(stream(recurrent_folder, "emulator", "--policy", "online-2"), 2, "recurrent", "Leave --policy out")


def test_a_source_that_fails_on_the_way_ends_the_session_after_its_summary(with_large_model: RunFolder) -> None:
    good = ",".join(["0.5137"] * 64)  # 131 of 255, code 3: class 3 of the scripted board
    lines = f"{','.join(f'v{index}' for index in range(64))}\n{good}\n{good[:-3]}x\n"
    with ScriptedBoard() as one, ScriptedBoard() as other:
        command = [sys.executable, "-m", "host", "run", "--run", with_large_model.path, "--board", "nucleo",
                   "--port", one.url, "--port", other.url, "--source", "-"]  # fmt: skip
        result = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True)
    assert result.returncode == 2, result.stdout + result.stderr
    assert "line 3" in result.stderr and "Traceback" not in result.stderr
    assert json.loads(with_large_model.summary.read_text())["samples"] == 1


def test_two_boards_share_the_samples(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as one, ScriptedBoard() as other:
        result = run_module(
            "host", "run", "--run", with_large_model.path, "--board", "nucleo", "--port", one.url, "--port", other.url
        )
    assert result.returncode == 0, result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert (summary["samples"], summary["lost"], summary["disagreements"]) == (40, 0, 0)
    parts = {board["port"]: board["samples"] for board in summary["boards"]}
    assert parts.keys() == {one.url, other.url} and sum(parts.values()) == 40
    assert sorted(of.sample for of in recording.outcomes(with_large_model.session)) == list(range(40))


def test_one_of_two_boards_that_is_absent_does_not_end_the_session(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        result = run_module("host", "run", "--run", with_large_model.path, "--board", "nucleo", "--port", board.url,
                            "--port", "/dev/no_such_port", "--limit", "4")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "without a board: /dev/no_such_port" in result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert [(part["samples"], part["gone"] is None) for part in summary["boards"]] == [(4, True), (0, False)]


def test_what_may_not_leave_the_board_stays(with_large_model: RunFolder) -> None:
    with ScriptedBoard() as board:
        result = stream(with_large_model, board.url, "--consent", "never")
    assert result.returncode == 0, result.stderr
    summary = json.loads(with_large_model.summary.read_text())
    assert summary["answered_by"] == {"board": 30, "host": 0, "fallback": 0, "withheld": 10}
    assert summary["bytes_sent"]["uplink"] == 0
    assert not any(of.sent_up for of in recording.outcomes(with_large_model.session))


def test_a_policy_file_says_what_may_leave(with_large_model: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text(
        "[classes]\n" + "".join(f'{digit} = "{"always" if digit < 5 else "never"}"\n' for digit in range(10))
    )
    with ScriptedBoard() as board:
        result = stream(
            with_large_model, board.url, "--consent", "ask", "--consent-file", str(tmp_path / "consent.toml")
        )
    assert result.returncode == 0, result.stderr
    abstained = [of for of in recording.outcomes(with_large_model.session) if not of.accepted]
    assert abstained and all(
        of.granted == of.sent_up == (of.board_class is not None and of.board_class < 5) for of in abstained
    )
    assert {of.source for of in abstained} == {"host", "withheld"}
    given = [event for event in recording.read(with_large_model.session) if isinstance(event, ConsentGiven)]
    assert len(given) == len(abstained) and {event.by for event in given} == {"policy"}
