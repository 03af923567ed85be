"""The engine tflm: what is refused before a build, and, where DEMUR_TFLM names a tree, the image against the
vectors."""

import json
import os
import shutil
from pathlib import Path

import pytest

from boards import load
from conftest import run_module
from contract import manifest as manifests
from contract.errors import DONE, KNOWN_FAILURE
from contract.run_folder import RunFolder
from firmware import tflm
from firmware.build import _advice, build
from firmware.errors import FirmwareError
from firmware.model_files import APPS, ENGINES, require

GENERATED = ("tensorflow/lite/micro/micro_interpreter.h", "third_party/flatbuffers/include/flatbuffers/base.h",
             "third_party/gemmlowp/fixedpoint/fixedpoint.h", "third_party/ruy/ruy/profiler/instrumentation.h")  # fmt: skip

needs_tree = pytest.mark.skipif(
    tflm.TREE_VARIABLE not in os.environ, reason=f"{tflm.TREE_VARIABLE} names no tree of TensorFlow Lite Micro"
)


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with every file that any engine and any application takes, all empty."""
    files = [*ENGINES.values(), *(app.files for app in APPS.values())]
    names = {name for each in files for name in (*each.headers, *each.sources)}
    return make(tmp_path / "run", *names)


def test_an_unknown_engine_is_refused_with_the_known_ones(run: Path) -> None:
    with pytest.raises(FirmwareError, match="Unknown engine 'onnx'") as caught:
        require(run, "onnx")
    assert "aot, tflm" in caught.value.next_step
    result = run_module("firmware", "build", "--run", run, "--engine", "onnx")
    assert result.returncode == KNOWN_FAILURE
    assert "'aot', 'tflm'" in result.stderr


@pytest.mark.parametrize(
    ("engine", "lacking"), [("aot", "model.h, model.c"), ("tflm", "model_data.h, model_ops.h, model_data.cc")]
)
@pytest.mark.parametrize("app", APPS)
def test_each_engine_asks_for_its_own_files(engine: str, lacking: str, app: str, run: Path) -> None:
    for name in lacking.split(", "):
        (run / name).unlink()
    with pytest.raises(FirmwareError, match=f"lacks {lacking}, ") as caught:
        require(run, engine, app)
    assert "python -m export" in caught.value.next_step
    other = next(name for name in ENGINES if name != engine)
    assert set(ENGINES[other].headers) < set(require(run, other, app).headers)


def test_an_unknown_application_is_refused_with_the_known_ones(run: Path) -> None:
    with pytest.raises(FirmwareError, match="Unknown application 'demo'") as caught:
        require(run, "aot", "demo")
    assert "demur, mlperf" in caught.value.next_step


def test_a_tree_of_portable_kernels(tmp_path: Path) -> None:
    folder = make(tmp_path / "tree", *GENERATED)
    assert tflm.tree({tflm.TREE_VARIABLE: str(folder)}) == folder
    assert tflm.includes(folder) == tuple(
        str(folder / name)
        for name in (".", "third_party/flatbuffers/include", "third_party/gemmlowp", "third_party/ruy")
    )
    assert "TF_LITE_STATIC_MEMORY" in tflm.defines(folder)
    assert "CMSIS_NN" not in tflm.defines(folder)


def test_a_tree_of_kernels_for_the_core(tmp_path: Path) -> None:
    folder = make(tmp_path / "tree", *GENERATED, "third_party/cmsis_nn/Include/arm_nnfunctions.h")
    assert "CMSIS_NN" in tflm.defines(folder)
    assert str(folder / "third_party/cmsis_nn/Include") in tflm.includes(folder)


def test_no_tree_is_no_error_until_one_is_needed() -> None:
    assert tflm.tree({}) is None
    assert tflm.tree({tflm.TREE_VARIABLE: ""}) is None
    with pytest.raises(FirmwareError, match=f"{tflm.TREE_VARIABLE} names no tree"):
        tflm.require({})


REFUSED = {
    "nothing": ((), "lacks tensorflow/lite/micro/micro_interpreter.h, third_party/flatbuffers/include/"),
    "half a tree": (GENERATED[:3], "lacks third_party/ruy/"),
    "a checkout": ((*GENERATED, tflm.GENERATOR), "is a checkout"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_tree_is_refused_before_anything_is_built(
    case: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, words = REFUSED[case]
    folder = make(tmp_path / "tree", *names)
    monkeypatch.setenv(tflm.TREE_VARIABLE, str(folder))
    result = run_module("firmware", "build", "--run", run, "--engine", "tflm")
    assert result.returncode == KNOWN_FAILURE
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"error: {tflm.TREE_VARIABLE}={folder}: ")
    assert words in lines[0] and tflm.GENERATOR in lines[0]
    assert not (run / "firmware").exists()


# What PlatformIO 6.2 prints: without a network, and when the library is there but the build fails.
OFFLINE = "Platform Manager: demur@1.0.0 has been installed!\nLibrary Manager: Installing trylaarsdam/x @ 1.1.1\nHTTPClientError: \n"
INSTALLED = (
    "Library Manager: Installing trylaarsdam/x @ 1.1.1\nLibrary Manager: x@1.1.1 has been installed!\nerror: no\n"
)


def test_without_tree_and_network_both_ways_are_named() -> None:
    assert tflm.TREE_VARIABLE in _advice(OFFLINE, True) and "network" in _advice(OFFLINE, True)
    assert tflm.TREE_VARIABLE not in _advice(INSTALLED, True)
    assert tflm.TREE_VARIABLE not in _advice(OFFLINE, False)


def _interpret(run: RunFolder, factory: pytest.TempPathFactory) -> RunFolder:
    """A copy of the run whose image for nucleo was built with TensorFlow Lite Micro."""
    folder = RunFolder(factory.mktemp("tflm") / run.path.name)
    shutil.copytree(run.path, folder.path, ignore=shutil.ignore_patterns("firmware"))
    result = run_module("firmware", "build", "--run", folder.path, "--engine", "tflm")
    assert result.returncode == DONE, result.stderr
    return folder


@pytest.fixture(scope="module")
def interpreted(digits: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The digits run, interpreted."""
    return _interpret(digits, tmp_path_factory)


