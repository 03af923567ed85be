"""The message table as a C header: `render()` returns the text of messages.h.

For each message, where a Text or Rest field is a pointer and a length (decoding copies nothing: the pointers lead into
the payload, and the text is not terminated):

    struct message_load { uint32_t sample; uint32_t offset; const uint8_t *data; size_t data_length; };
    enum message_status message_load_encode(const struct message_load *, uint8_t *, size_t capacity, size_t *length);
    enum message_status message_load_decode(struct message_load *, const uint8_t *, size_t length);
"""

import enum
import inspect
import re
from dataclasses import dataclass
from typing import Self

from host.frame import PAYLOAD_MAX
from host.messages import FAMILIES
from host.messages.wire import Counted, Family, Field, Message, Unsigned

_OPENING = """\
/* Messages between host and board. Written by `python -m host.messages` from the table in host/messages: edit that.
 *
 * A message is the payload of a frame (frame.h) whose type is its `enum message_type`. All integers are little endian.
 * Decoding copies nothing: pointers in a decoded struct lead into the payload, and texts are not terminated. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "frame.h"

_Static_assert(FRAME_PAYLOAD_MAX == {payload_max}u, "frame.h and the message table disagree about the longest payload");

enum message_status {{
    MESSAGE_OK,
    MESSAGE_TRUNCATED, /* decoding: the payload ends within a field */
    MESSAGE_TOO_LONG,  /* decoding: bytes are left over */
    MESSAGE_BAD_VALUE, /* decoding: a flag or an enumeration outside its values */
    MESSAGE_NO_ROOM,   /* encoding: more bytes than the buffer, a frame or a text's length byte can hold */
}};

#define MESSAGE_CHECKED __attribute__((warn_unused_result))

"""

_PRIMITIVES = """\
static inline uint8_t message_get_u8(const uint8_t *at)
{
    return at[0];
}

static inline uint16_t message_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | ((uint32_t)at[1] << 8));
}

static inline uint32_t message_get_u32(const uint8_t *at)
{
    return at[0] | ((uint32_t)at[1] << 8) | ((uint32_t)at[2] << 16) | ((uint32_t)at[3] << 24);
}

static inline uint64_t message_get_u64(const uint8_t *at)
{
    return message_get_u32(at) | ((uint64_t)message_get_u32(at + 4) << 32);
}

static inline void message_put_u8(uint8_t *at, uint8_t value)
{
    at[0] = value;
}

static inline void message_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void message_put_u32(uint8_t *at, uint32_t value)
{
    message_put_u16(at, (uint16_t)value);
    message_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline void message_put_u64(uint8_t *at, uint64_t value)
{
    message_put_u32(at, (uint32_t)value);
    message_put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline void message_put_bytes(uint8_t *at, const void *bytes, size_t length)
{
    if (length > 0) { /* memmove from a null pointer is undefined even for no bytes; the bytes may already be here */
        memmove(at, bytes, length);
    }
}

"""


def render() -> str:
    """The header, the same bytes for the same table."""
    messages = [message for family in FAMILIES.values() for message in family.messages]
    parts = [_OPENING.format(payload_max=PAYLOAD_MAX), _types(messages)]
    parts += [_constants(family) for family in FAMILIES.values() if family.constants]
    parts += [_enumeration(kind) for family in FAMILIES.values() for kind in family.enums]
    parts.append(_PRIMITIVES)
    for name, family in FAMILIES.items():
        parts.append(f"/* --- {name} --- */\n\n")
        parts += [_message(message) for message in family.messages]
    return "".join(parts) + "#endif\n"


