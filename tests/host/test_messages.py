"""The message table: golden payloads, values that do not fit, payloads that are not what their type claims."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.frame import PAYLOAD_MAX
from host.messages import FAMILIES, TYPES, c_header, decode
from host.messages.sample import Answer, Final, Infer, Load, Refused, Result, Source
from host.messages.session import Hello, Level, Log
from host.messages.settings import Configure
from host.messages.stream import Push
from host.messages.wire import U8, U32, Message, MessageError, Rest, Text, Unsigned

ENTRIES = [entry for entry in json.loads((Path(__file__).parents[1] / "vectors/frames.json").read_text())
           if "message" in entry]  # fmt: skip


def values(message: type[Message], fields: dict[str, Any]) -> dict[str, Any]:
    """Field values of a golden vector, bytes from their hexadecimal."""
    return {field.name: bytes.fromhex(fields[field.name]) if field.python is bytes else field.python(fields[field.name])
            for field in message.LAYOUT}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_golden_payloads_both_ways(entry: dict[str, Any]) -> None:
    message = TYPES[entry["type"]]
    assert message.__name__ == entry["message"]
    expected: Any = message(**values(message, entry["fields"]))
    payload = bytes.fromhex(entry["payload"])
    assert expected.encode() == payload
    assert decode(entry["type"], payload) == expected
    assert all(type(getattr(decode(entry["type"], payload), name)) is type(value)
               for name, value in asdict(expected).items())  # fmt: skip


def test_every_message_has_a_golden_vector() -> None:
    assert {entry["type"] for entry in ENTRIES} == set(TYPES)


def test_types_are_unique() -> None:
    assert len(TYPES) == sum(len(family.messages) for family in FAMILIES.values())


def test_unknown_type_is_no_message() -> None:
    assert decode(0x7F, b"anything") is None


def strategy(message: type[Message]) -> st.SearchStrategy[Message]:
    def field(python: type, wire: object) -> st.SearchStrategy[Any]:
        if isinstance(wire, Unsigned):
            return st.integers(0, wire.highest).map(python)
        return st.text(max_size=25) if python is str else st.binary(max_size=100)

    built: Any = st.builds(message, **{item.name: field(item.python, item.wire) for item in message.LAYOUT})
    return built  # type: ignore[no-any-return]


@pytest.mark.fuzz
@given(st.one_of([strategy(message) for message in TYPES.values()]))
def test_what_is_encoded_is_decoded(message: Message) -> None:
    assert decode(message.TYPE, message.encode()) == message


@pytest.mark.fuzz
@given(type_=st.sampled_from(sorted(TYPES)), payload=st.binary(max_size=PAYLOAD_MAX))
def test_any_payload_is_decoded_or_refused(type_: int, payload: bytes) -> None:
    try:
        message = decode(type_, payload)
    except MessageError:
        return
    assert message is not None
    # Text that is not UTF-8 comes back with replacement characters; all else comes back as it was.
    if not isinstance(message, Hello | Log):
        assert message.encode() == payload


NOT_ENCODABLE = {
    "sample beyond u32": (Infer(sample=1 << 32), "Infer.sample is 4294967296, expected 0 to 4294967295"),
    "negative": (Infer(sample=-1), "Infer.sample is -1"),
    "class beyond u8": (Answer(sample=0, class_index=256, probability=0), "Answer.class_index is 256"),
    "data beyond a frame": (Load(sample=0, offset=0, data=bytes(233)), "241 bytes, at most 240"),
    "frames beyond a frame": (Push(sample=0, step=0, data=bytes(235)), "241 bytes, at most 240"),
    "a step beyond u16": (Push(sample=0, step=1 << 16, data=b""), "Push.step is 65536, expected 0 to 65535"),
}


@pytest.mark.parametrize("name", NOT_ENCODABLE)
def test_values_that_do_not_fit_are_refused(name: str) -> None:
    message, problem = NOT_ENCODABLE[name]
    with pytest.raises(MessageError, match=problem):
        message.encode()


NOT_DECODABLE = {
    "empty": (Infer, b"", "Infer has 0 bytes and ends within 'sample'"),
    "a byte too few": (Infer, bytes(3), "Infer has 3 bytes and ends within 'sample'"),
    "a byte too many": (Infer, bytes(5), "Infer has 5 bytes, expected 4"),
    "an unknown stage": (Result, bytes(7) + b"\x04" + bytes(18), "Result.stage is 4, expected 0 to 3"),
    "an unknown reason": (Refused, bytes(5) + b"\x08", "Refused.reason is 8, expected 0 to 7"),
    "an unknown consent": (Configure, bytes(10) + b"\x03" + bytes(4), "Configure.consent is 3, expected 0 to 2"),
    "no step": (Push, bytes(5), "Push has 5 bytes and ends within 'step'"),
    "an unknown source": (Final, bytes(7) + b"\x04" + bytes(4), "Final.source is 4, expected 0 to 3"),
    "text beyond the end": (Hello, bytes(49) + b"\x05abcd", "ends within 'board'"),
    "no second text": (Hello, bytes(49) + b"\x04abcd", "ends within 'firmware'"),
    "bytes after the text": (Hello, bytes(49) + b"\x00\x00\x00!", "Hello has 53 bytes, expected 52"),
}


@pytest.mark.parametrize("name", NOT_DECODABLE)
def test_payloads_that_are_not_the_message_are_refused(name: str) -> None:
    message, payload, problem = NOT_DECODABLE[name]
    with pytest.raises(MessageError, match=problem):
        message.decode(payload)


def test_a_log_line_that_is_not_utf8_is_shown_all_the_same() -> None:
    assert Log.decode(b"\x01caf\xe9") == Log(level=Level.WARNING, text="caf\ufffd")


def test_values_of_an_enumeration_come_back_as_that() -> None:
    final = Final.decode(Final(1, 2, 3, Source.HOST, 4).encode())
    assert final.source is Source.HOST


def test_a_layout_that_c_cannot_address_is_refused() -> None:
    with pytest.raises(TypeError, match="fixed size first"):

        @dataclass(frozen=True)
        class TextFirst(Message):
            TYPE = 0x70
            text: Text
            number: U8

    with pytest.raises(TypeError, match="at most one Rest"):

        @dataclass(frozen=True)
        class TwoRests(Message):
            TYPE = 0x71
            number: U32
            one: Rest
            two: Rest


def test_the_command_writes_the_header_and_leaves_an_unchanged_one_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "host.messages", "--out", str(tmp_path / "new")]
    header = tmp_path / "new/messages.h"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{header}\n"
    assert header.read_text() == c_header.render()
    date = header.stat().st_mtime_ns
    subprocess.run(command, capture_output=True, check=True)
    assert header.stat().st_mtime_ns == date


def test_a_folder_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "host.messages", "--out", str(tmp_path / "file/below")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and "--out" in result.stderr and "Traceback" not in result.stderr


def test_the_table_needs_the_standard_library_only() -> None:
    code = "import host.messages, sys; print(sorted({'numpy', 'serial', 'rich', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
