"""A cable that damages what it carries, as a pyserial URL around any other port: the test kit's noise, by rates and a
seed.

    faulty://flip=0.01,seed=7/socket://127.0.0.1:4000
    faulty://drop=0.001,truncate.up=0.002,disconnect.down=0.0001//dev/ttyACM0
    faulty://duplicate=0.1,delay=0.1/loop://

    port = open_port(wrap("/dev/ttyACM0", "flip=0.01,seed=7"), baud=460_800)
    cable(url).up.counts.flip

Between `faulty://` and the next slash stand comma-separated `kind=rate`, for both ways, `kind.down=rate`, from the host
to the board, or `kind.up=rate`, from the board to the host; of a kind that is there twice the one with a way counts.
Behind the slash stands the port. Rates are probabilities, 0 where nothing is said:

    flip         of a byte: one to eight of its bits are inverted, delimiters not spared
    drop         of a chunk: it does not arrive
    duplicate    of a chunk: it arrives twice
    delay        of a chunk: it arrives after the next one; if none follows, never
    truncate     of a chunk: a random part at its end does not arrive, and with it the delimiter
    disconnect   of a chunk: it does not arrive, and the port is gone (SerialException) until it is opened again
    seed         an integer, 0 where nothing is said

A chunk is what lies between two zeros, its zero included: a frame (host.frame). It suffers one thing or none, then its
bytes are flipped. What happens follows from the seed and the bytes alone, not from the clock or from how they are cut
into reads and writes. A cable outlives its ports: opened again, the URL goes on where it was, and so do its counts.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from random import Random
from typing import Final

from host.errors import HostError

SCHEME: Final = "faulty://"

WAYS: Final = ("down", "up")
"""From the host to the board, and back."""

NEVER: Final = 1 << 62
"""Bytes: at a gigabyte a second more than a century."""


@dataclass(frozen=True)
class Rates:
    """Probabilities of one way; `flip` of a byte, the others of a chunk, of which one can befall it."""

    flip: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    truncate: float = 0.0
    disconnect: float = 0.0


KINDS: Final = tuple(item.name for item in fields(Rates))

FATES: Final = KINDS[1:]
"""What can befall a chunk."""


@dataclass(frozen=True)
class Faults:
    """What the settings of a URL say."""

    down: Rates
    up: Rates
    seed: int


@dataclass
class Counts:
    """Of one way: the chunks that went in and how many of them suffered what, the bytes that came out, and how many of
    those were flipped."""

    chunks: int = 0
    bytes: int = 0
    flip: int = 0
    drop: int = 0
    duplicate: int = 0
    delay: int = 0
    truncate: int = 0
    disconnect: int = 0


class Line:
    """One way of a cable: bytes in, out comes what arrives of them.

    `disconnected` is True from a disconnection until `reopen`; until then nothing arrives.
    """

    def __init__(self, rates: Rates, seed: str) -> None:
        self.counts = Counts()
        self._rates = rates
        # Two generators, so that the same chunks suffer the same at any rate of flips.
        self._fates, self._noise = Random(f"{seed} fates"), Random(f"{seed} noise")
        self._until_flip = self._gap()
        self.reopen()

    def reopen(self) -> None:
        """The port is opened: what was under way is lost, the faults go on."""
        self.disconnected = False
        self._within = False  # a chunk
        self._fate: str | None = None  # of the chunk that has begun
        self._chunk = b""  # what it has until now, if its fate needs to know
        self._late = b""  # the chunk that comes after the next one

    def feed(self, data: bytes) -> bytes:
        """Consume all of `data` and return what arrives."""
        arriving = bytearray()
        *closed, rest = data.split(b"\0")
        for piece in [*(chunk + b"\0" for chunk in closed), rest]:
            if piece and not self.disconnected:
                arriving += self._take(piece)
        return self._flip(arriving)

    def _take(self, piece: bytes) -> bytes:
        """What arrives when `piece`, the whole or a part of one chunk, has gone in."""
        if not self._within:
            if piece == b"\0":
                return piece  # an empty chunk is nothing that could be lost or overtaken
            self._within, self._fate = True, self._draw()
        if self._fate is not None:
            self._chunk += piece
        ends = piece.endswith(b"\0")
        arriving = b""
        match self._fate:
            case None:
                arriving = piece
            case "duplicate":
                arriving = piece + (self._chunk if ends else b"")
            case "truncate" if ends:
                arriving = self._chunk[: self._fates.randrange(len(self._chunk) - 1)]
            case "disconnect":
                self.disconnected = True
                return b""
        if ends:
            arriving += self._late
            self._late = self._chunk if self._fate == "delay" else b""
            self._within, self._chunk = False, b""
        return arriving

    def _draw(self) -> str | None:
        self.counts.chunks += 1
        drawn = self._fates.random()
        for fate in FATES:
            drawn -= getattr(self._rates, fate)
            if drawn < 0:
                setattr(self.counts, fate, getattr(self.counts, fate) + 1)
                return fate
        return None

    def _flip(self, data: bytearray) -> bytes:
        self.counts.bytes += len(data)
        at = self._until_flip
        while at < len(data):
            data[at] ^= self._noise.randrange(1, 256)
            self.counts.flip += 1
            at += 1 + self._gap()
        self._until_flip = at - len(data)
        return bytes(data)

    def _gap(self) -> int:
        """Bytes that stay whole before the next flipped one: geometrically distributed."""
        rate = self._rates.flip
        if rate in (0.0, 1.0):
            return NEVER if rate == 0.0 else 0
        return math.floor(math.log1p(-self._noise.random()) / math.log1p(-rate))


@dataclass
class Cable:
    """Both ways between host and board."""

    down: Line
    up: Line

    @property
    def disconnected(self) -> bool:
        return self.down.disconnected or self.up.disconnected

    def reopen(self) -> None:
        self.down.reopen()
        self.up.reopen()


_cables: dict[str, Cable] = {}


def cable(url: str) -> Cable:
    """The cable that this process knows by that URL, a new one the first time. Raises HostError for a malformed URL."""
    if url not in _cables:
        faults, _ = split(url)
        _cables[url] = Cable(Line(faults.down, f"{faults.seed} down"), Line(faults.up, f"{faults.seed} up"))
    return _cables[url]


def discard(url: str) -> None:
    """Forget the cable: the next of that URL begins with the first fault of the seed."""
    _cables.pop(url, None)


def wrap(url: str, text: str) -> str:
    """The URL of the port `url` behind a cable with the faults that `text` names: "flip=0.01,seed=7".

    Raises HostError if the text says anything else.
    """
    parse(text)
    return f"{SCHEME}{text}/{url}"


def unwrap(url: str) -> str:
    """The URL of the port itself, without the cables around it. Raises HostError for a malformed URL."""
    while url.startswith(SCHEME):
        _, url = split(url)
    return url


def split(url: str) -> tuple[Faults, str]:
    """Faults and port of a URL of this scheme. Raises HostError if it is none."""
    text, slash, port = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not slash or not port:
        raise _malformed(f"{url}: not a port behind a faulty cable.")
    return parse(text), port


def parse(text: str) -> Faults:
    """What stands before the port. Raises HostError that names the part that is wrong."""
    seed = 0
    rates: dict[str, float] = {}
    seen: set[str] = set()
    for item in text.split(","):
        key, equals, value = item.partition("=")
        kind, dot, way = key.partition(".")
        known = kind in KINDS and (way in WAYS if dot else True)
        if not equals or not (known or key == "seed"):
            raise _malformed(f"Faults {text!r}: {item!r} is no fault with its rate.")
        if key in seen:
            raise _malformed(f"Faults {text!r}: {key!r} is there twice.")
        seen.add(key)
        if key == "seed":
            seed = _seed(text, value)
        else:
            rates[key] = _rate(text, item, value)
    ways = {way: Rates(**dict(_of(way, rates))) for way in WAYS}
    for way, chosen in ways.items():
        total = sum(getattr(chosen, fate) for fate in FATES)
        if total > 1:
            raise _malformed(f"Faults {text!r}: the rates of {', '.join(FATES)} add up to {total:g} {way}, at most 1.")
    return Faults(ways["down"], ways["up"], seed)


def _of(way: str, rates: dict[str, float]) -> Iterator[tuple[str, float]]:
    for kind in KINDS:
        yield kind, rates.get(f"{kind}.{way}", rates.get(kind, 0.0))


def _rate(text: str, item: str, value: str) -> float:
    try:
        rate = float(value)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        raise _malformed(f"Faults {text!r}: the rate in {item!r} is not a number from 0 to 1.")
    return rate


def _seed(text: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _malformed(f"Faults {text!r}: the seed {value!r} is not an integer.") from None


def _malformed(problem: str) -> HostError:
    return HostError(
        problem,
        f"Write {SCHEME}KIND=RATE,...,seed=N/PORT, as in {SCHEME}flip=0.01,drop.up=0.001,seed=7/socket://127.0.0.1:4000; "
        f"kinds are {', '.join(KINDS)}.",
    )
