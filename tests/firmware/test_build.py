"""The build by PlatformIO, offline and from an empty PlatformIO folder; sizes against binutils; what goes wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from platformio.dependencies import get_core_dependencies
from semantic_version import SimpleSpec, Version  # type: ignore[import-untyped]

from boards import Board, load, load_all
from contract.errors import CHECK_FAILED, DONE, KNOWN_FAILURE
from contract.run_folder import RunFolder
from firmware.build import build
from firmware.errors import FirmwareError
from firmware.scons_package import package_version, seed
from firmware.size import Sizes

ROOT = Path(__file__).parents[2]
Image = Callable[[str], tuple[Board, Path, Sizes]]
BOARDS = [board.name for board in load_all()]


def firmware(*arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m firmware`, with another PATH if one is given."""
    environment = os.environ | ({} if path is None else {"PATH": path})
    command = [sys.executable, "-m", "firmware", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def one_paragraph(result: subprocess.CompletedProcess[str]) -> str:
    """The error message, after checking that it is nothing else."""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("built ")]
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    return lines[0]


def test_seeded_scons_is_the_version_platformio_asks_for(tmp_path: Path) -> None:
    seed(tmp_path)
    version = json.loads((tmp_path / "tool-scons/package.json").read_text())["version"]
    assert Version(version) in SimpleSpec(get_core_dependencies()["tool-scons"])
    assert package_version("4.11.1") == "4.41101.0"
    before = (tmp_path / "tool-scons/.piopm").stat().st_mtime_ns
    seed(tmp_path)
    assert (tmp_path / "tool-scons/.piopm").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["tool-scons"]


