"""Build, run and measure: see `export.bench`.

Two images are run: the plain one gives all totals; a traced one, which calls bench_mark after each operator, says how
the instructions divide among the operators.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from boards import Board, cores
from boards.render import linker
from contract.errors import CHECK_FAILED
from export.aot import Compiled, compile_model
from export.bench import cycles, flash, inputs
from export.bench.cycles import Executed
from export.bench.report import Function, Layer, Report
from export.errors import ExportError
from export.graph import Graph, parse
from export.micro import Micro

HERE: Final = Path(__file__).parent
QEMU: Final = "qemu-system-arm"
COMPILER: Final = "arm-none-eabi-gcc"
# An instruction budget does not exist in QEMU: this many seconds are far more than the largest model needs.
TIMEOUT_SECONDS: Final = 300


class TooLargeError(ExportError):
    """The image of a model does not fit into the memory of the board."""


@dataclass(frozen=True)
class _Run:
    """Counts by address of a whole run, totals at each mark, and the bytes of all outputs."""

    executed: dict[int, Executed]
    marks: list[int]
    outputs: bytes


def bench(path: Path, board: Board, count: int, *, small: bool = False) -> Report:
    """Measure a .tflite on the emulator of a board over `count` inputs; `small` measures the code made for size.

    Raises ExportError if a tool or the emulator is missing, TooLargeError if the image does not fit, and GraphError or
    UnsupportedError for the model.
    """
    content = path.read_bytes() if path.is_file() else b""
    graph = parse(content, str(path))
    size = board.memory.flash.length
    compiled = compile_model(graph, path.name, keep_inputs=False, core=board.chip.core, small=small, flash=size)
    for program, package in ((COMPILER, "gcc-arm-none-eabi"), (QEMU, "qemu-system-arm"), ("gcc", "gcc")):
        if shutil.which(program) is None:
            raise ExportError(f"{program} is not installed.", f"Install it with `sudo apt install {package}`.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plugin = _plugin(folder)
        optimise = "-Os" if small else "-O2"
        plain = _build(folder / "plain", graph, compiled, board, count, optimise, traced=False)
        traced = _build(folder / "traced", graph, compiled, board, count, optimise, traced=True)
        run = _emulate(plain, board, plugin)
        marked = _emulate(traced, board, plugin)
        image = _image(plain)
        code = [instruction for instruction in cycles.disassemble(plain) if image.holds(instruction.address)]
        counted = {address: ran for address, ran in run.executed.items() if image.holds(address)}
        layers = _layers(compiled, marked.marks, count)
        return Report(
            model=f"{path.parent.name}/{path.name}",  # runs all have a model.tflite
            board=board.name,
            core=board.chip.core,
            engine="aot",
            small=small,
            instructions=sum(ran.count for ran in counted.values()) / count,
            cycles_modelled=cycles.cycles(code, counted) / count if board.chip.core == cycles.CORE else None,
            flash_code=sum(len(code) for code in image.functions.values()),
            flash_const=image.constants,
            ram=compiled.memory.arena_bytes,
            memory=compiled.memory,
            inputs=count,
            differing_outputs=_differing(graph, content, run.outputs, count),
            layers=layers,
            functions=_functions(image, counted, count),
            flash=flash.parts(plain, image.functions),
        )


def with_core(board: Board, core: str) -> Board:
    """A board whose machine runs the code for another core, as an Armv7-M machine does that for cortex-m0."""
    return replace(board, chip=replace(board.chip, core=core, fpu=cores.NO_FPU))


def _plugin(folder: Path) -> Path:
    library = folder / "count_plugin.so"
    _call(["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(HERE / "count_plugin.c")])
    return library


def _build(
    folder: Path, graph: Graph, compiled: Compiled, board: Board, count: int, optimise: str, *, traced: bool
) -> Path:
    folder.mkdir()
    (folder / "model.h").write_text(compiled.header)
    (folder / "model.c").write_text(compiled.source)
    (folder / "link.ld").write_text(linker.render(board))
    sizes = {
        kind: ",".join(str(graph.tensors[index].bytes) for index in indices)
        for kind, indices in (("INPUT", graph.inputs), ("OUTPUT", graph.outputs))
    }
    defines = [
        f"-DBENCH_SEED={inputs.SEED}u",
        f"-DBENCH_RUNS={count}u",
        *(f"-DBENCH_{kind}_BYTES={text}" for kind, text in sizes.items()),
        *(["-DMODEL_OPERATOR_DONE()=bench_mark()", "-include", str(HERE / "mark.h")] if traced else []),
    ]
    elf = folder / "bench.elf"
    machine = cores.flags(board.chip.core, board.chip.fpu)
    flags = [*machine, "-std=c11", optimise, "-ffunction-sections", "-fdata-sections"]
    sources = [str(folder / "model.c"), str(HERE / "harness.c")]
    linking = ["-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", "-T", str(folder / "link.ld")]
    _call([COMPILER, *flags, *defines, f"-I{folder}", *sources, *linking, "-o", str(elf)])
    return elf


def _call(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        tail = "\n".join(result.stderr.strip().splitlines()[-6:])
        if "overflowed" in tail:
            raise TooLargeError(f"the image does not fit into the board's memory:\n{tail}\n", "Take a larger board.")
        raise ExportError(f"{command[0]} failed:\n{tail}\n", "This is a defect of the compiler: please report it.")


def _emulate(elf: Path, board: Board, plugin: Path) -> _Run:
    machine = board.emulator.qemu
    if machine is None:
        raise ExportError(f"{board.name}: its board file names no QEMU machine.", "Choose a board with an emulator.")
    counts = elf.with_suffix(".counts")
    flash = board.memory.flash
    options = {
        "out": counts,
        "begin": flash.origin,
        "end": flash.origin + flash.length,
        "mark": _symbol(elf, "bench_mark"),
    }
    command = [QEMU, "-M", machine.machine, "-nographic", "-monitor", "none", "-serial", "null",
               "-semihosting-config", "enable=on,target=native", "-kernel", str(elf),
               "-plugin", ",".join([str(plugin), *(f"{key}={value}" for key, value in options.items())])]  # fmt: skip
    try:
        result = subprocess.run(command, cwd=elf.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                check=False, timeout=TIMEOUT_SECONDS)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ExportError(f"{machine.machine} did not finish in {TIMEOUT_SECONDS} s.", "Use fewer --inputs.") from None
    if result.returncode != 0:
        raise ExportError(
            f"the image stopped with a fault on {machine.machine} (exit {result.returncode}: {result.stderr.strip()}).",
            "This is a defect of the compiler: please report it with the .tflite file.",
            CHECK_FAILED,
        )
    executed: dict[int, Executed] = {}
    marks: list[int] = []
    for line in counts.read_text().splitlines():
        first, *numbers = line.split()
        if first == "mark":
            marks.append(int(numbers[0]))
        else:
            executed[int(first, 16)] = Executed(int(numbers[0]), int(numbers[1]))
    return _Run(executed, marks, (elf.parent / "outputs.bin").read_bytes())


def _symbol(elf: Path, name: str) -> int:
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.get_symbol_by_name(name)
        assert symbols is not None and len(symbols) == 1
        return int(symbols[0]["st_value"]) & ~1  # bit 0 marks Thumb code


HARNESS: Final = frozenset(
    ("Reset_Handler", "bench", "bench_mark", "fault", "leave", "semihost", "write", "fill", "bench_vectors")
)


@dataclass(frozen=True)
class _Image:
    """Addresses of the functions that are the model's, by name, and the size of the constants in bytes."""

    functions: dict[str, range]
    constants: int

    def holds(self, address: int) -> bool:
        return any(address in code for code in self.functions.values())


