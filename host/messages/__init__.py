"""The messages between host and board: one table, from which Python and C are both served. Standard library only.

    from host.messages import decode
    from host.messages.sample import Infer

    payload = Infer(sample=3).encode()
    message = decode(Infer.TYPE, payload)      # -> Infer(sample=3)

    python -m host.messages --out DIR          # writes DIR/messages.h, the same table in C

A family of messages is one file; a new family is one new file and one line in FAMILIES.
"""

from typing import Final

from host.messages import output, sample, session, settings, statistics, stream
from host.messages.wire import Family, Message

FAMILIES: Final[dict[str, Family]] = {
    "session": session.FAMILY,
    "sample": sample.FAMILY,
    "stream": stream.FAMILY,
    "settings": settings.FAMILY,
    "statistics": statistics.FAMILY,
    "output": output.FAMILY,
}

TYPES: Final[dict[int, type[Message]]] = {
    message.TYPE: message for family in FAMILIES.values() for message in family.messages
}


def decode(type_: int, payload: bytes) -> Message | None:
    """The message, or None for a type that is not in the table. Raises MessageError for a malformed payload."""
    message = TYPES.get(type_)
    return message.decode(payload) if message else None
