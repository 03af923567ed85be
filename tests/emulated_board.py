"""A board in QEMU whose image is one of tests/firmware/bench*, as tests talk to it."""

import time
from typing import Any

from boards import Board
from host.link import Link
from host.messages.sample import Final, Infer, Load, Reason, Refused, Result, Uplink
from host.messages.session import Hello, Log
from host.messages.statistics import Statistics, StatisticsRequest
from host.messages.wire import Message

MODEL_HASH = 0x0123456789ABCDEF  # firmware/bench*/model_gate.h


class Emulated:
    """A booted board: messages through `link`, raw bytes through `port`."""

    def __init__(self, board: Board, port: Any) -> None:
        self.board = board
        self.port = port
        self.logs: list[Log] = []
        self.link = Link(port, "emulator", on_log=self.logs.append)
        self.hello = self.handshake()

    def handshake(self) -> Hello:
        """HELLO and a new session; a board that was slow to boot was asked more than once, and all its answers are
        taken here."""
        hello = self.link.handshake(self.board.name, MODEL_HASH)
        self.link.request(StatisticsRequest(), Statistics)
        return hello

    def receive(self, kind: type[Any], seconds: float = 10.0) -> Any:
        """The next message, which must be of that kind."""
        message = self.link.receive(time.monotonic() + seconds)
        assert isinstance(message, kind), message
        return message

    def silent(self, seconds: float = 0.3) -> bool:
        return self.link.receive(time.monotonic() + seconds) is None

    def log(self, seconds: float = 10.0) -> Log:
        """The log line that must come next."""
        give_up = time.monotonic() + seconds
        while not self.logs and time.monotonic() < give_up:
            assert self.silent(0.05)
        return self.logs.pop(0)

    def ask(self, message: Message, kind: type[Any]) -> Any:
        self.link.send(message)
        return self.receive(kind)

    def refused(self, message: Message) -> Reason:
        """Send a request that must be refused."""
        refusal = self.ask(message, Refused)
        assert refusal.type == message.TYPE
        assert refusal.sample == (0 if refusal.reason is Reason.NO_SESSION else getattr(message, "sample", 0))
        reason: Reason = refusal.reason
        return reason

    def load(self, sample: int, data: bytes) -> None:
        for offset in range(0, len(data), 232):
            self.link.send(Load(sample, offset, data[offset : offset + 232]))

    def ended(self, message: Message) -> tuple[Result, Final]:
        """Send what was carried out before, or does not fit, and take where the sample stands: at its end."""
        return self.ask(message, Result), self.receive(Final)

    def infer(self, sample: int, data: bytes) -> Result:
        self.load(sample, data)
        result: Result = self.ask(Infer(sample), Result)
        return result

    def uplink(self, total: int) -> bytes:
        """The sample of so many bytes that an abstaining board sends."""
        data = b""
        while len(data) < total:
            piece = self.receive(Uplink)
            assert (piece.offset, piece.total) == (len(data), total)
            data += piece.data
        return data

    def ticks(self) -> int:
        """The board's clock."""
        return self.link.ping()[2]

    def statistics(self) -> Statistics:
        statistics: Statistics = self.ask(StatisticsRequest(), Statistics)
        return statistics
