"""Frames on the wire: COBS, a zero as delimiter, CRC-32, a sequence number, a type. Twin of firmware/lib/frame.

    wire = encode(Frame(type=0x03, sequence=0, payload=b"..."))

    receiver = FrameReceiver(restart_type=Hello.TYPE)
    for frame in receiver.feed(port.read(...)):
        ...
    receiver.counters.lost

A frame before COBS, 7 to 247 bytes, integers little endian:

    0       type       u8
    1       sequence   u16   one more than the sender's previous frame, modulo 65536
    3       payload    0 to 240 bytes
    3 + n   crc        u32   CRC-32 of ISO 3309 (zlib.crc32) over type, sequence and payload

COBS (Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999) removes
the zeros and adds one byte; a zero follows. Any chunk between two zeros that is not such a frame is counted and
dropped, and the next one starts fresh: after any damage the receiver is in step again at the next zero. Empty chunks
are nothing, so a sender may send zeros to flush the line.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PAYLOAD_MAX: Final = 240
"""Bytes. With 7 bytes of header and CRC a frame stays within the 254 bytes to which COBS adds exactly one."""

OVERHEAD: Final = 7
"""Bytes of type, sequence and CRC."""

ENCODED_MAX: Final = PAYLOAD_MAX + OVERHEAD + 1
"""Bytes of the longest frame after COBS, without its delimiter: what a receiver must be able to hold."""

_RUN_MAX: Final = 254  # bytes that follow the largest COBS code, 0xFF, which stands for no zero


@dataclass(frozen=True)
class Frame:
    """`type` in 0..255, `sequence` in 0..65535, `payload` of at most PAYLOAD_MAX bytes."""

    type: int
    sequence: int
    payload: bytes


@dataclass
class Counters:
    """What a receiver saw. Fields in the order of `struct frame_counters`."""

    received: int = 0
    lost: int = 0  # gaps in the sender's numbering
    stale: int = 0  # numbers that were there before: repeated, late, or of a sender that was reset without a hello
    crc_errors: int = 0  # including chunks too short to hold a CRC
    cobs_errors: int = 0
    oversize: int = 0

    @property
    def damaged(self) -> int:
        """Chunks that were no frame, whatever was wrong with them."""
        return self.crc_errors + self.cobs_errors + self.oversize


class CobsError(ValueError):
    """Bytes that no COBS encoder writes."""


def cobs_encode(data: bytes) -> bytes:
    """`data` without zeros, len(data) // 254 + 1 bytes longer at most."""
    encoded = bytearray()
    blocks = data.split(b"\0")
    for index, block in enumerate(blocks):
        while len(block) > _RUN_MAX:
            encoded += b"\xff" + block[:_RUN_MAX]
            block = block[_RUN_MAX:]
        # A full run that ends the data stands alone: its code already says that no zero follows.
        encoded += bytes([len(block) + 1]) + block
        if len(block) == _RUN_MAX and index < len(blocks) - 1:
            encoded += b"\x01"
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes:
    """Inverse of cobs_encode for bytes without their delimiter. Raises CobsError."""
    data = bytearray()
    at = 0
    while at < len(encoded):
        code = encoded[at]
        run = encoded[at + 1 : at + code]
        if code == 0 or 0 in run:
            raise CobsError(f"a zero within the {len(encoded)} encoded bytes")
        if len(run) < code - 1:
            raise CobsError(f"code {code} at byte {at} points beyond the {len(encoded)} encoded bytes")
        data += run
        at += code
        if code <= _RUN_MAX and at < len(encoded):
            data.append(0)
    return bytes(data)


def encode(frame: Frame) -> bytes:
    """The frame as it goes on the wire, delimiter included. Raises ValueError for a payload longer than PAYLOAD_MAX."""
    if len(frame.payload) > PAYLOAD_MAX:
        raise ValueError(f"a payload of {len(frame.payload)} bytes, at most {PAYLOAD_MAX} fit in a frame")
    raw = bytes([frame.type]) + frame.sequence.to_bytes(2, "little") + frame.payload
    return cobs_encode(raw + zlib.crc32(raw).to_bytes(4, "little")) + b"\0"


class FrameReceiver:
    """Bytes in, frames out. A frame of `restart_type` (HELLO on the host) begins the numbering anew, without a gap."""

    def __init__(self, restart_type: int) -> None:
        self.counters = Counters()
        self._restart_type = restart_type
        self._expected = 0
        self._chunk = bytearray()  # since the last delimiter; never longer than ENCODED_MAX
        self._oversize = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Consume all of `data` and yield the frames that it completes."""
        *chunks, rest = data.split(b"\0")
        for chunk in chunks:
            self._collect(chunk)
            frame = self._finish()
            if frame:
                yield frame
        self._collect(rest)

    def _collect(self, data: bytes) -> None:
        room = ENCODED_MAX - len(self._chunk)
        self._oversize = self._oversize or len(data) > room
        self._chunk += data[:room]

    def _finish(self) -> Frame | None:
        """Judge the chunk that a delimiter has just closed."""
        chunk, oversize = bytes(self._chunk), self._oversize
        self._chunk, self._oversize = bytearray(), False
        if oversize:
            self.counters.oversize += 1
            return None
        if not chunk:
            return None
        try:
            raw = cobs_decode(chunk)
        except CobsError:
            self.counters.cobs_errors += 1
            return None
        if len(raw) < OVERHEAD or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            self.counters.crc_errors += 1
            return None
        frame = Frame(type=raw[0], sequence=int.from_bytes(raw[1:3], "little"), payload=raw[3:-4])
        self._count(frame)
        return frame

    def _count(self, frame: Frame) -> None:
        gap = 0 if frame.type == self._restart_type else (frame.sequence - self._expected) % 65536
        self.counters.received += 1
        # Half the range or more is a step back: no line loses 32768 frames in a row.
        if gap >= 32768:
            self.counters.stale += 1
        else:
            self.counters.lost += gap
            self._expected = (frame.sequence + 1) % 65536