def c_name(message: type[Message]) -> str:
    """HelloRequest -> hello_request."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", message.__name__).lower()


def _types(messages: list[type[Message]]) -> str:
    lines = [
        f"    MESSAGE_{c_name(message).upper()} = 0x{message.TYPE:02X},\n"
        for message in sorted(messages, key=lambda m: m.TYPE)
    ]
    return "enum message_type {\n" + "".join(lines) + "};\n\n"


def _constants(family: Family) -> str:
    lines = [f"#define MESSAGE_{name} {value}u /* {meaning} */\n" for name, value, meaning in family.constants]
    return "".join(lines) + "\n"


def _enumeration(kind: type[enum.IntEnum]) -> str:
    snake = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", kind.__name__).lower()
    members = "".join(f"    MESSAGE_{snake.upper()}_{member.name} = {member.value},\n" for member in kind)
    return f"/* {inspect.getdoc(kind)} */\nenum message_{snake} {{\n{members}}};\n\n"


def _message(message: type[Message]) -> str:
    """Size constants, struct, encoder and decoder of one message; only the size of one without fields."""
    shape = _Shape.of(message)
    upper = f"MESSAGE_{shape.name.upper()}"
    text = f"/* {inspect.getdoc(message)} */\n"
    if not shape.variable:
        text += f"#define {upper}_BYTES {shape.fixed_bytes}u\n"
    else:
        text += f"#define {upper}_FIXED_BYTES {shape.fixed_bytes}u /* before the first field of variable length */\n"
    if len(shape.variable) == 1:
        longest = f"{upper}_{shape.variable[0].name.upper()}_MAX"
        text += f"#define {longest} (FRAME_PAYLOAD_MAX - {shape.least_bytes}u) /* bytes that fit in a frame */\n"
    if not message.LAYOUT:
        return text + "\n"
    declarations = "".join(_declaration(field) for field in message.LAYOUT)
    return f"{text}\nstruct message_{shape.name} {{\n{declarations}}};\n\n{_encoder(shape)}\n{_decoder(shape)}\n"


@dataclass(frozen=True)
class _Shape:
    """A message as C sees it: fields at constant offsets, then fields of variable length."""

    name: str
    fixed: tuple[tuple[int, str, Unsigned], ...]  # offset, name, type
    variable: tuple[Field, ...]

    @classmethod
    def of(cls, message: type[Message]) -> Self:
        fixed, at = [], 0
        for field in message.LAYOUT:
            if isinstance(field.wire, Unsigned):
                fixed.append((at, field.name, field.wire))
                at += field.wire.size
        return cls(c_name(message), tuple(fixed), message.LAYOUT[len(fixed) :])

    @property
    def fixed_bytes(self) -> int:
        return sum(wire.size for _, _, wire in self.fixed)

    @property
    def least_bytes(self) -> int:
        """Bytes of the payload if all fields of variable length are empty: each Text still has its length byte."""
        return self.fixed_bytes + sum(isinstance(field.wire, Counted) for field in self.variable)


def _declaration(field: Field) -> str:
    if isinstance(field.wire, Unsigned):
        return f"    {field.wire.c_type} {field.name};\n"
    pointer = "const char" if field.python is str else "const uint8_t"
    return f"    {pointer} *{field.name};\n    size_t {field.name}_length;\n"


def _encoder(shape: _Shape) -> str:
    text = f"""\
static inline MESSAGE_CHECKED enum message_status message_{shape.name}_encode(
    const struct message_{shape.name} *message, uint8_t *payload, size_t capacity, size_t *length)
{{
"""
    # Lengths are compared one by one with what is left, so that no sum of them can overflow.
    if shape.variable:
        text += "    size_t left = capacity < FRAME_PAYLOAD_MAX ? capacity : FRAME_PAYLOAD_MAX;\n"
        text += _refuse(f"left < {shape.least_bytes}u", "MESSAGE_NO_ROOM")
        text += f"    left -= {shape.least_bytes}u;\n"
    else:
        text += _refuse(f"capacity < {shape.fixed_bytes}u", "MESSAGE_NO_ROOM")
    for field in shape.variable:
        text += _refuse(f"message->{field.name}_length > left", "MESSAGE_NO_ROOM")
        text += f"    left -= message->{field.name}_length;\n"
    for offset, name, wire in shape.fixed:
        text += f"    message_put_u{8 * wire.size}(payload + {offset}, message->{name});\n"
    text += f"    size_t at = {shape.fixed_bytes}u;\n"
    for field in shape.variable:
        if isinstance(field.wire, Counted):
            text += f"    message_put_u8(payload + at++, (uint8_t)message->{field.name}_length);\n"
        text += f"    message_put_bytes(payload + at, message->{field.name}, message->{field.name}_length);\n"
        text += f"    at += message->{field.name}_length;\n"
    return text + "    *length = at;\n    return MESSAGE_OK;\n}\n"


def _decoder(shape: _Shape) -> str:
    text = f"""\
static inline MESSAGE_CHECKED enum message_status message_{shape.name}_decode(
    struct message_{shape.name} *message, const uint8_t *payload, size_t length)
{{
"""
    if shape.least_bytes:
        text += _refuse(f"length < {shape.least_bytes}u", "MESSAGE_TRUNCATED")
    for offset, name, wire in shape.fixed:
        if wire.highest < (1 << 8 * wire.size) - 1:
            text += _refuse(f"payload[{offset}] > {wire.highest}u", "MESSAGE_BAD_VALUE")
        to_bool = " != 0" if wire.c_type == "bool" else ""
        text += f"    message->{name} = message_get_u{8 * wire.size}(payload + {offset}){to_bool};\n"
    text += f"    size_t left = length - {shape.least_bytes}u;\n"
    if shape.variable:
        text += f"    const uint8_t *at = payload + {shape.fixed_bytes}u;\n"
    for field in shape.variable:
        counted = isinstance(field.wire, Counted)
        text += f"    message->{field.name}_length = {'message_get_u8(at++)' if counted else 'left'};\n"
        if counted:
            text += _refuse(f"message->{field.name}_length > left", "MESSAGE_TRUNCATED")
        text += f"    message->{field.name} = {'(const char *)at' if field.python is str else 'at'};\n"
        text += f"    at += message->{field.name}_length;\n    left -= message->{field.name}_length;\n"
    return text + "    return left > 0 ? MESSAGE_TOO_LONG : MESSAGE_OK;\n}\n"


def _refuse(condition: str, status: str) -> str:
    return f"    if ({condition}) {{\n        return {status};\n    }}\n"
