"""The monitor: every message of the tables on one line, damage as bytes, whatever pieces the bytes come in."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from contract.errors import NO_DEVICE
from host import monitor
from host.errors import HostError
from host.frame import ENCODED_MAX, Frame, encode
from host.messages import TYPES
from host.messages.sample import Infer, Result, Stage, Uplink
from host.messages.session import HelloRequest, Level, Log
from host.messages.wire import Message
from host.monitor import Decoder, Heard, watch
from host.port import open_port
from scripted_board import HELLO, ScriptedBoard

RESULT = Result(sample=7, class_index=3, score=12000, stage=Stage.SENT_UP, steps=0, origin=0, infer_cycles=41000, gate_cycles=820,
                ticks=1_000_000)  # fmt: skip
LOG = Log(Level.WARNING, "the clock did not start")


def wire(*messages: Message, first: int = 0) -> bytes:
    return b"".join(
        encode(Frame(message.TYPE, number, message.encode())) for number, message in enumerate(messages, first)
    )


def heard(data: bytes) -> list[Heard]:
    return list(Decoder().feed(data, 1.5))


def test_messages_are_lines() -> None:
    uplink = Uplink(7, 0, 228, bytes(range(228)))
    lines = [str(each) for each in heard(wire(HELLO, LOG, RESULT, uplink))]
    assert all("\n" not in line and line.startswith("    1.500  #") for line in lines)
    hello, log, result, up = lines
    assert "#0  HELLO  protocol=" in hello and "model_hash=0123456789abcdef" in hello
    assert "cycle_source=dwt" in hello and "board='nucleo_f446re'" in hello
    assert log.endswith("#1  LOG  warning: the clock did not start")
    for words in ("#2  RESULT  sample=7", "class_index=3 score=12000 stage=sent_up", "infer_cycles=41000"):
        assert words in result
    assert up.endswith("total=228 data=000102030405060708090a0b0c0d0e0f... (228 bytes)")


def test_messages_are_json() -> None:
    hello, log, up = (each.to_json() for each in heard(wire(HELLO, LOG, Uplink(7, 0, 3, b"\0\1\xff"))))
    assert json.loads(json.dumps(hello))["fields"]["model_hash"] == "0123456789abcdef"
    assert log == {
        "at": 1.5, "sequence": 1, "message": "log", "lost": 0, "fields": {"level": "warning", "text": LOG.text}
    }  # fmt: skip
    assert up["fields"] == {"sample": 7, "offset": 0, "total": 3, "data": "0001ff"}


def test_damage_is_shown_as_it_came() -> None:
    good = bytearray(wire(RESULT))
    flipped = bytes(good[:4]) + bytes([good[4] ^ 0x10]) + bytes(good[5:])
    cases = {
        flipped: ("damaged: bad CRC", flipped[:-1]),
        b"\x05ab\0": ("damaged: bad COBS", b"\x05ab"),
        b"Hi\r\n\0": ("damaged: bad COBS", b"Hi\r\n"),
        encode(Frame(0x7F, 0, b"xyz")): ("unknown type 0x7f:", b"xyz"),
        encode(Frame(Infer.TYPE, 0, b"xyz")): ("malformed: Infer has 3 bytes and ends within 'sample'.", b"xyz"),
    }
    for data, (trouble, raw) in cases.items():
        first, second = heard(data + wire(RESULT))
        assert (first.trouble, first.raw, first.message) == (trouble, raw, None)
        assert raw.hex(" ") in str(first) and "\n" not in str(first)
        assert first.to_json()["raw"] == raw.hex()
        assert second.message == RESULT  # in step again
    assert str(heard(b"Hi\r\n\0")[0]).endswith("48 69 0d 0a  |Hi..|")


def test_lost_frames_are_told_of_before_the_next() -> None:
    first, second = heard(wire(HELLO) + wire(RESULT, first=4))
    assert (first.lost, second.lost) == (0, 3)
    assert str(second).splitlines()[0] == "    1.500  (3 frames lost)"
    assert len(str(second).splitlines()) == 2


def test_text_without_end_is_shown_in_pieces_and_not_kept() -> None:
    decoder = Decoder()
    text = 1000 * b"x"
    pieces = [each.raw for each in decoder.feed(text, 0.0)]
    assert [len(piece) for piece in pieces] == 4 * [ENCODED_MAX]
    (rest,) = decoder.flush(1.0)
    assert b"".join([*pieces, rest.raw]) == text and not list(decoder.flush(2.0))


@given(
    st.lists(st.sampled_from([HELLO, LOG, RESULT]), max_size=5),
    st.lists(st.integers(1, 40), min_size=1),
    st.binary(max_size=60),
)
def test_pieces_make_no_difference(messages: list[Message], sizes: list[int], noise: bytes) -> None:
    data = wire(*messages) + noise + b"\0" + wire(*messages)
    whole, decoder, pieces, at, index = heard(data), Decoder(), list[Heard](), 0, 0
    while at < len(data):
        size = sizes[index % len(sizes)]
        pieces += decoder.feed(data[at : at + size], 1.5)
        at, index = at + size, index + 1
    assert pieces == whole


def test_every_message_of_the_tables_can_be_shown() -> None:
    def sample(message: type[Message]) -> Message:
        values = {field.name: field.python(b"" if field.python is bytes else "" if field.python is str else 0)
                  for field in message.LAYOUT}  # fmt: skip
        return message(**values)

    for kind in TYPES.values():
        (line,) = heard(wire(sample(kind)))
        assert kind.__name__.upper() in str(line) and json.dumps(line.to_json())


def test_a_board_is_asked_who_it_is() -> None:
    with ScriptedBoard() as board:
        port = open_port(board.url, 460_800)
        first = next(watch(port, board.url))
        port.close()
    assert first.message == HELLO


def test_a_port_that_goes_away_and_one_that_is_not_there() -> None:
    with ScriptedBoard() as board:
        lines = watch(open_port(board.url, 460_800), board.url)
        next(lines)
        board.unplug()
        with pytest.raises(HostError, match="connection was lost") as caught:
            list(lines)
    assert caught.value.exit_code == NO_DEVICE
    with pytest.raises(HostError, match="nothing answers there"):
        monitor.run("socket://127.0.0.1:1", 460_800, as_json=False)


class Slow:
    """A port on which some text comes, and HELLO once it was asked for three times."""

    timeout = 0.0

    def __init__(self) -> None:
        self.text, self.asked = b"Booting...\r\n", 0

    def write(self, data: bytes) -> None:
        assert data.endswith(wire(HelloRequest()))
        self.asked += 1
        if self.asked == 3:
            self.text += wire(HELLO)

    def read(self, size: int) -> bytes:
        data, self.text = self.text[:size], self.text[size:]
        return data


def test_text_is_shown_once_it_is_quiet_and_a_board_that_still_boots_is_asked_again() -> None:
    port = Slow()
    lines = watch(port, "it")
    line = next(lines)
    assert line.raw == b"Booting...\r\n" and "|Booting.....|" in str(line)
    assert next(lines).message == HELLO
    port.text = wire(LOG, first=1)
    assert (next(lines).message, port.asked) == (LOG, 3)


def test_the_monitor_runs_until_it_is_interrupted() -> None:
    script = "import sys; from host import monitor; monitor.run(sys.argv[1], 460_800, as_json=True)"
    with ScriptedBoard() as board:
        command = [
            sys.executable,
            "-c",
            f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {script}",
            board.url,
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["message"] == "hello"
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
