"""Frames in Python, against the golden vectors, PyPI's cobs and what a line can do to them."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from host.frame import (
    ENCODED_MAX,
    OVERHEAD,
    PAYLOAD_MAX,
    CobsError,
    Counters,
    Frame,
    FrameReceiver,
    cobs_decode,
    cobs_encode,
    encode,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/frames.json").read_text())
RESTART = 0x7E
GOOD = Frame(type=1, sequence=0, payload=b"good")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_frames_both_ways(vector: dict[str, Any]) -> None:
    frame = Frame(vector["type"], vector["sequence"], bytes.fromhex(vector["payload"]))
    assert encode(frame).hex() == vector["wire"]
    assert list(FrameReceiver(RESTART).feed(bytes.fromhex(vector["wire"]))) == [frame]


@pytest.mark.fuzz
@given(st.binary(max_size=1100) | st.lists(st.sampled_from([0, 1, 255]), max_size=1100).map(bytes))
def test_cobs_equals_the_oracle(data: bytes) -> None:
    assert cobs_encode(data) == cobs.encode(data)
    assert cobs_decode(cobs.encode(data)) == data


@pytest.mark.parametrize("length", [0, 1, 253, 254, 255, 256, 507, 508, 509, 510])
@pytest.mark.parametrize("byte", [b"\0", b"\1"])
def test_cobs_at_full_runs(length: int, byte: bytes) -> None:
    for data in (byte * length, byte * length + b"\0", b"\0" + byte * length):
        assert cobs_encode(data) == cobs.encode(data)
        assert cobs_decode(cobs_encode(data)) == data


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_cobs_refuses_what_the_oracle_refuses(encoded: bytes) -> None:
    try:
        expected = cobs.decode(encoded)
    except cobs.DecodeError:
        with pytest.raises(CobsError):
            cobs_decode(encoded)
    else:
        assert cobs_decode(encoded) == expected


def frame_of(raw: bytes) -> bytes:
    """A chunk as the line carries it, from bytes that need not be a frame."""
    return cobs_encode(raw) + b"\0"


REFUSED = {
    "wrong crc": (encode(GOOD)[:-2] + b"\x7f\0", "crc_errors"),
    "cut short": (encode(GOOD)[:-4] + b"\0", "cobs_errors"),
    "crc of nothing": (frame_of(bytes(4)), "crc_errors"),
    "shorter than a header": (frame_of(b"\x01" + zlib.crc32(b"\x01").to_bytes(4, "little")), "crc_errors"),
    "code beyond the end": (b"\x05abc\0", "cobs_errors"),
    "one byte too long": (b"\x01" * (ENCODED_MAX + 1) + b"\0", "oversize"),
    "payload of 241": (frame_of(bytes(3 + 241) + zlib.crc32(bytes(3 + 241)).to_bytes(4, "little")), "oversize"),
    "no delimiter for long": (b"\xff" * 100_000 + b"\0", "oversize"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_frame_is_counted_and_the_next_one_received(name: str) -> None:
    wire, counter = REFUSED[name]
    receiver = FrameReceiver(RESTART)
    assert list(receiver.feed(wire)) == []
    assert receiver.counters == Counters(**{counter: 1})
    assert list(receiver.feed(encode(GOOD))) == [GOOD]


def test_longest_chunk_is_judged_by_its_contents_not_its_length() -> None:
    receiver = FrameReceiver(RESTART)
    assert list(receiver.feed(b"\x01" * ENCODED_MAX + b"\0")) == []
    assert receiver.counters == Counters(crc_errors=1)


def test_empty_chunks_are_nothing() -> None:
    receiver = FrameReceiver(RESTART)
    assert list(receiver.feed(b"\0\0\0" + encode(GOOD) + b"\0\0")) == [GOOD]
    assert receiver.counters == Counters(received=1)


def test_payload_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="241 bytes, at most 240"):
        encode(Frame(1, 0, bytes(PAYLOAD_MAX + 1)))


@given(st.binary(max_size=PAYLOAD_MAX))
def test_wire_length_is_known_in_advance(payload: bytes) -> None:
    assert len(encode(Frame(1, 0, payload))) == len(payload) + OVERHEAD + 2


@pytest.mark.fuzz
@given(noise=st.binary(max_size=600), cut=st.integers(0, 900))
def test_in_step_again_at_the_next_zero(noise: bytes, cut: int) -> None:
    receiver = FrameReceiver(RESTART)
    stream = noise + b"\0" + encode(GOOD)
    frames = [*receiver.feed(stream[:cut]), *receiver.feed(stream[cut:])]
    assert frames[-1] == GOOD


SEQUENCES: dict[str, tuple[list[tuple[int, int]], int, int]] = {
    # (type, sequence) ...; lost, stale
    "without a gap": ([(1, 0), (1, 1), (1, 2)], 0, 0),
    "first ones missing": ([(1, 2)], 2, 0),
    "a gap": ([(1, 0), (1, 4)], 3, 0),
    "over the wrap": ([(RESTART, 65534), (1, 65535), (1, 0), (1, 2)], 1, 0),
    "a hello restarts": ([(1, 0), (RESTART, 300), (1, 301)], 0, 0),
    "a sender that was reset": ([(1, 0), (1, 1), (1, 0), (1, 1), (1, 2)], 0, 2),
    "a frame twice": ([(1, 0), (1, 1), (1, 1), (1, 2)], 0, 1),
    "a frame too late": ([(1, 0), (1, 2), (1, 1), (1, 3)], 1, 1),
    "the widest gap": ([(1, 32767)], 32767, 0),
    "a step back": ([(1, 32768)], 0, 1),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_gaps_in_the_numbering_are_lost_frames(name: str) -> None:
    numbered, lost, stale = SEQUENCES[name]
    receiver = FrameReceiver(RESTART)
    stream = b"".join(encode(Frame(type_, sequence, b"")) for type_, sequence in numbered)
    assert len(list(receiver.feed(stream))) == len(numbered)
    assert (receiver.counters.lost, receiver.counters.stale) == (lost, stale)
