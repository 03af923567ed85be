"""The board's own source of samples: what a build can be told, and what an image then does, on the bench models."""

import contextlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from boards import load
from contract.run_folder import RunFolder
from emulated_board import Emulated
from firmware import parts, source
from firmware.build import build
from firmware.errors import FirmwareError
from firmware.size import measure
from host.emulator.qemu import PROGRAM, boot
from host.messages.output import ReadOutput
from host.messages.sample import Answer, Capture, Final, Infer, Load, Reason, Result, Source, Stage, Uplink
from host.messages.session import Ping, Pong
from host.messages.settings import Consent
from host.messages.stream import Finish, Push, Step
from host.port import open_port

NUCLEO = load("nucleo")
INPUT_BYTES, FRAME_BYTES, STEPS = 600, 12, 40  # of the bench models
CERTAIN, TORN = [50, *[-50] * 9], [7, 7, *[-50] * 8]

DRIVER = """\
#include "source.h"

#include "ticks.h"

static uint32_t asked;
static uint8_t sample;

void source_start(uint32_t clock_hz)
{
    sample = clock_hz > 0 && ticks_now() > 0 ? 10 : 0;
}

/* Every other time there is nothing. The class is that of the sample's number, the rest tells of number and step. */
enum source_status source_take(uint8_t *codes, size_t length, size_t step)
{
    if (asked++ % 2 == 0) {
        return SOURCE_NOTHING;
    }
    sample = (uint8_t)(sample + (step == 0));
    for (size_t i = 0; i < length; i++) {
        codes[i] = 0;
    }
    codes[sample % 10] = FIRST;
    codes[10] = 0; /* no command to the bench model */
    codes[length - 1] = sample;
    return SOURCE_OK;
}
"""

needs_board = pytest.mark.skipif(
    shutil.which(PROGRAM) is None or shutil.which("arm-none-eabi-gcc") is None,
    reason=f"{PROGRAM} or arm-none-eabi-gcc is not installed",
)


def samples() -> np.ndarray:
    """Three for the bench model: certain, torn, certain."""
    rows = np.arange(3 * INPUT_BYTES, dtype=np.int64).reshape(3, INPUT_BYTES) % 251 - 125
    rows[:, :13] = 0
    for row, logits in zip(rows, (CERTAIN, TORN, CERTAIN), strict=True):
        row[:10] = logits
    return rows.astype(np.int8)


def copy(of: RunFolder, folder: Path) -> RunFolder:
    shutil.copytree(of.path, folder, ignore=shutil.ignore_patterns("firmware"))
    return RunFolder(folder)


@contextlib.contextmanager
def booted(run: RunFolder, spec: str) -> Iterator[Emulated]:
    build(run, NUCLEO, source=spec)
    elf = run.firmware(NUCLEO.name) / "firmware.elf"
    with boot(NUCLEO, elf) as url, contextlib.closing(open_port(url, NUCLEO.uart.baud)) as port:
        yield Emulated(NUCLEO, port)


@needs_board
def test_the_vectors_come_one_after_the_other(bench: RunFolder, tmp_path: Path) -> None:
    run = copy(bench, tmp_path / "vectors")
    np.savez(run.vectors, input=samples())
    rows = [sample.tobytes() for sample in samples()]
    with booted(run, "vectors:3") as emulated:
        assert (emulated.hello.source, emulated.hello.source_count) == ("vectors", 3)
        sizes = measure(run.firmware(NUCLEO.name) / "firmware.elf", NUCLEO)
        assert [part.flash > 3 * INPUT_BYTES for part in sizes.parts if part.name == parts.SOURCE] == [True]
        first = emulated.ask(Capture(5), Result)
        assert (first.sample, first.origin, first.stage, first.class_index) == (5, 1, Stage.ACCEPTED, 0)
        assert emulated.ask(Capture(5), Result) == first == emulated.ask(Infer(5), Result)  # none is taken twice
        assert emulated.refused(Capture(4)) == Reason.UNKNOWN_SAMPLE
        torn = emulated.ask(Capture(6), Result)
        assert (torn.origin, torn.stage, torn.score) == (2, Stage.SENT_UP, 16384)
        assert emulated.uplink(INPUT_BYTES) == rows[1]
        assert emulated.ask(Capture(6), Result) == torn
        assert emulated.refused(Capture(7)) == Reason.BUSY
        assert emulated.ask(Answer(6, 9, 32768), Final).source == Source.HOST
        assert emulated.ask(Capture(7), Result).origin == 3
        assert emulated.infer(8, rows[0]).origin == 0  # the host's own are served as ever
        for number, origin in ((9, 4), (10, 5)):  # and from the first again
            emulated.link.send(Load(number, 0, b"x"))  # a piece of a sample that never comes to be
            assert emulated.ask(Capture(number), Result).origin == origin
        assert emulated.uplink(INPUT_BYTES) == rows[1]
        assert emulated.statistics().samples == 6


@needs_board
def test_a_sample_of_the_board_stays_there_without_consent(bench: RunFolder, tmp_path: Path) -> None:
    run = copy(bench, tmp_path / "private")
    np.savez(run.vectors, input=samples()[1:])
    with booted(run, "vectors:2") as emulated:
        emulated.link.configure(consent=Consent.NEVER)
        withheld = emulated.ask(Capture(1), Result)
        assert withheld.stage == Stage.WITHHELD
        assert emulated.receive(Final).source == Source.WITHHELD
        assert emulated.ask(Capture(2), Result).stage == Stage.ACCEPTED
        for request in (Capture(2), ReadOutput(0, 0), ReadOutput(1, 0)):
            emulated.link.send(request)
        emulated.link.send(Ping(7))
        while not isinstance(message := emulated.receive(object), Pong):
            assert not isinstance(message, Uplink) and getattr(message, "data", b"") == b""


