"""What a board must say to what it is told, byte by byte: one description, to which every emulator is held.

    for scenario in scenarios(RunFolder(Path("runs/digits")), load("nucleo"), Statistics(0, ...)):
        for step in scenario.steps:
            if step.send: port.write(step.send)
            else:         ...                   # step.expect must come, after whatever else

Bytes and not messages, so that a test without our decoder (tests/renode/board.robot) can play them. Where a message
holds what nobody can know, a cycle count, only the bytes before it are expected. Each scenario starts with
HELLO_REQUEST and a session of its own, on a board that was not told anything before, and whose counters were `before`.
"""

from dataclasses import dataclass, replace

import numpy as np

from boards import Board
from contract import manifest as manifests
from contract.run_folder import RunFolder
from host import feed
from host.feed import Framewise
from host.frame import PAYLOAD_MAX, Frame, encode
from host.messages import stream
from host.messages.output import Output, ReadOutput
from host.messages.sample import Answer, Final, Infer, Reason, Refused, Result, Source, Stage, Uplink
from host.messages.session import HelloRequest
from host.messages.settings import DEFAULT_CONSENT_MS, DEFAULT_DEADLINE_MS, Configure, Consent, Settings
from host.messages.statistics import Statistics, StatisticsRequest
from host.messages.wire import Message

UPLINK_BYTES = PAYLOAD_MAX - len(Uplink(0, 0, 0, b"").encode())
OUTPUT_BYTES = PAYLOAD_MAX - len(Output(0, 0, b"").encode())
NOTHING_ACCEPTED = 65535  # a threshold above every score
SAMPLE = 0x01010101  # a number without zero bytes: COBS then knows more of a frame before what nobody can know
UNKNOWN = 0x01010101  # in place of a cycle count, for the same reason
SESSION = 1

# The golden frames of tests/vectors/frames.json that are no message, the shortest and the longest among them, and one
# of the board's.
UNKNOWN_TYPE = 127
_PAYLOADS = (
    *(bytes(i % 251 for i in range(length)) for length in (0, 1, PAYLOAD_MAX - 1, PAYLOAD_MAX)),
    *(bytes(length) for length in (1, 2, PAYLOAD_MAX)),
    *(b"\xff" * length for length in (1, PAYLOAD_MAX - 1, PAYLOAD_MAX)),
    *(b"\0abc", b"abc\0", b"\0a\0\0b\0"),
)
FRAMES = tuple(((at + 65533) % 65536, payload) for at, payload in enumerate(_PAYLOADS))
SETTINGS_NUMBER, SETTINGS = 35, (0xFFFFFFFF, 0, 60_000, Consent.NEVER, 0)


@dataclass(frozen=True)
class Step:
    """Bytes to send, or bytes to wait for."""

    send: bytes = b""
    expect: bytes = b""


@dataclass(frozen=True)
class Scenario:
    """Steps in order, under a name for people."""

    name: str
    steps: tuple[Step, ...]


class _Script:
    """Steps as they are written down, with both sides' sequence numbers."""

    def __init__(self, board: Board, threshold: int) -> None:
        self.steps: list[Step] = []
        self.sent = 0  # numbered frames
        self.unnumbered = 0  # frames whose number is behind that of others, which the board takes as late ones
        self.board_sent = 0
        self.tell(HelloRequest())
        self.steps.append(Step(expect=board.name.encode()))  # HELLO holds it in one piece: it has no zero byte
        self.board_sent = 1
        self.configure(threshold)

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.steps.append(Step(send=encode(Frame(message.TYPE, self.sent, message.encode()))))
            self.sent += 1

    def configure(self, threshold: int) -> None:
        values = (SESSION, threshold, DEFAULT_DEADLINE_MS, Consent.ALWAYS, DEFAULT_CONSENT_MS)
        self.tell(Configure(*values))
        self.hear(Settings(*values))

    def tell_late(self, frame: Frame) -> None:
        self.steps.append(Step(send=encode(frame)))
        self.unnumbered += 1

    def tell_damaged(self, message: Message) -> None:
        """One bit of the type is flipped, so that the CRC does not match."""
        wire = encode(Frame(message.TYPE, self.sent, message.encode()))
        self.steps.append(Step(send=wire[:1] + bytes([wire[1] ^ 0x40]) + wire[2:]))

    def hear(self, message: Message) -> None:
        self.steps.append(Step(expect=encode(Frame(message.TYPE, self.board_sent, message.encode()))))
        self.board_sent += 1

    def hear_start(self, message: Message, unknown: int) -> None:
        """All but the last `unknown` bytes of the message, as far as they are the same whatever those are.

        COBS replaces a zero by the distance to the next one, so what is known ends before the last zero that is.
        """
        raw = bytes([message.TYPE]) + self.board_sent.to_bytes(2, "little") + message.encode()
        known = raw[: len(raw) - unknown]
        wire = encode(Frame(message.TYPE, self.board_sent, message.encode()))
        self.steps.append(Step(expect=wire[: known.rindex(0) + 1]))
        self.board_sent += 1

    def scenario(self, name: str) -> Scenario:
        return Scenario(name, tuple(self.steps))


