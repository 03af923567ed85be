"""The parsers of host and board under fire, and the board's application: libFuzzer with sanitizers on the C, and what
it finds through the Python twins.

libFuzzer starts from the golden vectors and runs a fixed number of inputs, more under `make fuzz`; every input that it
kept because it reached new code goes through the C and the Python parser, which must agree on all of them. The
application starts from conversations, and must not say what firmware/test/fuzz/fuzz_board.c forbids.
"""

import json
import shutil
import subprocess
import time
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boards
from firmware.generate import generate
from firmware.source import Source
from host import faults
from host.errors import HostError
from host.frame import Frame, FrameReceiver, encode
from host.link import Link
from host.messages import TYPES, c_header, decode
from host.messages.output import ReadOutput
from host.messages.sample import Answer, Capture, Decline, Infer, Load, Release, Resend
from host.messages.session import HelloRequest, Log, Ping
from host.messages.settings import Configure, Consent
from host.messages.statistics import StatisticsRequest
from host.messages.stream import Finish, Push
from host.messages.wire import Counted, Message
from host.port import open_port

ROOT = Path(__file__).parents[2]
FRAME = ROOT / "firmware/lib/frame"
FUZZ = ROOT / "firmware/test/fuzz"
VECTORS = json.loads((ROOT / "tests/vectors/frames.json").read_text())
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
RESTART = 0x7E  # fuzz_frame.c
PARSER_RUNS = 500  # for each example of hypothesis: 50,000 inputs in the suite, a million under `make fuzz`
BOARD_RUNS = 50  # likewise: 5,000 and 100,000

needs_clang = pytest.mark.skipif(
    shutil.which("clang") is None, reason="clang is not installed: scripts/system.sh brings it"
)


def compile_c(source: str, sanitizers: str, folder: Path, *flags: str | Path) -> Path:
    """A program of that file, lib/frame and whatever `flags` add; headers that are generated lie in `folder`."""
    program = folder / f"{Path(source).stem}_{len(flags)}"
    command = ["clang", *WARNINGS, "-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", *flags,
               f"-I{FRAME}", f"-I{folder}", "-o", program, FUZZ / source, *sorted(FRAME.glob("*.c"))]  # fmt: skip
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if "libclang_rt.fuzzer" in result.stderr:
        pytest.skip("clang has no libFuzzer: install its compiler runtime, Debian's libclang-rt-dev")
    assert result.returncode == 0, result.stderr
    return program


def fuzz(target: Path, seeds: list[bytes], longest: int, runs: int) -> list[Path]:
    """The inputs that libFuzzer kept after so many runs for each example of hypothesis, seeds included."""
    folder = target.parent
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, seed in enumerate(seeds):
        (corpus / f"seed_{index}").write_bytes(seed)
    runs *= settings.default.max_examples
    options = [f"-runs={runs}", "-seed=1", f"-max_len={longest}", f"-artifact_prefix={folder}/failed-"]
    result = subprocess.run([target, *options, corpus], capture_output=True, text=True, errors="replace")
    failed = [f"{path.name}: {path.read_bytes().hex()}" for path in folder.glob("failed-*")]
    assert result.returncode == 0, "\n".join([result.stderr[-6000:], *failed])
    assert f"Done {runs} runs" in result.stderr, result.stderr[-4000:]
    return sorted(corpus.iterdir())


