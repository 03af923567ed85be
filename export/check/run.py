"""Build, run, compare: see `export.check`."""

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import boards
from boards import Board, cores
from contract.errors import CHECK_FAILED
from export.aot import compile_model
from export.bench import TooLargeError, bench, with_core
from export.errors import ExportError
from export.graph import Graph, Tensor, parse
from export.micro import Micro

HARNESS: Final = Path(__file__).parent / "harness.c"
COMPILER: Final = "gcc"
# A read or write outside of an array and undefined arithmetic end the program, with the line, instead of passing by
# chance.
SANITIZE: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SMALL: Final = "small"
"""Name of the C that is made for size, beside the names of cores and boards."""
SEED: Final = 0


@dataclass(frozen=True)
class Variant:
    """One text of C: the cores and boards that it is generated for, and how many of its output bytes differ."""

    targets: tuple[str, ...]
    differing: int


@dataclass(frozen=True)
class Emulated:
    """A board's emulator: how many output bytes differ there; None if the model does not fit the board."""

    board: str
    core: str
    differing: int | None


@dataclass(frozen=True)
class Check:
    """`output_bytes` is how many bytes of each variant were compared on the PC, over `inputs` inputs; every board ran
    `emulated_inputs`."""

    model: str
    inputs: int
    output_bytes: int
    variants: tuple[Variant, ...]
    emulated_inputs: int
    boards: tuple[Emulated, ...]

    @property
    def differing(self) -> int:
        """Differing bytes of all variants and boards."""
        counts = [*(variant.differing for variant in self.variants), *(board.differing for board in self.boards)]
        return sum(count or 0 for count in counts)


def check(path: Path, inputs: int, emulated: int = 0) -> Check:
    """Compare the C of a .tflite with the interpreter on `inputs` pseudo-random inputs, the same in every run; and,
    unless `emulated` is 0, on so many in the emulator of every board that has one and that the model fits.

    Raises ExportError if gcc or the emulator is missing or the C stops, and GraphError or UnsupportedError for the
    model.
    """
    content = path.read_bytes() if path.is_file() else b""
    graph = parse(content, str(path))
    texts = _texts(graph, path.name)
    if shutil.which(COMPILER) is None:
        raise ExportError(f"{COMPILER} is not installed.", f"Install it with `sudo apt install {COMPILER}`.")
    rng = np.random.default_rng(SEED)
    samples = [[_codes(rng, graph.tensors[index]) for index in graph.inputs] for _ in range(inputs)]
    given = b"".join(codes.tobytes() for sample in samples for codes in sample)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:

        def outputs(number: int, text: tuple[str, str]) -> bytes:
            return _run(_build(Path(folder) / str(number), graph, *text), given, texts[text])

        found = [pool.submit(outputs, number, text) for number, text in enumerate(texts)]
        oracle = Micro(content)
        expected = b"".join(output.tobytes() for sample in samples for output in oracle.call(*sample))
        variants = tuple(
            Variant(tuple(names), _differing(result.result(), expected))
            for names, result in zip(texts.values(), found, strict=True)
        )
    boards_found = tuple(_emulate(path, board, emulated) for board in _boards() if emulated)
    return Check(f"{path.parent.name}/{path.name}", inputs, len(expected), variants, emulated, boards_found)


def _boards() -> list[Board]:
    """All that have an emulator; and the code for Armv6-M on a Cortex-M3, which runs it, where the memory is larger."""
    emulated = [board for board in boards.load_all() if board.emulator.qemu is not None]
    return [*emulated, *(with_core(boards.load("mps2_an385"), core) for core in ("cortex-m0", "cortex-m0plus"))]


def _emulate(path: Path, board: Board, inputs: int) -> Emulated:
    try:
        return Emulated(board.name, board.chip.core, bench(path, board, inputs).differing_outputs)
    except TooLargeError:
        return Emulated(board.name, board.chip.core, None)


def _texts(graph: Graph, title: str) -> dict[tuple[str, str], list[str]]:
    """Header and source to what they are for; many boards and cores share theirs. A core stands for a board that has
    more flash than any kernel would spend."""
    targets: list[tuple[str, str | None, int | None]] = [(SMALL, None, None)]
    targets += [(core, core, None) for core in cores.CORES]
    targets += [(board.name, board.chip.core, board.memory.flash.length) for board in boards.load_all()]
    texts: dict[tuple[str, str], list[str]] = {}
    for name, core, flash in targets:
        compiled = compile_model(graph, title, keep_inputs=False, core=core, flash=flash)
        texts.setdefault((compiled.header, compiled.source), []).append(name)
    return texts


def _codes(rng: np.random.Generator, tensor: Tensor) -> NDArray[Any]:
    limits = np.iinfo(tensor.dtype)
    codes: NDArray[Any] = rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype)
    return codes


def _build(folder: Path, graph: Graph, header: str, source: str) -> Path:
    folder.mkdir()
    (folder / "model.h").write_text(header)
    (folder / "model.c").write_text(source)
    sizes = [
        f"-DCHECK_{kind}_BYTES={','.join(str(graph.tensors[index].bytes) for index in indices)}"
        for kind, indices in (("INPUT", graph.inputs), ("OUTPUT", graph.outputs))
    ]
    program = folder / "check"
    sources = [str(folder / "model.c"), str(HARNESS)]
    command = [COMPILER, "-std=c11", "-O2", *SANITIZE, *sizes, f"-I{folder}", *sources, "-o", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ExportError(f"{COMPILER} refused the generated C:\n{_tail(result.stderr)}\n", "Please report it.")
    return program


def _run(program: Path, given: bytes, names: list[str]) -> bytes:
    result = subprocess.run([program], input=given, capture_output=True, check=False)
    if result.returncode != 0:
        raise ExportError(
            f"the C for {', '.join(names)} stopped ({result.returncode}):\n{_tail(result.stderr.decode())}\n",
            "This is a defect of the compiler: please report it with the .tflite file.",
            CHECK_FAILED,
        )
    return result.stdout


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-6:])


def _differing(ours: bytes, theirs: bytes) -> int:
    if len(ours) != len(theirs):
        return len(theirs)
    return int((np.frombuffer(ours, np.uint8) != np.frombuffer(theirs, np.uint8)).sum())
