"""The application for MLPerf Tiny's runner: tests/mlperf_runner.py plays the runner against emulated boards, with the
reference models where DEMUR_DATA has them and with small ones of our own; what comes back is the tflite-micro
interpreter's output, dequantised by NumPy. And the parser on this PC, and under libFuzzer."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import serial
from hypothesis import settings

import boards
from boards import Board, BoardError, load
from boards.load import with_baud
from boards.render import header
from conftest import run_module
from contract.errors import DONE, KNOWN_FAILURE
from contract.run_folder import RunFolder
from export import graph, mlperf
from export.bench import bench
from export.graph import Tensor
from export.micro import Micro
from export.mlperf import BENCHMARKS, Benchmark, Result, Sample
from firmware import tflm
from firmware.build import build
from firmware.errors import FirmwareError
from firmware.model_files import APPS
from firmware.size import measure
from host.emulator import RUNNERS
from mlperf_runner import Runner
from tflite_builder import Builder, options

ROOT = Path(__file__).parents[2]
APP = ROOT / "firmware/mlperf"
TESTS = ROOT / "firmware/test"
HAL = ROOT / "firmware/hal"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SECONDS = 60.0  # for a line of the slowest model on a busy machine; nothing is measured by it
FUZZ_RUNS = 200  # for each example of hypothesis: 20,000 inputs in the suite, 400,000 under `make fuzz`

DATA = os.environ.get("DEMUR_DATA")
REFERENCE = {"kws_ref_model": "kws01", "pretrainedResnet_quant": "ic01", "ad01_int8": "ad01"}

needs_emulator = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm")),
    reason="arm-none-eabi-gcc or qemu-system-arm is not installed",
)


def fully_connected(inputs: int, outputs: int, zero_point: int, scale: float = 0.25, seed: int = 1) -> bytes:
    """A layer whose codes all differ: the identity as far as it goes, and noise."""
    rng, build = np.random.default_rng(seed), Builder()
    matrix = rng.integers(-9, 10, (outputs, inputs)) + 100 * np.eye(outputs, inputs, dtype=np.int64)
    source = build.tensor("in", (1, inputs), "int8", scale, zero_point)
    weights = build.tensor("weights", (outputs, inputs), "int8", 0.01, data=matrix)
    bias = build.tensor("bias", (outputs,), "int32", 0.01 * scale, data=rng.integers(-900, 900, outputs))
    result = build.tensor("out", (1, outputs), "int8", scale * 1.1, zero_point + 7)
    build.operator("FULLY_CONNECTED", [source, weights, bias], [result], options("FullyConnectedOptions"))
    return build.bytes([source], [result])


# By the benchmark whose form of sample they take; its shapes they have not.
SMALL = {
    "kws01": fully_connected(50, 7, 20),
    "ic01": fully_connected(64, 3, -128),
    "ad01": fully_connected(40, 40, 30),
}


def samples(benchmark: Benchmark, source: Tensor, count: int) -> list[bytes]:
    """What a runner could send: of real numbers with more than the model's range, halves of codes, and what is no
    number."""
    rng = np.random.default_rng(2)
    if benchmark.sample is not Sample.FLOATS:
        return [rng.bytes(source.elements) for _ in range(count)]
    codes = rng.uniform(-140, 140, (count, source.elements))
    codes[:, : source.elements // 2] = np.rint(codes[:, : source.elements // 2]) + 0.5
    values = ((codes - source.zero_point) * source.scale).astype("<f4")
    values[1:, 0] = (1e12, -1e12, np.inf, np.nan)[: count - 1]
    return [row.tobytes() for row in values]


def expected(content: bytes, benchmark: Benchmark, sample: bytes) -> str:
    """The vector in m-results-[]."""
    read = graph.parse(content, "the model")
    source, target = read.tensors[read.inputs[0]], read.tensors[read.outputs[0]]
    real = np.frombuffer(sample, "<f4") if benchmark.sample is Sample.FLOATS else np.zeros(0, np.float32)
    if benchmark.sample is Sample.CODES:
        codes = np.frombuffer(sample, np.int8)
    elif benchmark.sample is Sample.PIXELS:
        codes = (np.frombuffer(sample, np.uint8).astype(np.int16) - 128).astype(np.int8)
    else:
        steps = (real / np.float32(source.scale)).astype(np.float64)
        nearest = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + source.zero_point  # halves away from zero
        codes = np.clip(np.nan_to_num(nearest, nan=-128, posinf=127, neginf=-128), -128, 127).astype(np.int8)
    (output,) = Micro(content).call(codes.reshape(source.shape))
    scores = (output.astype(np.int32) - target.zero_point).astype(np.float32).reshape(-1) * np.float32(target.scale)
    if benchmark.result is Result.SCORES:
        return ",".join(f"{score:.3f}" for score in scores)
    total = np.float32(0)
    for difference in scores - real:  # one after the other, in float32
        total += difference * difference
    error = float(total / np.float32(len(scores)))
    return "inf" if error >= 2**53 else f"{error:.3f}"


Image = Callable[..., RunFolder]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Exports and builds a model for a benchmark, once."""

    @cache
    def make(content: bytes, benchmark: str, board: str, engine: str) -> RunFolder:
        folder, named = tmp_path_factory.mktemp(benchmark), ()
        model = folder / "model.tflite"
        model.write_bytes(content)
        if content in SMALL.values():
            named = ("--benchmark", benchmark)
        result = run_module("export", "mlperf", model, "--board", board, "--out", folder / "run", *named)
        assert result.returncode == DONE, result.stderr
        assert result.stdout == f"{folder / 'run'}: model.tflite as {benchmark}\n"
        build(RunFolder(folder / "run"), load(board), engine, app="mlperf")
        return RunFolder(folder / "run")

    return lambda content, benchmark, board="nucleo", engine="aot": make(content, benchmark, board, engine)


