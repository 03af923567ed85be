"""The faulty cable: what it does follows from seed and bytes alone, at the rates asked for, and nothing at rate 0."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from host import faults
from host.errors import HostError
from host.faults import FATES, KINDS, Line, Rates
from host.frame import Frame, FrameReceiver, encode
from host.link import connect
from host.messages.statistics import Statistics, StatisticsRequest
from host.port import open_port
from scripted_board import MODEL_HASH, ScriptedBoard

FRAMES = [encode(Frame(1, number % 65536, bytes([number % 256] * 20))) for number in range(20_000)]

rates = st.builds(Rates, flip=st.sampled_from((0.0, 0.01, 0.5, 1.0)),
                  **{fate: st.sampled_from((0.0, 0.05, 0.2)) for fate in FATES})  # fmt: skip
chunks = st.lists(
    st.binary(max_size=6) | st.binary(min_size=1, max_size=6).map(lambda chunk: chunk + b"\0"), max_size=60
)


@pytest.fixture(autouse=True)
def _new_cables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_cables", {})


@pytest.mark.fuzz
@given(rates=rates, seed=st.integers(0, 5), pieces=chunks, cuts=st.lists(st.integers(0, 200), max_size=10))
def test_the_same_faults_however_the_bytes_are_cut(
    rates: Rates, seed: int, pieces: list[bytes], cuts: list[int]
) -> None:
    whole, cut = Line(rates, str(seed)), Line(rates, str(seed))
    stream = b"".join(pieces)
    expected = whole.feed(stream)
    edges = [0, *sorted(min(at, len(stream)) for at in cuts), len(stream)]
    assert b"".join(cut.feed(stream[low:high]) for low, high in pairwise(edges)) == expected
    assert (cut.counts, cut.disconnected) == (whole.counts, whole.disconnected)


@pytest.mark.fuzz
@given(seed=st.integers(), pieces=chunks)
def test_nothing_is_lost_or_held_back_at_rate_0(seed: int, pieces: list[bytes]) -> None:
    line = Line(Rates(), str(seed))
    for piece in pieces:
        assert line.feed(piece) == piece


@pytest.mark.fuzz
@given(seed=st.integers(), pieces=st.lists(st.binary(min_size=1, max_size=4).filter(lambda chunk: 0 not in chunk), max_size=40),
       fates=st.fixed_dictionaries(dict.fromkeys(FATES[:3], st.sampled_from((0.0, 0.1, 0.3)))))  # fmt: skip
def test_every_whole_chunk_arrives_as_often_as_the_counts_say(
    seed: int, pieces: list[bytes], fates: dict[str, float]
) -> None:
    line = Line(Rates(**fates), str(seed))
    arrived = line.feed(b"".join(piece + b"\0" for piece in pieces)).split(b"\0")[:-1]
    held = line.feed(b"\0")[:-1]  # an empty chunk overtakes nothing
    assert held == b""
    late = len(pieces) + line.counts.duplicate - line.counts.drop - len(arrived)
    assert late in ((0, 1) if line.counts.delay else (0,))  # the last chunk may still be waiting for the next one
    assert Counter(arrived).keys() <= Counter(pieces).keys()


@pytest.mark.parametrize("fate", FATES[:-1])
def test_the_rate_of_a_fate_is_met(fate: str) -> None:
    line = Line(Rates(**{fate: 0.05}), "1")
    line.feed(b"".join(FRAMES))
    assert line.counts.chunks == len(FRAMES) or fate == "truncate"
    # Five standard deviations of a binomial distribution.
    assert abs(getattr(line.counts, fate) / len(FRAMES) - 0.05) < 5 * (0.05 * 0.95 / len(FRAMES)) ** 0.5
    assert all(getattr(line.counts, other) == 0 for other in KINDS if other != fate)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.3, 1.0])
def test_the_rate_of_flips_is_met(rate: float) -> None:
    line, stream = Line(Rates(flip=rate), "2"), b"".join(FRAMES)
    arrived = line.feed(stream)
    differing = sum(sent != came for sent, came in zip(stream, arrived, strict=True))
    assert differing == line.counts.flip
    assert abs(differing / len(stream) - rate) <= 5 * (rate * (1 - rate) / len(stream)) ** 0.5


def test_a_delayed_chunk_comes_after_the_next_one() -> None:
    line = Line(Rates(delay=1.0), "0")
    assert [line.feed(chunk) for chunk in (b"a\0", b"b\0", b"\0", b"c\0")] == [b"", b"a\0", b"\0", b"b\0"]


def test_a_duplicate_comes_at_once() -> None:
    line = Line(Rates(duplicate=1.0), "0")
    assert [line.feed(piece) for piece in (b"a", b"b\0c", b"\0")] == [b"a", b"b\0ab\0c", b"\0c\0"]


def test_a_truncated_chunk_runs_into_the_next_one() -> None:
    line, chunk = Line(Rates(truncate=1.0), "0"), bytes(range(1, 100)) + b"\0"
    cut = [line.feed(chunk) for _ in range(200)]
    assert all(chunk.startswith(piece) and len(piece) < len(chunk) - 1 for piece in cut)
    assert len({len(piece) for piece in cut}) > 50


def test_other_flips_leave_the_fates_alone() -> None:
    def fates(flip: float) -> dict[str, int]:
        line = Line(Rates(flip, *[0.02] * 4), "9")
        line.feed(b"".join(FRAMES[:2000]))
        return {fate: getattr(line.counts, fate) for fate in FATES}

    assert fates(0.0) == fates(0.1)


def test_a_receiver_sees_no_wrong_frame_and_most_of_the_right_ones() -> None:
    receiver, line = FrameReceiver(restart_type=0x7E), Line(Rates(flip=0.01), "3")
    frames = list(receiver.feed(line.feed(b"".join(FRAMES))))
    assert {encode(frame) for frame in frames} <= set(FRAMES)
    assert 0.69 < len(frames) / len(FRAMES) < 0.77  # 0.99 to the power of 29 to 31 bytes, the delimiter before included


def test_settings_of_both_ways_and_of_one() -> None:
    parsed = faults.parse("flip=0.01,flip.up=0,drop.down=0.5,seed=-3")
    assert parsed == faults.Faults(Rates(flip=0.01, drop=0.5), Rates(), -3)
    assert faults.parse("flip=1e-2,truncate=0") == faults.Faults(Rates(flip=0.01), Rates(flip=0.01), 0)


REFUSED = {
    "nothing": ("", "'' is no fault"),
    "no rate": ("flip", "'flip' is no fault"),
    "an unknown kind": ("flop=0.1", "'flop=0.1' is no fault"),
    "an unknown way": ("flip.left=0.1", "'flip.left=0.1' is no fault"),
    "a way without a name": ("flip.=0.1", "'flip.=0.1' is no fault"),
    "a seed of one way": ("seed.up=1", "'seed.up=1' is no fault"),
    "a trailing comma": ("flip=0.1,", "'' is no fault"),
    "a blank": ("flip=0.1, drop=0.1", "' drop=0.1' is no fault"),
    "a word": ("flip=often", "'flip=often' is not a number from 0 to 1"),
    "a percentage": ("flip=1%", "'flip=1%' is not a number"),
    "more than 1": ("flip=1.1", "'flip=1.1' is not a number"),
    "less than 0": ("drop=-0.1", "'drop=-0.1' is not a number"),
    "no number": ("drop=nan", "'drop=nan' is not a number"),
    "a fraction as seed": ("seed=0.5", "seed '0.5' is not an integer"),
    "twice": ("flip=0.1,flip=0.2", "'flip' is there twice"),
    "too many fates": ("drop=0.5,delay.up=0.6", "add up to 1.1 up"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_say_something_else_are_refused(name: str) -> None:
    text, words = REFUSED[name]
    for refused in (lambda: faults.wrap("loop://", text), lambda: open_port(f"faulty://{text}/loop://", 460_800)):
        with pytest.raises(HostError, match=words) as error:
            refused()
        assert error.value.exit_code == 2 and "flip=0.01" in error.value.next_step


@pytest.mark.parametrize("url", ["faulty://flip=0.1", "faulty://flip=0.1/", "faulty://"])
def test_a_cable_without_a_port_is_refused(url: str) -> None:
    with pytest.raises(HostError, match="not a port behind"):
        open_port(url, 460_800)


ABSENT = {
    "socket://127.0.0.1:1": (3, "nothing answers there"),
    "/dev/does_not_exist": (3, "no such port"),
    "nonsense://x": (2, "not a port"),
}


@pytest.mark.parametrize("port", ABSENT)
def test_the_errors_of_the_inner_port_come_through(port: str) -> None:
    exit_code, words = ABSENT[port]
    url = faults.wrap(port, "flip=0.1")
    with pytest.raises(HostError, match=words) as error:
        open_port(url, 460_800)
    assert error.value.exit_code == exit_code and url in error.value.problem


@pytest.fixture
def loop() -> Iterator[Any]:
    with open_port(faults.wrap("loop://", "flip.down=0.1,seed=4"), 460_800) as port:
        port.timeout = 0
        yield port


def test_a_loop_is_a_port_like_any_other(loop: Any) -> None:
    sent = bytes(range(256)) * 8
    assert loop.write(sent) == len(sent)
    assert loop.in_waiting == len(sent)
    first = loop.read(100)
    assert len(first) == 100
    came = first + loop.read(5000)
    assert len(came) == len(sent) and loop.read(1) == b"" and loop.in_waiting == 0
    differing = sum(one != other for one, other in zip(sent, came, strict=True))
    counts = faults.cable(loop.port).down.counts
    assert differing == counts.flip > 0
    assert counts.bytes == faults.cable(loop.port).up.counts.bytes == len(sent)
    loop.write(b"left over")
    loop.reset_input_buffer()
    assert loop.read(10) == b""
    loop.close()
    with pytest.raises(serial.SerialException, match="not open"):
        loop.read(1)


def test_a_cable_in_a_cable() -> None:
    url = faults.wrap(faults.wrap("loop://", "drop.down=1"), "duplicate.down=1")
    assert faults.unwrap(url) == "loop://"
    with open_port(url, 460_800) as port:
        port.timeout = 0
        port.write(b"a\0")
        assert port.read(10) == b""


@pytest.mark.usefixtures("patient")
def test_messages_through_a_cable_without_faults() -> None:
    with ScriptedBoard() as board:
        url = faults.wrap(board.url, "flip=0,seed=1")
        with connect(open_port(url, 460_800), url, "nucleo_f446re", MODEL_HASH) as link:
            assert link.request(StatisticsRequest(), Statistics).frames_received == 3
        counts = faults.cable(url)
        assert (counts.down.counts.chunks, counts.up.counts.chunks) == (3, 3)


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_disconnection_is_that_of_an_unplugged_port_and_opening_again_works(way: str) -> None:
    with ScriptedBoard() as board:
        url = faults.wrap(board.url, f"disconnect.{way}=0.2,seed=5")
        for times in range(1, 6):
            port = open_port(url, 460_800)
            port.timeout = 5.0
            with pytest.raises(serial.SerialException, match="disconnected"):
                while True:
                    port.write(encode(Frame(StatisticsRequest.TYPE, 0, b"")))
                    assert port.read(1)
            with pytest.raises(serial.SerialException, match="disconnected"):
                port.write(b"x")
            with pytest.raises(serial.SerialException, match="disconnected"):
                while port.read(1):  # what had arrived before
                    pass
            port.close()
            assert getattr(faults.cable(url), way).counts.disconnect == times


def test_a_cable_pulled_for_good_is_the_inner_ports_error() -> None:
    with ScriptedBoard() as board:
        url = faults.wrap(board.url, "flip=0")
        with connect(open_port(url, 460_800), url, "nucleo_f446re", MODEL_HASH) as link:
            board.unplug()
            with pytest.raises(HostError, match="connection was lost"):
                link.receive(time.monotonic() + 5.0)


def test_a_discarded_cable_begins_with_the_first_fault_of_its_seed() -> None:
    url = faults.wrap("loop://", "flip=0.1,seed=6")

    def through() -> bytes:
        return faults.cable(url).down.feed(bytes(200))

    first = through()
    assert through() != first
    faults.discard(url)
    assert through() == first


def test_counts_are_a_table_of_the_kinds() -> None:
    assert {item.name for item in fields(faults.Counts)} == {*KINDS, "bytes", "chunks"}
    assert set(asdict(faults.Counts())) >= set(KINDS)