def test_seeded_scons_serves_a_python_without_it(tmp_path: Path) -> None:
    """As that of PlatformIO in VS Code."""
    seed(tmp_path)
    command = [sys.executable, "-I", "-S", str(tmp_path / "tool-scons/scons.py"), "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0 and "SCons" in result.stdout, result.stderr


def test_seeded_scons_is_made_anew_when_its_python_is_gone_and_another_is_left_alone(tmp_path: Path) -> None:
    seed(tmp_path)
    script = tmp_path / "tool-scons/scons.py"
    whole = script.read_text()
    script.write_text(re.sub(r"append\(.*\)", f"append({str(tmp_path / 'gone')!r})", whole))
    seed(tmp_path)
    assert script.read_text() == whole
    script.write_text("# of the registry\n")
    seed(tmp_path)
    assert script.read_text() == "# of the registry\n"


@pytest.mark.parametrize("name", BOARDS)
def test_image_is_built_offline_and_kept_in_the_run_folder(name: str, image: Image) -> None:
    board, elf, sizes = image(name)
    assert {path.name for path in elf.parent.iterdir()} == {"firmware.elf", "firmware.bin", "firmware.map", "size.json"}
    value = json.loads((elf.parent / "size.json").read_text())
    assert value["board"] == board.name
    assert (value["flash_budget"], value["ram_budget"]) == (board.memory.flash.length, board.memory.ram.length)
    assert value == json.loads(sizes.json())


@pytest.mark.parametrize("name", BOARDS)
def test_sizes_are_those_binutils_finds(name: str, image: Image) -> None:
    board, elf, sizes = image(name)
    listed = subprocess.run(["arm-none-eabi-size", "-A", "-d", elf], capture_output=True, text=True, check=True).stdout
    found = {
        line.split()[0]: int(line.split()[1])
        for line in listed.splitlines()
        if re.fullmatch(r"\.(boot|vectors|text|rodata|data|stack|bss|noinit)\s.*", line)
    }
    assert sizes.flash_bytes == sum(
        found.get(section, 0) for section in (".boot", ".vectors", ".text", ".rodata", ".data")
    )
    assert sizes.flash_bytes == (elf.parent / "firmware.bin").stat().st_size
    assert sizes.ram_bytes == sum(found[section] for section in (".stack", ".data", ".bss", ".noinit"))
    assert sizes.stack_bytes == found[".stack"] == board.memory.stack


def test_everything_but_the_model_is_small(image: Image) -> None:
    # The bench model has 1,210 bytes of buffers and next to no code: what remains is the application and its stack.
    _, _, sizes = image("nucleo_f446re")
    assert sizes.flash_bytes < 7.25 * 1024
    assert sizes.ram_bytes - 1210 < 4 * 1024


def test_no_heap_and_no_stdio(image: Image) -> None:
    _, elf, _ = image("nucleo_f446re")
    names = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout.split()
    assert not {"malloc", "_malloc_r", "free", "printf", "snprintf", "puts", "_sbrk", "_write"} & set(names)


def test_size_reports_what_was_built(image: Image, bench: RunFolder) -> None:
    _, _, sizes = image("nucleo_f446re")
    result = firmware("size", "--run", bench.path, "--board", "nucleo", "--json")
    assert result.returncode == DONE
    assert result.stdout == sizes.json()
    table = firmware("size", "--run", bench.path).stdout
    assert f"{sizes.flash_bytes:,} of 524,288 bytes" in table
    assert f"{sizes.ram_bytes:,} of 131,072 bytes, 2,048 of it stack" in table


@pytest.mark.parametrize("limit", ["--max-flash", "--max-ram"])
def test_a_limit_that_is_exceeded_is_a_failed_check(limit: str, image: Image, bench: RunFolder) -> None:
    _, _, sizes = image("nucleo_f446re")
    used = sizes.flash_bytes if limit == "--max-flash" else sizes.ram_bytes
    assert firmware("size", "--run", bench.path, limit, str(used)).returncode == DONE
    result = firmware("size", "--run", bench.path, limit, str(used - 1))
    assert result.returncode == CHECK_FAILED
    assert f"{used:,} bytes" in one_paragraph(result) and f"{used - 1:,}" in one_paragraph(result)


def test_unknown_board(bench: RunFolder) -> None:
    result = firmware("build", "--run", bench.path, "--board", "nuclo")
    assert result.returncode == KNOWN_FAILURE
    assert "'nuclo'" in one_paragraph(result) and "Nearest: nucleo" in one_paragraph(result)


def test_run_folder_without_a_model(tmp_path: Path, bench: RunFolder) -> None:
    shutil.copy(bench.path / "model.h", tmp_path)
    result = firmware("build", "--run", tmp_path)
    assert result.returncode == KNOWN_FAILURE
    assert f"{tmp_path}: lacks model_gate.h, model_stream.h, model.c, model_gate.c" in one_paragraph(result)
    assert "python -m export" in one_paragraph(result)


def test_size_before_anything_was_built(tmp_path: Path) -> None:
    result = firmware("size", "--run", tmp_path)
    assert result.returncode == KNOWN_FAILURE
    assert "firmware.elf: cannot be read" in one_paragraph(result)


def test_size_of_what_is_no_elf(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).firmware("nucleo_f446re")
    folder.mkdir(parents=True)
    (folder / "firmware.elf").write_bytes(b"not an image")
    result = firmware("size", "--run", tmp_path)
    assert result.returncode == KNOWN_FAILURE
    assert "not an ELF file" in one_paragraph(result)


def test_code_that_does_not_compile(bench: RunFolder, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    run = tmp_path / "broken"
    shutil.copytree(bench.path, run, ignore=shutil.ignore_patterns("firmware"))
    (run / "model.c").write_text("int model_invoke(void) { return 1.5; }\n")  # -Wconversion, -Wmissing nothing else
    result = firmware("build", "--run", run)
    assert result.returncode == KNOWN_FAILURE
    assert "model.c" in result.stderr and "-Werror" in result.stderr
    assert "PlatformIO could not build" in result.stderr.splitlines()[-1]
    assert not (run / "firmware/nucleo_f446re").exists()


@pytest.mark.parametrize(("name", "steps", "frame"), [("nucleo", 40_000, 12), ("microbit", 65_535, 234)])
def test_a_sequence_that_does_not_fit_is_refused_with_the_figures(
    name: str, steps: int, frame: int, bench_stream: RunFolder, tmp_path: Path
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    run = tmp_path / "long"
    shutil.copytree(bench_stream.path, run, ignore=shutil.ignore_patterns("firmware"))
    header = (run / "model_stream.h").read_text()
    header = header.replace("MODEL_STEPS 40u", f"MODEL_STEPS {steps}u")
    (run / "model_stream.h").write_text(header.replace("MODEL_FRAME_BYTES 12u", f"MODEL_FRAME_BYTES {frame}u"))
    result, board = firmware("build", "--run", run, "--board", name), load(name)
    assert result.returncode == KNOWN_FAILURE
    said = result.stderr.splitlines()[-1]
    assert f"RAM of {board.name}" in said and f"the buffer for a whole sequence is {steps * frame:,} bytes" in said
    assert "`frames`" in said
    found = re.search(r"takes ([\d,]+) bytes more than", said)
    excess = steps * frame + board.memory.stack - board.memory.ram.length
    assert found and 512 < int(found[1].replace(",", "")) - excess < 2048  # the other variables


def test_a_model_without_state_that_does_not_fit_is_refused_without_a_word_of_sequences(
    bench: RunFolder, tmp_path: Path
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    large_input = ("static uint8_t input[MODEL_INPUT_0_BYTES]", "static uint8_t input[200000]")
    large_table = (
        "void model_invoke(void)\n{",
        "static const uint8_t table[600000] = {1};\nvoid model_invoke(void)\n{\n    logits[0] = table[599999 - input[0]];",
    )
    for region, (old, new) in {"RAM": large_input, "flash": large_table}.items():
        run = tmp_path / region
        shutil.copytree(bench.path, run, ignore=shutil.ignore_patterns("firmware"))
        code = (run / "model.c").read_text()
        assert old in code
        (run / "model.c").write_text(code.replace(old, new))
        result = firmware("build", "--run", run)
        said = result.stderr.splitlines()[-1]
        assert result.returncode == KNOWN_FAILURE
        assert "bytes more than" in said and f"bytes of {region} of nucleo_f446re." in said and "sequence" not in said


def test_pio_run_by_hand(bench: RunFolder, image: Image, tmp_path: Path) -> None:
    board, elf, _ = image("nucleo_f446re")
    environment = os.environ | {
        "DEMUR_RUN": str(bench.path),
        "PLATFORMIO_CORE_DIR": str(bench.path.parent / "core"),
        "PLATFORMIO_WORKSPACE_DIR": str(tmp_path / "work"),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
    }
    command = [sys.executable, "-m", "platformio", "run", "-e", board.short_name]

    def pio() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT / "firmware", env=environment, capture_output=True, text=True, check=False
        )

    result = pio()
    assert result.returncode == DONE, result.stdout + result.stderr
    binary = tmp_path / "work/build/nucleo/firmware.bin"
    assert binary.read_bytes() == elf.with_suffix(".bin").read_bytes()
    environment["DEMUR_RUN"] = str(tmp_path)
    result = pio()
    assert result.returncode != DONE
    assert f"error: {tmp_path}: lacks model.h" in result.stderr


def test_an_unknown_consent_is_refused_in_words(bench: RunFolder) -> None:
    with pytest.raises(FirmwareError, match="Unknown consent 'sometimes'") as error:
        build(bench, load("nucleo"), consent="sometimes")
    assert "always, ask, never" in error.value.next_step