@contextmanager
def booted(folder: RunFolder, board: Board) -> Iterator[Runner]:
    """What talks to a board that answers. What it said before QEMU had taken the connection is lost."""
    elf = folder.firmware(board.name) / "firmware.elf"
    with RUNNERS["qemu"].boot(board, elf) as url, serial.serial_for_url(url, timeout=SECONDS) as port:
        runner = Runner(port)
        runner.wake()
        yield runner


@pytest.fixture(scope="session")
def small(image: Image) -> Iterator[Runner]:
    """A board with the small model of kws01, for tests that do not care what was said before."""
    with booted(image(SMALL["kws01"], "kws01"), load("nucleo")) as runner:
        yield runner


def converse(runner: Runner, board: Board, content: bytes, benchmark: Benchmark, count: int) -> None:
    """All that the runner does in a test, for some samples."""
    read = graph.parse(content, "the model")
    assert runner.name() == board.name
    assert runner.profile() == "ULPMark for tinyML Firmware V0.0.1"
    assert runner.model() == benchmark.id
    for sample in samples(benchmark, read.tensors[read.inputs[0]], count):
        runner.load(sample)
        buffered = runner.ask("db print")
        assert all(re.fullmatch(r"m-buffer-[0-9a-f]{2}(-[0-9a-f]{2}){0,7}", line) for line in buffered)
        assert bytes.fromhex("".join(line.removeprefix("m-buffer-").replace("-", "") for line in buffered)) == sample
        first, second = runner.infer(1, 0), runner.infer(2, 1)
        assert first.results == second.results == expected(content, benchmark, sample)
        assert second.microseconds > first.microseconds
        assert runner.ask("results") == [f"m-results-[{first.results}]"]


@needs_emulator
@pytest.mark.skipif(DATA is None, reason="DEMUR_DATA names no folder with the models of MLPerf Tiny")
@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_models(name: str, image: Image) -> None:
    assert DATA is not None
    content, board = (Path(DATA) / "tflite" / f"{name}.tflite").read_bytes(), load("nucleo")
    with booted(image(content, REFERENCE[name]), board) as runner:
        converse(runner, board, content, BENCHMARKS[REFERENCE[name]], 2)


