"""The message table as a C header: `render()` returns the text of messages.h.

For each message, where a Text or Rest field is a pointer and a length (decoding copies nothing: the pointers lead into
the payload, and the text is not terminated):

    struct message_load { uint32_t sample; uint32_t offset; const uint8_t *data; size_t data_length; };
    enum message_status message_load_encode(const struct message_load *, uint8_t *payload, size_t capacity, size_t *length);
    enum message_status message_load_decode(struct message_load *, const uint8_t *payload, size_t length);
"""

import enum
import inspect
import re

from host.frame import PAYLOAD_MAX
from host.messages import FAMILIES
from host.messages.wire import Counted, Family, Field, Message, Remaining, Unsigned

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
    name, fields = c_name(message), message.LAYOUT
    fixed = [field for field in fields if isinstance(field.wire, Unsigned)]
    variable = [field for field in fields if not isinstance(field.wire, Unsigned)]
    fixed_bytes = sum(field.wire.size for field in fixed if isinstance(field.wire, Unsigned))
    counts = sum(isinstance(field.wire, Counted) for field in variable)
    upper = f"MESSAGE_{name.upper()}"
    text = f"/* {inspect.getdoc(message)} */\n"
    if not variable:
        text += f"#define {upper}_BYTES {fixed_bytes}u\n"
    else:
        text += f"#define {upper}_FIXED_BYTES {fixed_bytes}u /* before the first field of variable length */\n"
        if isinstance(variable[-1].wire, Remaining) and not counts:
            text += f"#define {upper}_{variable[-1].name.upper()}_MAX (FRAME_PAYLOAD_MAX - {upper}_FIXED_BYTES)\n"
    if not fields:
        return text + "\n"
    declarations = "".join(_declaration(field) for field in fields)
    return (
        text
        + f"\nstruct message_{name} {{\n{declarations}}};\n\n"
        + _encoder(name, fixed, variable, fixed_bytes)
        + _decoder(name, fixed, variable, fixed_bytes)
    )


def _declaration(field: Field) -> str:
    if isinstance(field.wire, Unsigned):
        return f"    {field.wire.c_type} {field.name};\n"
    pointer = "const char" if field.python is str else "const uint8_t"
    return f"    {pointer} *{field.name};\n    size_t {field.name}_length;\n"


def _encoder(name: str, fixed: list[Field], variable: list[Field], fixed_bytes: int) -> str:
    lines = [
        f"static inline MESSAGE_CHECKED enum message_status message_{name}_encode(",
        f"    const struct message_{name} *message, uint8_t *payload, size_t capacity, size_t *length)",
        "{",
    ]
    limit = "capacity < FRAME_PAYLOAD_MAX ? capacity : FRAME_PAYLOAD_MAX"
    if variable:
        # Lengths are tested one by one so that no sum of them can overflow.
        lines += [
            f"    size_t left = {limit};",
            f"    if (left < {fixed_bytes}u) {{",
            "        return MESSAGE_NO_ROOM;",
        ]
        lines += ["    }", f"    left -= {fixed_bytes}u;"]
        for field in variable:
            count = 1 if isinstance(field.wire, Counted) else 0
            test = f"left < 1u || message->{field.name}_length > left - 1u" if count else None
            lines += [
                f"    if ({test or f'message->{field.name}_length > left'}) {{",
                "        return MESSAGE_NO_ROOM;",
            ]
            lines += ["    }", f"    left -= {'1u + ' if count else ''}message->{field.name}_length;"]
    else:
        lines += [f"    if (capacity < {fixed_bytes}u) {{", "        return MESSAGE_NO_ROOM;", "    }"]
    at = 0
    for field in fixed:
        assert isinstance(field.wire, Unsigned)
        lines.append(f"    message_put_u{8 * field.wire.size}(payload + {at}, message->{field.name});")
        at += field.wire.size
    if variable:
        lines.append(f"    size_t at = {fixed_bytes}u;")
        for field in variable:
            if isinstance(field.wire, Counted):
                lines.append(f"    message_put_u8(payload + at++, (uint8_t)message->{field.name}_length);")
            lines.append(f"    message_put_bytes(payload + at, message->{field.name}, message->{field.name}_length);")
            lines.append(f"    at += message->{field.name}_length;")
        lines.append("    *length = at;")
    else:
        lines.append(f"    *length = {fixed_bytes}u;")
    return "\n".join([*lines, "    return MESSAGE_OK;", "}", "", ""])


def _decoder(name: str, fixed: list[Field], variable: list[Field], fixed_bytes: int) -> str:
    lines = [
        f"static inline MESSAGE_CHECKED enum message_status message_{name}_decode(",
        f"    struct message_{name} *message, const uint8_t *payload, size_t length)",
        "{",
    ]
    if fixed_bytes:
        lines += [f"    if (length < {fixed_bytes}u) {{", "        return MESSAGE_TRUNCATED;", "    }"]
    at = 0
    for field in fixed:
        wire = field.wire
        assert isinstance(wire, Unsigned)
        if wire.highest < (1 << (8 * wire.size)) - 1:
            lines += [f"    if (payload[{at}] > {wire.highest}u) {{", "        return MESSAGE_BAD_VALUE;", "    }"]
        value = f"message_get_u{8 * wire.size}(payload + {at})"
        lines.append(f"    message->{field.name} = {value}{' != 0' if wire.c_type == 'bool' else ''};")
        at += wire.size
    if variable:
        lines.append(f"    size_t at = {fixed_bytes}u;")
    for field in variable:
        here = "(const char *)(payload + at)" if field.python is str else "payload + at"
        if isinstance(field.wire, Counted):
            lines += [
                "    if (length - at < 1u || payload[at] > length - at - 1u) {",
                "        return MESSAGE_TRUNCATED;",
            ]
            lines += ["    }", f"    message->{field.name}_length = message_get_u8(payload + at++);"]
        else:
            lines.append(f"    message->{field.name}_length = length - at;")
        lines.append(f"    message->{field.name} = {here};")
        lines.append(f"    at += message->{field.name}_length;")
    end = "at" if variable else f"{fixed_bytes}u"
    lines.append(f"    return length > {end} ? MESSAGE_TOO_LONG : MESSAGE_OK;")
    return "\n".join([*lines, "}", "", ""])