def printed(source: str, folder: Path, files: list[Path]) -> list[str]:
    """What the C parser says of the files, under the sanitizers that need no libFuzzer."""
    program = compile_c(source, "address,undefined", folder, "-DPRINT")
    lines: list[str] = []
    for start in range(0, len(files), 1000):  # a command line is not endless
        result = subprocess.run([program, *files[start : start + 1000]], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        lines += result.stdout.splitlines()
    return lines


def frames_in_python(data: bytes) -> list[str]:
    receiver = FrameReceiver(RESTART)
    lines = [f"{frame.type} {frame.sequence} {frame.payload.hex()}" for frame in receiver.feed(data)]
    return [*lines, " ".join(map(str, ["counters", *astuple(receiver.counters)]))]


@needs_clang
@pytest.mark.fuzz
def test_frames(tmp_path: Path) -> None:
    wires = [bytes.fromhex(vector["wire"]) for vector in VECTORS]
    gaps = [encode(Frame(1, number, b"")) for number in (0, 1, 0, 5, 0x7FFF, 0x8000, 0xFFFF)]
    target = compile_c("fuzz_frame.c", "fuzzer,address,undefined", tmp_path)
    files = fuzz(target, [*wires, *gaps, b"".join(gaps), b"".join(wires[:4])], 1200, PARSER_RUNS)
    assert len(files) > len(wires) + len(gaps) + 2
    expected = [line for path in files for line in frames_in_python(path.read_bytes())]
    assert printed("fuzz_frame.c", tmp_path, files) == expected
    reached = [
        max(column) for column in zip(*(map(int, line.split()[1:]) for line in expected if line[0] == "c"), strict=True)
    ]
    assert all(reached), reached  # some input moved each of the counters


@needs_clang
@pytest.mark.fuzz
def test_messages(tmp_path: Path) -> None:
    with_fields = [message for message in TYPES.values() if message.LAYOUT]
    listed = " ".join(f"X({c_header.c_name(message)}, {c_header.c_name(message).upper()})" for message in with_fields)
    (tmp_path / "codecs.h").write_text(f"#define FUZZED(X) {listed}\n")
    (tmp_path / "messages.h").write_text(c_header.render())
    seeds = [bytes([vector["type"]]) + bytes.fromhex(vector["payload"]) for vector in VECTORS if "message" in vector]
    files = fuzz(compile_c("fuzz_messages.c", "fuzzer,address,undefined", tmp_path), seeds, 250, PARSER_RUNS)
    assert len(files) > len(seeds)
    for path, said in zip(files, printed("fuzz_messages.c", tmp_path, files), strict=True):
        assert said == message_in_python(path.read_bytes()), path.read_bytes().hex()


def message_in_python(data: bytes) -> str:
    """As fuzz_messages.c prints it."""
    if not data or len(data) - 1 > 240 or data[0] not in TYPES or not TYPES[data[0]].LAYOUT:
        return "refused"
    try:
        message = decode(data[0], data[1:])
    except HostError:
        return "refused"
    assert message is not None
    # Python replaces what is not UTF-8 in a text, to be able to show it; C passes it on.
    has_text = isinstance(message, Log) or any(isinstance(field.wire, Counted) for field in message.LAYOUT)
    return data[1:].hex() if has_text else message.encode().hex()


@needs_clang
@pytest.mark.fuzz
@pytest.mark.parametrize("model", ["bench", "bench_stream"])
def test_the_application(model: str, tmp_path: Path) -> None:
    generate(boards.load("nucleo"), tmp_path, Consent.ALWAYS, Source("fuzz", 0, FUZZ / "fuzz_board.c"))
    firmware, gate = ROOT / "firmware", ROOT / "firmware/lib/gate"
    sources = sorted((firmware / "src").glob("*.c"))
    sources += [gate / "gate.c", gate / "softmax_response.c", ROOT / f"tests/firmware/{model}/model_gate.c"]
    if model == "bench_stream":
        sources.append(ROOT / f"tests/firmware/{model}/model.c")
    folders = [
        ROOT / f"tests/firmware/{model}",
        *(firmware / name for name in ("hal", "src", "lib/gate", "lib/engine", "lib/source")),
    ]
    flags = ["-include", FUZZ / "simulated_board.h", *(f"-I{folder}" for folder in folders), *sources]
    target = compile_c("fuzz_board.c", "fuzzer,address,undefined", tmp_path, *flags)
    seeds = [b"".join(map(scripted, said)) for consent in Consent for said in conversations(model, consent)]
    assert len(fuzz(target, seeds, 3000, BOARD_RUNS)) > len(seeds)


def scripted(said: Message | int) -> bytes:
    """A message, or milliseconds that pass, as fuzz_board.c takes them."""
    type_, payload = (0xFF, said.to_bytes(4, "little")) if isinstance(said, int) else (said.TYPE, said.encode())
    return bytes([type_, len(payload)]) + payload


ACCEPTED, ABSTAINED = bytes([100, *[0] * 9]), bytes(10)  # what the bench models take for logits, or sum up to them


def conversations(model: str, consent: Consent) -> list[list[Message | int]]:
    """Whole lives of samples, and what lies close to what is allowed."""

    def pieces(number: int, first: bytes) -> list[Message]:
        codes = (first + bytes(range(200)) * 3)[:600]
        return [*(Load(number, at, codes[at : at + 232]) for at in range(0, 600, 232)), Infer(number)]

    def frames(number: int, first: bytes) -> list[Message]:
        return [Push(number, step, (first + b"ab") * 4) for step in range(0, 40, 4)]

    sample, frame = (pieces if model == "bench" else frames), ABSTAINED + b"ab"
    begin = Configure(9, 20_000, 100, consent, 50)
    first, second, abstained = sample(0, ACCEPTED), sample(2, ABSTAINED), sample(1, ABSTAINED)
    load, push = pieces(1, ABSTAINED), frames(1, ABSTAINED)
    return [
        [begin, *first, *abstained, Resend(1, 0, 100), Resend(1, 100, 300), Answer(1, 3, 1000), Answer(1, 3, 1000),
         abstained[-1], ReadOutput(1, 0), ReadOutput(0, 0), StatisticsRequest()],
        [begin, *abstained, Release(1), ReadOutput(0, 0), Resend(1, 0, 100), Answer(1, 3, 1000), Release(1), *first],
        [begin, *abstained, Decline(1), Decline(1), Release(1), *second, 60, second[-1], 200, second[-1],
         Configure(9, 20_000, 100, Consent.ALWAYS, 50), second[-1], ReadOutput(0, 0)],
        [begin, *abstained, *second, Configure(4, 20_000, 100, Consent.NEVER, 50), *abstained, Ping(5), HelloRequest(), Finish(3)],
        [begin, *abstained, Resend(1, 479, 5), Resend(1, 480, 5), Resend(1, 599, 5), Resend(1, 600, 5), Resend(1, 650, 5),
         Resend(2, 0, 9), Answer(2, 3, 9), Answer(1, 10, 9), Answer(1, 3, 32_769), Answer(1, 9, 32_768)],
        [begin, *abstained, Release(2), Decline(2), Resend(1, 0, 9), Release(1), Answer(0, 3, 4)],
        [begin, load[0], load[2], Infer(1), load[1], load[2], Load(1, 464, bytes(137)), Load(1, 601, b""), Infer(1)],
        [begin, *push[:9], Push(1, 36, frame * 5), Push(1, 37, frame * 3), Push(1, 40, b""), Push(1, 2, b"abc"), Finish(1)],
        [begin, *map(Capture, (1, 1, 2, 2, 3, 3)), Resend(3, 0, 228), Release(3), Answer(3, 1, 5), *map(Capture, (4, 4, 5, 5)), Decline(5)],
        [begin, load[0], Capture(1), Infer(1), Answer(1, 1, 1), Push(2, 0, frame), Capture(2), Finish(2), *map(Capture, range(3, 99))],
        [begin, Capture(1), Push(1, 1, frame), Load(1, 0, b"x"), Capture(1), Finish(1), Capture(1), ReadOutput(0, 0)],
        [begin, Push(1, 4, frame * 4), Finish(1), Push(1, 0, frame * 4), Push(1, 2, frame * 4), Finish(2), Finish(1)],
    ]  # fmt: skip


def messages() -> st.SearchStrategy[Message]:
    numbers = st.integers(0, 3)
    return st.one_of(
        st.builds(Infer, numbers),
        st.builds(Load, numbers, numbers, st.binary(max_size=60)),
        st.builds(Push, numbers, numbers, st.binary(max_size=60)),
        st.just(StatisticsRequest()),
    )


@pytest.mark.fuzz
@given(sent=st.lists(messages(), max_size=20), flip=st.sampled_from((0.0, 0.01, 0.1)), seed=st.integers(0, 1 << 32))
def test_a_link_hears_what_was_said_or_nothing(sent: list[Message], flip: float, seed: int) -> None:
    url = faults.wrap("loop://", f"flip.down={flip},drop.down=0.05,duplicate.down=0.05,delay.down=0.05,"
                                 f"truncate.down=0.05,seed={seed}")  # fmt: skip
    try:
        with Link(open_port(url, 460_800), url) as link:
            for message in sent:
                link.send(message)
            heard = []
            while (received := link.receive(time.monotonic())) is not None:
                heard.append(received)
            assert all(received in sent for received in heard)
            assert link.unknown_type == link.malformed == 0
    finally:
        faults.discard(url)


@pytest.mark.fuzz
@given(noise=st.binary(max_size=1000))
def test_a_link_survives_any_bytes(noise: bytes) -> None:
    with open_port("loop://", 460_800) as port:
        port.write(noise + b"\0")
        link = Link(port, "noise")
        while link.receive(time.monotonic()) is not None:
            pass
        assert link.bytes_received == len(noise) + 1