# The microbit's Cortex-M0 has no floating-point unit.
@needs_emulator
@pytest.mark.parametrize(
    ("benchmark", "board"), [("kws01", "nucleo"), ("ic01", "nucleo"), ("ad01", "nucleo"), ("ad01", "microbit")]
)
def test_small_models(benchmark: str, board: str, image: Image) -> None:
    with booted(image(SMALL[benchmark], benchmark, board), load(board)) as runner:
        converse(runner, load(board), SMALL[benchmark], BENCHMARKS[benchmark], 5)


@needs_emulator
@pytest.mark.skipif(tflm.TREE_VARIABLE not in os.environ, reason=f"{tflm.TREE_VARIABLE} names no tree")
def test_tensorflow_lite_micro_as_the_engine(image: Image) -> None:
    with booted(image(SMALL["ad01"], "ad01", "nucleo", "tflm"), load("nucleo")) as runner:
        converse(runner, load("nucleo"), SMALL["ad01"], BENCHMARKS["ad01"], 3)


@needs_emulator
def test_inferences_take_equally_long_in_instructions(small: Runner, tmp_path: Path) -> None:
    """The emulator counts instructions: each inference has as many as the next, and as `python -m export bench`
    counts."""
    model = tmp_path / "small.tflite"
    model.write_bytes(SMALL["kws01"])
    small.load(np.random.default_rng(3).bytes(50))
    took = {count: small.infer(count, 0).microseconds for count in (1, 101, 201)}
    assert took[201] - took[101] == pytest.approx(took[101] - took[1], rel=0.01)
    board = load("nucleo")
    instructions = RUNNERS["qemu"].instructions(board, (took[201] - took[101]) / 100 * board.clock.fallback_hz / 1e6)
    counted = sum(
        function.instructions
        for function in bench(model, board, 1).functions
        if function.name.startswith(("model_invoke", "nn_"))
    )
    assert counted < instructions < 1.04 * counted  # the loop around it
    laps = [int(small.told("timestamp", r"m-lap-us-([0-9]+)")) for _ in range(2)]
    assert laps[0] < laps[1]


FULL = ["db load 50", *(["db " + "a5" * 25] * 2)]
EXPECTING = [["m-[Expecting 50 bytes]"], [], ["m-load-done"]]


@needs_emulator
@pytest.mark.parametrize(
    ("commands", "answers"),
    [
        (["nmae", "foo bar", "NAME", "name2"],
         [["e-[Unknown command: nmae]"], ["e-[Unknown command: foo]"], ["e-[Unknown command: NAME]"], ["e-[Unknown command: name2]"]]),
        (["", " ", "\r\n", "\r\nname\r\n", "name name"], [[], [], [], ["m-name-dut-[nucleo_f446re]"], ["m-name-dut-[nucleo_f446re]"]]),
        (["x" * 80, "x" * 81, "name" + " " * 500, "name" + " " * 76],
         [[f"e-[Unknown command: {'x' * 80}]"], ["e-[Command too long]"], ["e-[Command too long]"], ["m-name-dut-[nucleo_f446re]"]]),
        ([b"\x00\xff\x80\x1b[31mfoo\x07bar"], [["e-[Unknown command: [31mfoo]"]]),
        (["db", "db load", "db load x", "db load 0", "db load -5", "db load 51", "db load 999999999999"],
         [["e-[db: expected load, print or bytes]"], *[["e-[db load: expected a number of bytes above 0]"]] * 4,
          ["e-[db load: at most 50 bytes]"], ["e-[db load: expected a number of bytes above 0]"]]),
        # nothing of a wrong command is stored
        (["db load 3", "db 0g", "db 012", "db 0102 03", "db 0xff", "db print", "db 0A0b", "db print"],
         [["m-[Expecting 3 bytes]"], ["e-[db: expected two hexadecimal digits a byte]"], ["e-[db: expected two hexadecimal digits a byte]"],
          [], ["e-[db: expected two hexadecimal digits a byte]"], ["m-buffer-01-02"], ["m-load-done"], ["m-buffer-01-02-0a"]]),
        # what comes in the command that completes the sample, and after it
        (["db load 2", "db 010203", "db 04", "db print", "db load 2", "db print"],
         [["m-[Expecting 2 bytes]"], ["m-load-done"], ["e-[db: no bytes expected, say db load N first]"], ["m-buffer-01-02"],
          ["m-[Expecting 2 bytes]"], []]),
        # no inference without a whole sample
        (["db load 50", "infer 1 0", "db 00", "infer 1 0", "db load 49", "db " + "00" * 31, "db " + "00" * 18, "infer 1 0"],
         [["m-[Expecting 50 bytes]"], ["e-[infer: db has 0 bytes, expected 50]"], [], ["e-[infer: db has 1 bytes, expected 50]"],
          ["m-[Expecting 49 bytes]"], [], ["m-load-done"], ["e-[infer: db has 49 bytes, expected 50]"]]),
        ([*FULL, "infer 0 0", "infer x", "infer 1 x", "infer -1", "infer 1 -1", "infer 1.0"],
         [*EXPECTING, *[["e-[infer: expected a number of inferences above 0]"]] * 2, ["e-[infer: expected a number of warm-up inferences]"],
          ["e-[infer: expected a number of inferences above 0]"], ["e-[infer: expected a number of warm-up inferences]"],
          ["e-[infer: expected a number of inferences above 0]"]]),
    ],
)  # fmt: skip
def test_what_is_not_right_is_said_and_the_board_goes_on(
    commands: list[str | bytes], answers: list[list[str]], small: Runner
) -> None:
    assert [small.ask(command) for command in commands] == answers
    assert small.name() == "nucleo_f446re"


