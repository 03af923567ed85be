"""The C twin of the frames and messages: golden vectors under sanitizers, and byte streams against the Python twin."""

import ctypes
import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from host.frame import ENCODED_MAX, PAYLOAD_MAX, Frame, FrameReceiver, encode
from host.messages import TYPES, c_header
from host.messages.wire import Counted, Remaining

ROOT = Path(__file__).parents[2]
FRAME = ROOT / "firmware/lib/frame"
VECTORS = json.loads((ROOT / "tests/vectors/frames.json").read_text())
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
RESTART = 0x7E

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def compile_c(*arguments: str | Path) -> None:
    sources = sorted(FRAME.glob("*.c"))
    command = ["gcc", *WARNINGS, "-O1", "-g", f"-I{FRAME}", *map(str, arguments), *map(str, sources)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def c_bytes(name: str, data: bytes) -> str:
    # C has no empty arrays; the length says how much counts.
    return f"static const uint8_t {name}[] = {{{', '.join(map(str, data)) or 0}}};\n"


def render_vectors() -> str:
    """vectors.h: the golden frames as a table, and check_messages()."""
    arrays, rows, functions, calls = "", "", "", ""
    for index, vector in enumerate(VECTORS):
        payload, wire = bytes.fromhex(vector["payload"]), bytes.fromhex(vector["wire"])
        arrays += c_bytes(f"payload_{index}", payload) + c_bytes(f"wire_{index}", wire)
        rows += (
            f'    {{"{vector["name"]}", {vector["type"]}, {vector["sequence"]}, '
            f"payload_{index}, {len(payload)}, wire_{index}, {len(wire)}}},\n"
        )
        if vector.get("fields"):
            functions += render_message(index, vector, len(payload))
            calls += f"    check_message_{index}();\n"
    table = f"static const struct vector vectors[] = {{\n{rows}}};\n"
    return f"{arrays}{table}{functions}static void check_messages(void)\n{{\n{calls}}}\n"


def render_message(index: int, vector: dict[str, Any], length: int) -> str:
    """A function that decodes a golden message, compares each field, encodes it again and refuses its truncations."""
    message = TYPES[vector["type"]]
    name, label = c_header.c_name(message), f'"{vector["name"]}"'
    decode = f"message_{name}_decode(&message, payload, length)"
    encode_ = f"message_{name}_encode(&message, payload, capacity, &length)"
    arrays, checks = "", ""
    for field in message.LAYOUT:
        value = vector["fields"][field.name]
        if isinstance(field.wire, Counted | Remaining):
            data = value.encode() if field.python is str else bytes.fromhex(value)
            arrays += c_bytes(f"{field.name}_{index}", data)
            checks += f"    CHECK(message.{field.name}_length == {len(data)}u, {label});\n"
            checks += f"    CHECK(memcmp(message.{field.name}, {field.name}_{index}, {len(data)}u) == 0, {label});\n"
        else:
            checks += f"    CHECK(message.{field.name} == {value}u, {label});\n"
    fixed = sum(getattr(field.wire, "size", 0) for field in message.LAYOUT)
    takes_any_length = isinstance(message.LAYOUT[-1].wire, Remaining)
    shortest = fixed if takes_any_length else length
    too_long = "" if takes_any_length else f"    CHECK({decode} == MESSAGE_TOO_LONG, {label});\n"
    return f"""{arrays}static void check_message_{index}(void)
{{
    struct message_{name} message = {{0}};
    size_t length = {length};
    uint8_t *payload = copy(payload_{index}, length);
    CHECK({decode} == MESSAGE_OK, {label});
{checks}    uint8_t encoded[FRAME_PAYLOAD_MAX];
    {{
        uint8_t *keep = payload; /* the pointers of `message` lead into it */
        size_t capacity = length;
        payload = encoded;
        CHECK({encode_} == MESSAGE_OK, {label});
        CHECK(length == {length}u && memcmp(encoded, payload_{index}, length) == 0, {label});
        capacity = length - 1;
        CHECK({encode_} == MESSAGE_NO_ROOM, {label});
        free(keep);
    }}
    for (length = 0; length < {shortest}u; length++) {{
        payload = copy(payload_{index}, length);
        CHECK({decode} == MESSAGE_TRUNCATED, {label});
        free(payload);
    }}
    length = {length} + 1;
    payload = calloc(length, 1);
    memcpy(payload, payload_{index}, {length});
{too_long}    free(payload);
}}
"""


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("headers")
    (folder / "messages.h").write_text(c_header.render())
    (folder / "vectors.h").write_text(render_vectors())
    return folder


def test_c_suite_under_sanitizers(headers: Path) -> None:
    program = headers / "test_frame"
    compile_c(ROOT / "firmware/test/frame/test_frame.c", f"-I{headers}", "-fsanitize=address,undefined",
              "-fno-sanitize-recover=all", "-o", program)  # fmt: skip
    result = subprocess.run([program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    assert result.stdout.endswith(" 0 failures\n")


class CFrame(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("payload", ctypes.POINTER(ctypes.c_uint8)),
        ("length", ctypes.c_size_t),
    )


class CReceiver(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("received", "lost", "stale", "crc_errors", "cobs_errors", "oversize")),
        ("chunk_length", ctypes.c_size_t),
        ("expected", ctypes.c_uint16),
        ("restart_type", ctypes.c_uint8),
        ("is_oversize", ctypes.c_bool),
        ("chunk", ctypes.c_uint8 * ENCODED_MAX),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ctypes.CDLL]:
    path = tmp_path_factory.mktemp("library") / "libframe.so"
    compile_c("-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-o", path)
    loaded = ctypes.CDLL(str(path))
    loaded.frame_receiver_push.restype = ctypes.c_bool
    loaded.cobs_decode.restype = ctypes.c_bool
    loaded.cobs_encode.restype = ctypes.c_size_t
    yield loaded


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a line can carry: whole frames, damaged ones, cut ones, noise, runs without a delimiter."""
    stream = b""
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(("frame", "frame", "flipped", "cut", "noise", "run", "zeros")))
        payload = draw(st.binary(max_size=PAYLOAD_MAX) | st.integers(0, PAYLOAD_MAX).map(bytes))
        type_ = draw(st.sampled_from((1, 2, RESTART, 0, 255)))
        wire = encode(Frame(type_, draw(st.integers(0, 5) | st.integers(0, 65535)), payload))
        at = draw(st.integers(0, len(wire) - 1))
        stream += {
            "frame": wire,
            "flipped": wire[:at] + bytes([wire[at] ^ draw(st.integers(1, 255))]) + wire[at + 1 :],
            "cut": wire[:at],
            "noise": draw(st.binary(max_size=64)),
            "run": b"\x01" * (ENCODED_MAX - 2 + draw(st.integers(0, 4))),
            "zeros": bytes(at % 4),
        }[kind]
    return stream


@pytest.mark.fuzz
@given(stream=streams(), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_both_receivers_see_the_same(library: ctypes.CDLL, stream: bytes, cuts: list[int]) -> None:
    c_receiver, c_frame = CReceiver(), CFrame()
    library.frame_receiver_init(ctypes.byref(c_receiver), RESTART)
    c_frames = []
    for byte in stream:
        if library.frame_receiver_push(ctypes.byref(c_receiver), byte, ctypes.byref(c_frame)):
            c_frames.append(Frame(c_frame.type, c_frame.sequence, bytes(c_frame.payload[: c_frame.length])))

    receiver, frames, rest = FrameReceiver(RESTART), [], stream
    for cut in cuts:  # however the operating system cuts the stream into reads
        frames += receiver.feed(rest[:cut])
        rest = rest[cut:]
    frames += receiver.feed(rest)

    assert c_frames == frames
    assert {name: getattr(c_receiver, name) for name in asdict(receiver.counters)} == asdict(receiver.counters)


@pytest.mark.fuzz
@given(type_=st.integers(0, 255), sequence=st.integers(0, 65535), payload=st.binary(max_size=PAYLOAD_MAX))
def test_both_encoders_write_the_same(library: ctypes.CDLL, type_: int, sequence: int, payload: bytes) -> None:
    wire, length = (ctypes.c_uint8 * (ENCODED_MAX + 1))(), ctypes.c_size_t()
    status = library.frame_encode(wire, ctypes.c_size_t(len(wire)), ctypes.byref(length), type_, sequence, payload,
                                  ctypes.c_size_t(len(payload)))  # fmt: skip
    assert status == 0
    assert bytes(wire[: length.value]) == encode(Frame(type_, sequence, payload))


@pytest.mark.parametrize("length", [0, 1, 253, 254, 255, 256, 507, 508, 509, 762, 763])
@pytest.mark.parametrize("alphabet", [b"\x01", b"\x00", b"\xff\x01", bytes(range(256))])
def test_cobs_in_c_equals_the_oracle(library: ctypes.CDLL, length: int, alphabet: bytes) -> None:
    data = bytes(random.Random(length).choices(alphabet, k=length))
    encoded = (ctypes.c_uint8 * (length + length // 254 + 1))()
    used = library.cobs_encode(encoded, data, ctypes.c_size_t(length))
    assert bytes(encoded[:used]) == cobs.encode(data)
    decoded, size = (ctypes.c_uint8 * max(1, length + 1))(), ctypes.c_size_t()
    assert library.cobs_decode(decoded, ctypes.byref(size), encoded, ctypes.c_size_t(used))
    assert bytes(decoded[: size.value]) == data