def _agrees(folder: RunFolder, samples: int) -> None:
    """On the emulated board, every class, score, decision and number of steps is that of the vectors."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    result = run_module("host", "run", "--run", folder.path, "--board", "nucleo", "--port", "emulator", "--json")
    assert result.returncode == DONE, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["engine"], summary["samples"]) == ("tflm", samples)
    assert (summary["disagreements"], summary["lost"]) == (0, 0)


@needs_tree
def test_both_engines_give_the_same_bytes(interpreted: RunFolder) -> None:
    _agrees(interpreted, 449)


@needs_tree
def test_both_engines_keep_the_same_state(tones: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> None:
    tree = tflm.tree(os.environ)
    if "CMSIS_NN" in tflm.defines(tree) and manifests.load(tones.manifest).quantisation.activations == "int16":
        pytest.skip("CMSIS-NN's int16 FULLY_CONNECTED does not take weights with a scale per channel")
    _agrees(_interpret(tones, tmp_path_factory), 36)


@needs_tree
def test_no_heap_no_stdio_and_no_constructors(interpreted: RunFolder) -> None:
    from elftools.elf.elffile import ELFFile

    with (interpreted.firmware("nucleo_f446re") / "firmware.elf").open("rb") as file:
        image = ELFFile(file)
        names = {symbol.name for symbol in image.get_section_by_name(".symtab").iter_symbols()}
        sections = {section.name for section in image.iter_sections()}
    assert not {"malloc", "_malloc_r", "free", "printf", "vsnprintf", "_sbrk", "_write"} & names
    assert not {".init_array", ".ctors"} & sections  # the start-up code would not call them


@needs_tree
def test_an_arena_that_is_too_small_is_said(interpreted: RunFolder, tmp_path: Path) -> None:
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    header = interpreted.path / "model_ops.h"
    text = header.read_text()
    line = next(line for line in text.splitlines() if "MODEL_ARENA_BYTES" in line)
    header.write_text(text.replace(line, "#define MODEL_ARENA_BYTES 2048u"))
    try:
        build(interpreted, load("nucleo"), "tflm")
        result = run_module("host", "run", "--run", interpreted.path, "--board", "nucleo", "--port", "emulator")
    finally:
        header.write_text(text)
    assert result.returncode == KNOWN_FAILURE
    assert "the engine's arena is too small for the model" in result.stderr