@needs_emulator
def test_no_results_before_the_first_inference_and_the_numbers_that_infer_stands_for(image: Image) -> None:
    with booted(image(SMALL["kws01"], "kws01"), load("nucleo")) as runner:
        assert runner.ask("results") == ["e-[results: no inference yet]"]
        runner.load(bytes(50))
        said = runner.ask("infer")
        assert said[0] == "m-warmup-start-10" and said[2] == "m-infer-start-1"
        assert runner.ask("infer 3")[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-3"]
        helped = runner.ask("help")
        assert [line.split()[0] for line in helped] == [
            "help",
            "name",
            "profile",
            "timestamp",
            "db",
            "infer",
            "results",
        ]


@needs_emulator
def test_what_is_said_at_the_start(image: Image) -> None:
    board = load("nucleo")
    machine, elf = board.emulator.qemu, image(SMALL["kws01"], "kws01").firmware(board.name) / "firmware.elf"
    assert machine is not None
    serials = [*["-serial", "null"] * machine.serial_index, "-serial", "stdio"]
    command = [
        "qemu-system-arm",
        "-machine",
        machine.machine,
        "-nographic",
        "-monitor",
        "none",
        *serials,
        "-kernel",
        str(elf),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.terminate()
    assert re.fullmatch(rb"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nm-init-done\r\nm-ready\r\n", b"".join(lines))


@needs_emulator
def test_what_ends_make_flash_finds_the_board(image: Image) -> None:
    board, folder = load("nucleo"), image(SMALL["kws01"], "kws01")
    with RUNNERS["qemu"].boot(board, folder.firmware(board.name) / "firmware.elf") as url:
        result = run_module("host", "hello", "--run", folder.path, "--board", "nucleo", "--port", url, "--mlperf")
    assert result.returncode == DONE, result.stderr
    assert result.stdout == f"{url}: nucleo_f446re: m-ready\n"


@needs_emulator
def test_no_heap_and_no_stdio(image: Image) -> None:
    folder = image(SMALL["ad01"], "ad01")
    elf = folder.firmware("nucleo_f446re") / "firmware.elf"
    names = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout.split()
    assert not {"malloc", "_malloc_r", "free", "printf", "snprintf", "puts", "_sbrk", "_write"} & set(names)
    assert measure(elf, load("nucleo")).flash_bytes < 11 * 1024
    with pytest.raises(FirmwareError, match=r"lacks model_gate\.h, model_stream\.h, model_gate\.c"):
        build(folder, load("nucleo"))


def test_a_folder_without_the_benchmark(tmp_path: Path) -> None:
    result = run_module("firmware", "build", "--app", "mlperf", "--run", tmp_path)
    assert result.returncode == KNOWN_FAILURE
    assert f"{tmp_path}: lacks model.h, model_mlperf.h, model.c" in result.stderr
    assert f"`python -m export mlperf MODEL.tflite --board BOARD --out {tmp_path}`" in result.stderr


@pytest.mark.parametrize("name", boards.names())
def test_every_board_has_the_runners_rate(name: str) -> None:
    baud = APPS["mlperf"].baud
    assert baud == 115_200
    board = load(name)
    assert "#define BOARD_UART_BAUD 115200u" in header.render(with_baud(board, baud))
    assert with_baud(board, board.uart.baud) == board


def test_rates_that_are_refused(tmp_path: Path) -> None:
    nucleo = load("nucleo")
    with pytest.raises(BoardError, match=r"nucleo_f446re: uart.baud is 921600, but from the fallback clock"):
        with_baud(nucleo, 921_600)
    for name in ("model.h", "model.c", "model_gate.h", "model_gate.c", "model_stream.h"):
        (tmp_path / name).touch()
    result = run_module("firmware", "build", "--run", tmp_path, "--baud", "115200")
    assert result.returncode == KNOWN_FAILURE
    assert "460800 baud of its board file" in result.stderr


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_parser_and_decimals(tmp_path: Path) -> None:
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
    sources = (TESTS / "mlperf/test_mlperf.c", APP / "command.c", APP / "reply.c")
    command = ["gcc", *WARNINGS, *sanitize, "-I", HAL, "-I", APP, *sources, "-lm", "-o", tmp_path / "test"]
    subprocess.run(command, check=True)
    result = subprocess.run([tmp_path / "test"], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and ", 0 failures" in result.stdout, result.stdout[:2000] + result.stderr


@pytest.mark.fuzz
@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: scripts/system.sh brings it")
@pytest.mark.parametrize("benchmark", SMALL)
def test_the_application_under_any_bytes(benchmark: str, tmp_path: Path) -> None:
    content = graph.parse(SMALL[benchmark], "the model")
    (tmp_path / "model_mlperf.h").write_text(mlperf.render(content, BENCHMARKS[benchmark], "a small model"))
    (tmp_path / "board.h").write_text(header.render(load("nucleo")))
    fuzz = TESTS / "fuzz"
    command = ["clang", *WARNINGS, "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all",
               "-include", fuzz / "simulated_board.h", "-I", tmp_path, "-I", APP, "-I", HAL, "-I", ROOT / "firmware/lib/engine",
               fuzz / "fuzz_mlperf.c", *sorted(APP.glob("*.c")), "-o", tmp_path / "fuzz"]  # fmt: skip
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if "libclang_rt.fuzzer" in result.stderr:
        pytest.skip("clang has no libFuzzer: install its compiler runtime, Debian's libclang-rt-dev")
    assert result.returncode == 0, result.stderr
    (tmp_path / "seeds").mkdir()
    (tmp_path / "words").write_text(
        "\n".join(f'"{word}"' for word in ("db load ", "db print", "infer ", "results", "name", "%"))
    )
    sample = samples(BENCHMARKS[benchmark], content.tensors[content.inputs[0]], 1)[0]
    whole = f"db load {len(sample)}%" + "".join(f"db {sample[at : at + 31].hex()}%" for at in range(0, len(sample), 31))
    for index, seed in enumerate(
        ("name%profile%help%", f"{whole}infer 2 1%results%db print%", f"{whole}infer%", "db load 2%db 0a0%db g0%")
    ):
        (tmp_path / "seeds" / str(index)).write_text(seed)
    runs = FUZZ_RUNS * settings.default.max_examples
    limits = [
        f"-runs={runs}",
        "-seed=1",
        "-max_len=1000",
        f"-dict={tmp_path / 'words'}",
        f"-artifact_prefix={tmp_path}/failed-",
    ]
    result = subprocess.run(
        [tmp_path / "fuzz", *limits, tmp_path / "seeds"], capture_output=True, text=True, errors="replace", check=False
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert f"Done {runs} runs" in result.stderr
