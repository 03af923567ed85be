"""Writes frames.json: golden frames, made with struct, zlib and PyPI's cobs, and with nothing of this project.

    python tests/vectors/write_frames.py

Each entry: `name`, `type`, `sequence`, `payload` and `wire` (hexadecimal, delimiter included), and for a message of the
table its `message` and `fields` (bytes as hexadecimal). Run it after adding an entry below; an old entry never changes
unless the protocol number does.
"""

import json
import struct
import zlib
from pathlib import Path

from cobs import cobs

LENGTHS = (0, 1, 239, 240)  # the shortest payloads and the longest
PLAIN = {
    **{f"counting_{length}": bytes(i % 251 for i in range(length)) for length in LENGTHS},
    **{f"zeros_{length}": bytes(length) for length in (1, 2, 240)},
    **{f"ones_{length}": b"\xff" * length for length in (1, 239, 240)},
    "zero_first": b"\0abc",
    "zero_last": b"abc\0",
    "zeros_between": b"\0a\0\0b\0",
}

U8, U16, U32, U64 = 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF

# message, type, format of the fixed fields, their names and values, then what follows them: text (with a length byte)
# or rest (bytes, or text, up to the end).
MESSAGES = (
    ("HelloRequest", 0x01, "<", {}, {}, {}),
    ("Load", 0x02, "<II", {"sample": 7, "offset": 0}, {}, {"data": b"\x80\x00\x7f"}),
    ("Load", 0x02, "<II", {"sample": U32, "offset": 464}, {}, {"data": bytes(232)}),
    ("Load", 0x02, "<II", {"sample": 0, "offset": 0}, {}, {"data": b""}),
    ("Infer", 0x03, "<I", {"sample": 0x01020304}, {}, {}),
    ("Answer", 0x04, "<IBH", {"sample": 3, "class_index": 9, "probability": 32768}, {}, {}),
    (
        "Configure",
        0x05,
        "<IHIBI",
        {"session": 0x01020304, "threshold": 29491, "deadline_ms": 2000, "consent": 1, "consent_ms": 30000},
        {},
        {},
    ),
    ("Ping", 0x06, "<I", {"token": 0x0A0B0C0D}, {}, {}),
    ("StatisticsRequest", 0x07, "<", {}, {}, {}),
    ("ReadOutput", 0x08, "<BI", {"index": 0, "offset": 10}, {}, {}),
    ("Push", 0x09, "<IH", {"sample": 7, "step": 0}, {}, {"data": b"\x80\x00\x7f\x01"}),
    ("Push", 0x09, "<IH", {"sample": U32, "step": U16}, {}, {"data": b"\xff" * 234}),
    ("Finish", 0x0A, "<I", {"sample": 0x01020304}, {}, {}),
    ("Resend", 0x0B, "<IIH", {"sample": 7, "offset": 228, "length": 32}, {}, {}),
    ("Release", 0x0C, "<I", {"sample": U32}, {}, {}),
    ("Decline", 0x0D, "<I", {"sample": 0}, {}, {}),
    ("Capture", 0x0E, "<I", {"sample": 0x01020304}, {}, {}),
    (
        "Hello",
        0x81,
        "<HQIBBIIHHIIHBIHI",
        {
            "protocol": 4,
            "model_hash": 0x0123456789ABCDEF,
            "clock_hz": 180_000_000,
            "cycle_source": 0,
            "engine": 0,
            "input_bytes": 64,
            "output_bytes": 10,
            "classes": 10,
            "threshold": 29491,
            "deadline_ms": 2000,
            "ram_bytes": 512,
            "steps": 0,
            "consent": 0,
            "consent_ms": 30000,
            "receive_bytes": 512,
            "source_count": 0,
        },
        {"board": "nucleo_f446re", "firmware": "0.1.0", "source": ""},
        {},
    ),
    (
        "Hello",
        0x81,
        "<HQIBBIIHHIIHBIHI",
        {
            "protocol": U16,
            "model_hash": U64,
            "clock_hz": U32,
            "cycle_source": 1,
            "engine": 1,
            "input_bytes": U32,
            "output_bytes": U32,
            "classes": U16,
            "threshold": U16,
            "deadline_ms": U32,
            "ram_bytes": U32,
            "steps": U16,
            "consent": 2,
            "consent_ms": U32,
            "receive_bytes": U16,
            "source_count": U32,
        },
        {"board": "µ", "firmware": "µ" * 90, "source": "vector"},  # 49 + 1 + 2 + 1 + 180 + 1 + 6 bytes: a full frame
        {},
    ),
    (
        "Result",
        0x82,
        "<IBHBHIIIQ",
        {
            "sample": 7,
            "class_index": 3,
            "score": 32767,
            "stage": 0,
            "steps": 0,
            "origin": 0,
            "infer_cycles": 123456,
            "gate_cycles": 789,
            "ticks": 0x0102030405060708,
        },
        {},
        {},
    ),
    (
        "Result",
        0x82,
        "<IBHBHIIIQ",
        {
            "sample": U32,
            "class_index": U8,
            "score": 0,
            "stage": 3,
            "steps": U16,
            "origin": U32,
            "infer_cycles": U32,
            "gate_cycles": 0,
            "ticks": U64,
        },
        {},
        {},
    ),
    ("Uplink", 0x83, "<III", {"sample": 7, "offset": 0, "total": 64}, {}, {"data": bytes(range(64))}),
    ("Uplink", 0x83, "<III", {"sample": 8, "offset": 228, "total": 456}, {}, {"data": b"\xff" * 228}),
    (
        "Final",
        0x84,
        "<IBHBI",
        {"sample": 7, "class_index": 3, "probability": 16384, "source": 1, "wait_cycles": 1000},
        {},
        {},
    ),
    (
        "Final",
        0x84,
        "<IBHBI",
        {"sample": 8, "class_index": 0, "probability": 1, "source": 3, "wait_cycles": U32},
        {},
        {},
    ),
    (
        "Settings",
        0x85,
        "<IHIBI",
        {"session": U32, "threshold": 0, "deadline_ms": 60000, "consent": 2, "consent_ms": 0},
        {},
        {},
    ),
    (
        "Statistics",
        0x86,
        "<15I",
        {
            "samples": 360,
            "accepted": 300,
            "abstained": 60,
            "answered": 58,
            "fallbacks": 2,
            "withheld": 9,
            "refused": 1,
            "frames_received": 1000,
            "frames_sent": 900,
            "frames_lost": 3,
            "crc_errors": 4,
            "cobs_errors": 5,
            "oversize": 6,
            "unknown_type": 7,
            "receive_overruns": 8,
        },
        {},
        {},
    ),
    ("Output", 0x87, "<BI", {"index": 0, "offset": 0}, {}, {"data": b"\x80\x81\x00\x7f"}),
    ("Refused", 0x88, "<BIB", {"type": 9, "sample": 9, "reason": 5}, {}, {}),
    ("Refused", 0x88, "<BIB", {"type": 14, "sample": 9, "reason": 7}, {}, {}),
    ("Log", 0x89, "<B", {"level": 2}, {}, {"text": "clock: PLL did not lock, running at 16 MHz"}),
    ("Log", 0x89, "<B", {"level": 0}, {}, {"text": ""}),
    (
        "Step",
        0x8A,
        "<IHBHII",
        {"sample": 7, "steps": 12, "class_index": 3, "score": 20000, "infer_cycles": 123456, "gate_cycles": 789},
        {},
        {},
    ),
    ("Loaded", 0x8B, "<IIH", {"sample": 7, "length": 464, "request": 65535}, {}, {}),
    ("Pong", 0x8C, "<IQ", {"token": 0x0A0B0C0D, "ticks": 0x0102030405060708}, {}, {}),
    (
        "Step",
        0x8A,
        "<IHBHII",
        {"sample": U32, "steps": U16, "class_index": U8, "score": 0, "infer_cycles": U32, "gate_cycles": U32},
        {},
        {},
    ),
)