def _image(elf: Path) -> _Image:
    with elf.open("rb") as file:
        image = ELFFile(file)
        table = image.get_section_by_name(".symtab")
        constants = image.get_section_by_name(".rodata")
        assert isinstance(table, SymbolTableSection)
        functions: dict[str, range] = {}
        for symbol in table.iter_symbols():
            # GCC names parts and clones of a function after it: bench.constprop.0.
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol.name.split(".")[0] not in HARNESS:
                start = symbol["st_value"] & ~1
                functions[symbol.name] = range(start, start + symbol["st_size"])
    return _Image(functions, constants["sh_size"] if constants else 0)


def _functions(image: _Image, counted: dict[int, Executed], count: int) -> tuple[Function, ...]:
    """Functions by executed instructions, most first."""
    found = [
        Function(name, sum(ran.count for address, ran in counted.items() if address in code) / count, len(code))
        for name, code in image.functions.items()
    ]
    return tuple(sorted(found, key=lambda function: (-function.instructions, function.name)))


def _layers(compiled: Compiled, marks: list[int], count: int) -> tuple[Layer, ...]:
    """Marks come before each inference and after each operator."""
    table = np.array(marks, np.int64).reshape(count, len(compiled.operators) + 1)
    means = np.diff(table, axis=1).mean(axis=0)
    return tuple(
        Layer(operator.op, operator.name, operator.macs, float(mean))
        for operator, mean in zip(compiled.operators, means, strict=True)
    )


def _differing(graph: Graph, content: bytes, outputs: bytes, count: int) -> int:
    """Output bytes that differ from the TensorFlow Lite Micro interpreter's."""
    oracle = Micro(content)
    source, expected = inputs.stream(), b""
    for _ in range(count):
        samples = [
            inputs.take(source, graph.tensors[index].shape, graph.tensors[index].dtype) for index in graph.inputs
        ]
        expected += b"".join(output.tobytes() for output in oracle.call(*samples))
    ours, theirs = np.frombuffer(outputs, np.uint8), np.frombuffer(expected, np.uint8)
    return int((ours != theirs).sum()) if ours.size == theirs.size else theirs.size
