"""Wire types, and the base class that turns a dataclass of them into a payload and back. Standard library only.

    @dataclass(frozen=True)
    class Load(Message):
        TYPE = 0x02
        sample: U32
        offset: U32
        data: Rest

    payload = Load(sample=7, offset=0, data=b"...").encode()
    message = Load.decode(payload)

Layout of a payload: its fields in order, without padding, all integers little endian.

    U8 U16 U32 U64    1, 2, 4, 8 bytes, unsigned
    Flag              1 byte, 0 or 1
    an IntEnum        1 byte, one of its values, which are 0, 1, 2 ...
    Text              1 byte with the length, then that many bytes of UTF-8
    Rest, RestText    all bytes that remain (RestText: UTF-8); last field only

Fields of fixed size come first, so that their offsets are constants in C. A payload with a byte too few, a byte too
many or a value outside its type is refused. Text that is not UTF-8 is decoded with replacement characters rather than
refused: a log line of a failing board should be shown, not dropped.
"""

import enum
import inspect
import struct
import typing
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from host.errors import HostError
from host.frame import PAYLOAD_MAX


class MessageError(HostError):
    """A message that cannot be put on the wire, or a payload that is not the message its type claims."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, "Host and firmware must be built from the same version of the message table.")


@dataclass(frozen=True)
class Unsigned:
    """An unsigned integer of `size` bytes; `highest` is the largest value allowed."""

    size: int
    highest: int
    code: str  # of the struct module
    c_type: str


@dataclass(frozen=True)
class Counted:
    """Text after a byte with its length."""


@dataclass(frozen=True)
class Remaining:
    """Whatever is left of the payload."""


U8 = Annotated[int, Unsigned(1, 0xFF, "B", "uint8_t")]
U16 = Annotated[int, Unsigned(2, 0xFFFF, "H", "uint16_t")]
U32 = Annotated[int, Unsigned(4, 0xFFFFFFFF, "I", "uint32_t")]
U64 = Annotated[int, Unsigned(8, 0xFFFFFFFFFFFFFFFF, "Q", "uint64_t")]
Flag = Annotated[bool, Unsigned(1, 1, "B", "bool")]
Text = Annotated[str, Counted()]
Rest = Annotated[bytes, Remaining()]
RestText = Annotated[str, Remaining()]


@dataclass(frozen=True)
class Field:
    """One field of a message: its name, its Python type and how it lies on the wire."""

    name: str
    python: type
    wire: Unsigned | Counted | Remaining


class Message:
    """Base of all messages. A subclass is a frozen dataclass with a `TYPE` and wire-typed fields."""

    TYPE: ClassVar[int]
    """Below 0x80: host to board. From 0x80: board to host."""

    LAYOUT: ClassVar[tuple[Field, ...]]
    """Fields in wire order, read from the annotations."""

    def __init_subclass__(cls) -> None:
        """Raises TypeError for a message that breaks the rules of this module."""
        cls.LAYOUT = tuple(_field(name, hint) for name, hint in inspect.get_annotations(cls).items())
        order = [(Unsigned, Counted, Remaining).index(type(field.wire)) for field in cls.LAYOUT]
        if order != sorted(order) or order.count(2) > 1:
            raise TypeError(f"{cls.__name__}: fields of fixed size first, then Text, then at most one Rest")

    def encode(self) -> bytes:
        """The payload, 0 to PAYLOAD_MAX bytes. Raises MessageError if a value does not fit its field."""
        payload = b""
        for field in self.LAYOUT:
            value = getattr(self, field.name)
            match field.wire:
                case Unsigned(highest=highest, code=code):
                    if not 0 <= value <= highest:
                        raise MessageError(f"{type(self).__name__}.{field.name} is {value}, expected 0 to {highest}.")
                    payload += struct.pack(f"<{code}", value)
                case Counted():
                    text = value.encode()
                    if len(text) > 0xFF:
                        raise MessageError(
                            f"{type(self).__name__}.{field.name} has {len(text)} bytes, at most 255 fit."
                        )
                    payload += bytes([len(text)]) + text
                case Remaining():
                    payload += value.encode() if field.python is str else bytes(value)
        if len(payload) > PAYLOAD_MAX:
            raise MessageError(f"{type(self).__name__} has {len(payload)} bytes, at most {PAYLOAD_MAX} fit in a frame.")
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """The message in `payload`. Raises MessageError unless every byte is accounted for and every value is valid."""
        values: dict[str, Any] = {}
        at = 0
        for field in cls.LAYOUT:
            match field.wire:
                case Unsigned(size=size, highest=highest):
                    number = int.from_bytes(cls._take(payload, at, size, field.name), "little")
                    if number > highest:
                        raise MessageError(f"{cls.__name__}.{field.name} is {number}, expected 0 to {highest}.")
                    values[field.name] = field.python(number)
                    at += size
                case Counted():
                    length = cls._take(payload, at, 1, field.name)[0]
                    values[field.name] = cls._take(payload, at + 1, length, field.name).decode(errors="replace")
                    at += 1 + length
                case Remaining():
                    rest = payload[at:]
                    values[field.name] = rest.decode(errors="replace") if field.python is str else rest
                    at = len(payload)
        if at != len(payload):
            raise MessageError(f"{cls.__name__} has {len(payload)} bytes, expected {at}.")
        return cls(**values)

    @classmethod
    def _take(cls, payload: bytes, at: int, size: int, name: str) -> bytes:
        if at + size > len(payload):
            raise MessageError(f"{cls.__name__} has {len(payload)} bytes and ends within {name!r}.")
        return payload[at : at + size]


def _field(name: str, hint: Any) -> Field:
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        values = [int(member) for member in hint]
        if values != list(range(len(values))):
            raise TypeError(f"{hint.__name__}: values must be 0, 1, 2 ..., found {values}")
        return Field(name, hint, Unsigned(1, values[-1], "B", "uint8_t"))
    python, wire = typing.get_args(hint)
    return Field(name, python, wire)


@dataclass(frozen=True)
class Family:
    """The messages of one file, with the enumerations and the constants that go to C with them."""

    messages: tuple[type[Message], ...]
    enums: tuple[type[enum.IntEnum], ...] = ()
    constants: tuple[tuple[str, int, str], ...] = ()  # name, value, meaning
