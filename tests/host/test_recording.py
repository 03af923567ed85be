"""session.jsonl: what was shown is read back, whatever ends the writing; what is no session is refused with file and
line."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from host.bridge import Outcome
from host.errors import HostError
from host.events import Began, Ended, Event, Finished, Sampled
from host.recording import Recorder, read

BEGAN = Began(0.0, "2026-01-02T03:04:05Z", "digits", "0123456789abcdef", ("emulator",), "test split", "checkpoint", ("0", "1"), (1, 2, 2, 1),
              "int8", 1 / 255, -128, 0.0, 1.0, 0, "softmax_response", 30000, "always", "fixed", 2, ())  # fmt: skip
SESSION: tuple[Event, ...] = (
    BEGAN,
    Sampled(0.1, "emulator", 0, 1, "Käse\n.png", bytes(range(4))),
    Ended(0.2, "emulator", Outcome(0, 1, 1, 31000, True, answer=1, source="board", seconds={"result": 0.01}), 180e6),
    Finished(0.3, False, {"samples": 1}),
)


def record(path: Path, events: tuple[Event, ...] = SESSION) -> Path:
    with Recorder(path) as recorder:
        for event in events:
            recorder.show(event)
    return path


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    path = record(tmp_path / "session.jsonl")
    assert tuple(read(path)) == SESSION
    assert len(path.read_text().splitlines()) == len(SESSION)


def test_every_line_is_there_when_the_next_event_comes(tmp_path: Path) -> None:
    with Recorder(tmp_path / "session.jsonl") as recorder:
        for count, event in enumerate(SESSION, 1):
            recorder.show(event)
            assert tuple(read(tmp_path / "session.jsonl")) == SESSION[:count]


def test_a_killed_session_keeps_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    script = (
        "import os, signal, sys; from pathlib import Path; from host.recording import Recorder, read\n"
        "recorder = Recorder(Path(sys.argv[2]))\n"
        "for event in read(Path(sys.argv[1])): recorder.show(event)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    source = record(tmp_path / "before.jsonl")
    killed = subprocess.run([sys.executable, "-c", script, str(source), str(path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert tuple(read(path)) == SESSION


def test_a_last_line_that_is_cut_anywhere_ends_the_session(tmp_path: Path) -> None:
    path = record(tmp_path / "session.jsonl")
    whole = path.read_bytes()
    last = len(whole.splitlines()[-1]) + 1
    for cut in range(1, last + 1):
        path.write_bytes(whole[:-cut])
        assert tuple(read(path)) == (SESSION if cut == 1 else SESSION[:-1])


LINES = (b'{"event":"nothing"}', b"{", b"[]", b"3", b"\xff", b'{"event":"sampled","at":0}', b"", b'{"event":[]}', 100_000 * b"[",
                           b'{"event":"ended","at":0,"port":"a","board_hz":null,"outcome":{"sample":1}}',
                           b'{"event":"ended","at":0,"port":"a","board_hz":null,"outcome":3}')  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_no_event_is_named(line: bytes, tmp_path: Path) -> None:
    path = record(tmp_path / "session.jsonl")
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line + b"\n", *rest]))
    events = read(path)
    assert next(events) == BEGAN
    with pytest.raises(HostError, match=r"session\.jsonl, line 2: no event of a session") as caught:
        list(events)
    assert "\n" not in str(caught.value)


def test_what_is_no_session(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with pytest.raises(HostError, match="cannot be read"):
        list(read(path))
    cases = (
        (b"", "holds no session"),
        (b'{"event":"beg', "holds no session"),
        (b'{"sample": 0, "label": 3}\n', "line 1: no event of a session"),  # as earlier versions wrote
        (
            b'{"event":"finished","at":0,"interrupted":false,"summary":{}}\n',
            "line 1: 'finished', expected 'began' first",
        ),
    )
    for content, problem in cases:
        path.write_bytes(content)
        with pytest.raises(HostError, match=problem):
            list(read(path))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be written"):
        Recorder(tmp_path / "none" / "session.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_disk_that_is_full() -> None:
    with pytest.raises(HostError, match="No space left on device"):
        Recorder(Path("/dev/full")).show(BEGAN)