@needs_board
def test_a_driver_of_ones_own(bench: RunFolder, tmp_path: Path) -> None:
    driver = tmp_path / "knob.c"
    driver.write_text(DRIVER.replace("FIRST", "50"))
    with booted(copy(bench, tmp_path / "driven"), str(driver)) as emulated:
        assert (emulated.hello.source, emulated.hello.source_count) == ("knob", 0)
        for number in range(1, 4):
            assert emulated.refused(Capture(number)) == Reason.NO_SAMPLE
            result = emulated.ask(Capture(number), Result)
            assert (result.origin, result.class_index, result.stage) == (number, number, Stage.ACCEPTED)


@needs_board
def test_a_driver_gives_a_sequence_frame_by_frame(bench_stream: RunFolder, tmp_path: Path) -> None:
    driver = tmp_path / "ear.c"
    driver.write_text(DRIVER.replace("FIRST", "1"))
    with booted(copy(bench_stream, tmp_path / "driven"), str(driver)) as emulated:
        assert emulated.refused(Capture(1)) == Reason.NO_SAMPLE
        for steps in range(1, 40):
            emulated.link.send(Capture(1))
            said = emulated.receive(Step | Result)  # type: ignore[arg-type]
            assert said.steps == steps
            if isinstance(said, Result):
                break
        assert isinstance(said, Result) and (said.origin, said.stage, said.class_index) == (1, Stage.ACCEPTED, 1)
        assert emulated.ask(Capture(1), Result) == said
        assert emulated.refused(Capture(2)) == Reason.NO_SAMPLE
        assert emulated.ask(Capture(2), Step).steps == 1
        assert emulated.ask(Push(2, 1, bytes(FRAME_BYTES)), Step).steps == 1  # sources are not mixed
        torn = emulated.ask(Finish(2), Result)
        assert (torn.origin, torn.steps, torn.stage) == (2, 1, Stage.SENT_UP)
        assert emulated.uplink(FRAME_BYTES) == bytes([0, 0, 1, *bytes(8), 12])
        assert emulated.ask(Answer(2, 2, 1), Final).class_index == 2
        assert emulated.ask(Push(3, 0, bytes(FRAME_BYTES)), Step).steps == 1
        for _ in range(2):  # whether the source had one or not
            assert emulated.ask(Capture(3), Step).steps == 1
        assert emulated.ask(Finish(3), Result).origin == 0


@needs_board
def test_vectors_are_sequences_too(bench_stream: RunFolder, tmp_path: Path) -> None:
    run = copy(bench_stream, tmp_path / "sequences")
    sequences = np.zeros((2, STEPS, FRAME_BYTES), np.int8)
    sequences[0, :, 4] = 5  # certain soon
    sequences[1, :, -1] = range(STEPS)
    np.savez(run.vectors, input=sequences)
    with booted(run, "vectors:2") as emulated:
        sure = emulated.ask(Capture(1), Result)
        assert (sure.origin, sure.class_index, sure.stage) == (1, 4, Stage.ACCEPTED) and 3 <= sure.steps < STEPS
        torn = emulated.ask(Capture(2), Result)
        assert (torn.origin, torn.steps, torn.stage) == (2, STEPS, Stage.SENT_UP)
        assert emulated.uplink(STEPS * FRAME_BYTES) == sequences[1].tobytes()
        assert emulated.ask(Answer(2, 3, 1), Final).source == Source.HOST
        assert emulated.ask(Capture(3), Result).steps == sure.steps


def test_vectors_without_numpy_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PlatformIO's own Python, in VS Code, has none."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(FirmwareError, match="numpy, which is not installed") as refused:
        source.find("vectors:3", tmp_path)
    assert "python -m firmware build" in refused.value.next_step


def test_none_and_vectors(tmp_path: Path) -> None:
    assert source.find("none", tmp_path) == source.NONE
    np.savez(tmp_path / "vectors.npz", input=samples())
    found = source.find("vectors:2", tmp_path)
    assert (found.name, found.count) == ("vectors", 2)
    numbers = re.findall(r"\d+", found.headers["source_vectors.h"].split("= {")[1])
    assert bytes(map(int, numbers)) == samples()[:2].tobytes()
    assert source.find("vectors", tmp_path).count == 3  # as many as there are


@pytest.mark.parametrize(
    ("spec", "words"),
    {
        "sensor": "Unknown source of samples 'sensor'",
        "none:3": "takes no number",
        "vectors:0": "takes 1 to 3 samples",
        "vectors:4": "takes 1 to 3 samples",
        "vectors:x": "takes 1 to 3 samples",
        "missing.c": "no such file",
        "a driver.c": "cannot be said",
    }.items(),
)
def test_what_is_no_source(spec: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "vectors.npz", input=samples())
    (tmp_path / "a driver.c").touch()
    with pytest.raises(FirmwareError, match=words):
        source.find(spec, tmp_path)


def test_vectors_want_an_exported_run(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="no test vectors"):
        source.find("vectors:3", tmp_path)