def scenarios(run: RunFolder, board: Board, before: Statistics) -> tuple[Scenario, ...]:
    """The scenarios of a run's image on a board. Raises ManifestError, or OSError if there are no vectors."""
    manifest = manifests.load(run.manifest)
    threshold = manifest.gate.threshold
    logits = [tensor.name for tensor in manifest.outputs].index(manifest.gate.output)
    with np.load(run.vectors) as vectors:
        accepted, inputs, outputs = vectors["accepted"], vectors["input"], vectors["output"]
        predicted, scores = vectors["predicted"], vectors["score"]
        # of sequences: frames until the decision, and what is thought after each
        steps = vectors["steps"] if manifest.stream else np.zeros(len(inputs), int)
        running = (vectors["classes"], vectors["scores"]) if manifest.stream else None
    sure, torn = int(np.flatnonzero(accepted)[0]), int(np.flatnonzero(~accepted)[0])
    fed = feed.of(manifest)
    at_once = fed.per_push if isinstance(fed, Framewise) else 0

    def give(script: _Script, index: int, until: int) -> None:
        """A sample that the board decides on after `until` frames: of the frames before, it says what it thinks."""
        codes, taken = inputs[index].tobytes(), 0
        script.tell(*fed.requests(SAMPLE, codes, taken))
        while running is not None and (taken := taken + at_once) < until:
            said, scored = (int(of[index][taken - 1]) for of in running)
            script.hear_start(stream.Step(SAMPLE, taken, said, scored, UNKNOWN, UNKNOWN), unknown=8)
            script.tell(*fed.requests(SAMPLE, codes, taken))

    def uplink(index: int) -> list[Message]:
        codes = inputs[index].tobytes()
        return [
            Uplink(SAMPLE, at, len(codes), codes[at : at + UPLINK_BYTES]) for at in range(0, len(codes), UPLINK_BYTES)
        ]

    def counted(script: _Script, **changes: int) -> Statistics:
        grown = {name: getattr(before, name) + by for name, by in changes.items()}
        received = before.frames_received + script.sent + script.unnumbered
        sent = before.frames_sent + script.board_sent
        return replace(before, frames_received=received, frames_sent=sent, **grown)

    boots = _Script(board, threshold)

    frames = _Script(board, threshold)
    for number, (sequence, payload) in enumerate(FRAMES):
        frames.tell_late(Frame(UNKNOWN_TYPE, sequence, payload))
        frames.tell(StatisticsRequest())
        frames.hear(counted(frames, unknown_type=number + 1))
    while frames.board_sent < SETTINGS_NUMBER:
        frames.tell(StatisticsRequest())
        frames.hear(counted(frames, unknown_type=len(FRAMES)))
    frames.tell(Configure(*SETTINGS))
    frames.hear(Settings(*SETTINGS))

    infers = _Script(board, threshold)
    give(infers, sure, int(steps[sure]))
    infers.tell(ReadOutput(logits, 0))
    infers.board_sent += 1  # RESULT, whose cycle counts follow its last zero
    last = outputs[sure] if running is None else outputs[sure][steps[sure] - 1]
    infers.hear(Output(logits, 0, last.tobytes()[:OUTPUT_BYTES]))
    infers.tell(StatisticsRequest())
    infers.hear(counted(infers, samples=1, accepted=1))

    abstains = _Script(board, threshold)
    give(abstains, torn, len(inputs[torn]))
    verdict = int(predicted[torn]), int(scores[torn]), Stage.SENT_UP, int(steps[torn])
    abstains.hear_start(Result(SAMPLE, *verdict, 0, UNKNOWN, UNKNOWN, UNKNOWN), unknown=16)
    for piece in uplink(torn):
        abstains.hear(piece)
    abstains.tell(Answer(SAMPLE, 1, 0x8000))
    abstains.hear_start(Final(SAMPLE, 1, 0x8000, Source.HOST, UNKNOWN), unknown=4)
    abstains.tell(StatisticsRequest())
    abstains.hear(counted(abstains, samples=1, abstained=1, answered=1))

    survives = _Script(board, threshold)
    survives.tell_damaged(StatisticsRequest())
    survives.tell(StatisticsRequest())
    survives.hear(counted(survives, crc_errors=1))

    changes = _Script(board, threshold)
    changes.configure(NOTHING_ACCEPTED)
    give(changes, sure, len(inputs[sure]))
    changes.board_sent += 1  # RESULT
    for piece in uplink(sure):
        changes.hear(piece)
    changes.tell(Answer(SAMPLE, 1, 0x8000))
    changes.board_sent += 1  # FINAL
    changes.configure(threshold)

    refuses = _Script(board, threshold)
    wrong = Infer(SAMPLE) if manifest.stream else stream.Finish(SAMPLE)
    refuses.tell(wrong)
    refuses.hear(Refused(wrong.TYPE, SAMPLE, Reason.WRONG_KIND))

    return (
        boots.scenario("boots to HELLO"),
        frames.scenario("takes the golden frames and sends one"),
        infers.scenario("infers the bytes of the vectors"),
        abstains.scenario("abstains, sends the sample up, takes the answer"),
        survives.scenario("counts a damaged frame and goes on"),
        changes.scenario("changes its threshold"),
        refuses.scenario("refuses what is for the other kind of model"),
    )