def frame(name: str, type_: int, sequence: int, payload: bytes) -> dict[str, object]:
    raw = struct.pack("<BH", type_, sequence) + payload
    wire = cobs.encode(raw + struct.pack("<I", zlib.crc32(raw))) + b"\0"
    return {"name": name, "type": type_, "sequence": sequence, "payload": payload.hex(), "wire": wire.hex()}


def main() -> None:
    # 0x7F is in no table: frames carry any type. The numbering runs through 65535 to 0.
    entries = [frame(name, 0x7F, (65533 + index) % 65536, data) for index, (name, data) in enumerate(PLAIN.items())]
    for message, type_, form, fixed, texts, rest in MESSAGES:
        payload = struct.pack(form, *fixed.values())
        for text in texts.values():
            payload += struct.pack("<B", len(text.encode())) + text.encode()
        for data in rest.values():
            payload += data.encode() if isinstance(data, str) else data
        fields = fixed | texts | {name: data if isinstance(data, str) else data.hex() for name, data in rest.items()}
        entry = frame(f"{message.lower()}_{len(entries)}", type_, (65533 + len(entries)) % 65536, payload)
        entries.append(entry | {"message": message, "fields": fields})
    path = Path(__file__).with_name("frames.json")
    path.write_text("[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]\n")


if __name__ == "__main__":
    main()
