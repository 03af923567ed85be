"""The project as PlatformIO's users know it: environments, `pio run -t upload`, `pio device monitor`, `pio test -e
native`, and what its VS Code extension reads."""

import json
import os
import pty
import re
import runpy
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from platformio.project.config import ProjectConfig
from serial.tools import miniterm

from boards import load, load_all
from boards.render import platformio
from contract.run_folder import RunFolder
from host.frame import Frame, FrameReceiver, encode
from host.messages.session import HelloRequest, Log
from host.messages.session import Level as LogLevel
from host.monitor import Decoder
from scripted_board import HELLO, ScriptedBoard

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "firmware"

needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """PlatformIO with folders of its own and no network; what it says of itself comes without colours."""
    return os.environ | {
        "PLATFORMIO_CORE_DIR": str(tmp_path / "core"),
        "PLATFORMIO_WORKSPACE_DIR": str(tmp_path / "workspace"),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL": "36500",
        "PLATFORMIO_NO_ANSI": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    }


def pio(environment: dict[str, str], *words: str, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "platformio", *words]
    return subprocess.run(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(PROJECT)  # extra_configs are looked for there, as PlatformIO does
    return ProjectConfig("platformio.ini")


def test_environments_are_the_rendered_ones() -> None:
    shipped = (PROJECT / "boards.ini").read_text()
    assert shipped == platformio.environments(load_all()), "run: python -m boards --platformio > firmware/boards.ini"


def test_every_environment_monitors_at_the_boards_rate_through_the_filter(config: Any) -> None:
    names = {board.short_name for board in load_all()}
    assert set(config.envs()) == names | {f"{name}_tflm" for name in names} | {"native"}
    for board in load_all():
        for name in (board.short_name, f"{board.short_name}_tflm"):
            assert config.get(f"env:{name}", "board") == board.name
            assert config.get(f"env:{name}", "monitor_speed") == board.uart.baud
            assert config.get(f"env:{name}", "monitor_filters") == ["demur"]
            assert config.get(f"env:{name}", "monitor_encoding") == "Latin-1"
    assert config.default_envs() == ["nucleo"]


@needs_compiler
def test_metadata_tell_an_editor_where_everything_is(environment: dict[str, str], bench: RunFolder) -> None:
    result = pio(environment | {"DEMUR_RUN": str(bench.path)}, "project", "metadata", "-e", "nucleo", "--json-output")
    assert result.returncode == 0, result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("{")]
    found = json.loads(line)["nucleo"]
    folders = {str(PROJECT / name) for name in ("src", "hal", "lib/frame", "lib/gate")} | {str(bench.path)}
    assert folders <= set(found["includes"]["build"])
    assert "-mcpu=cortex-m4" in found["cc_flags"] and found["cc_path"].endswith("arm-none-eabi-gcc")
    assert json.loads((PROJECT / ".vscode/extensions.json").read_text())["recommendations"] == [
        "platformio.platformio-ide"
    ]


@needs_compiler
@pytest.mark.parametrize(
    ("ends", "said"), [(0, "flashed nucleo_f446re with OpenOCD"), (1, "found no debug probe of nucleo_f446re")]
)
def test_upload_flashes_as_our_own_command_does(
    ends: int, said: str, environment: dict[str, str], bench: RunFolder, tmp_path: Path
) -> None:
    words = "** Verified OK **" if ends == 0 else "Error: open failed"
    tool = tmp_path / "bin/openocd"
    tool.parent.mkdir()
    identify = 'case "$*" in *mdw*) echo "0xe0042000: 10006421"; exit 0;; esac\n' if ends == 0 else ""  # an STM32F446
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n{identify}echo "{words}"\nexit {ends}\n')
    tool.chmod(0o755)
    for name in ("arm-none-eabi-gcc", "arm-none-eabi-g++", "arm-none-eabi-gcc-ar", "arm-none-eabi-gcc-ranlib",
                 "arm-none-eabi-objcopy", "arm-none-eabi-size"):  # fmt: skip
        (tool.parent / name).symlink_to(str(shutil.which(name)))
    path = f"{tool.parent}:/bin"  # no other tool that flashes
    result = pio(environment | {"DEMUR_RUN": str(bench.path), "PATH": path}, "run", "-e", "nucleo", "-t", "upload")
    assert (result.returncode == 0) == (ends == 0), result.stdout
    assert said in result.stdout
    called = (tmp_path / "called").read_text()
    assert "board/st_nucleo_f4.cfg" in called
    assert (f"{tmp_path}/workspace/build/nucleo/firmware.elf" in called) == (ends == 0)


def test_the_environment_of_the_tests_has_no_image(environment: dict[str, str]) -> None:
    result = pio(environment, "run", "-e", "native")
    assert result.returncode != 0
    assert "error: this environment has no board, only tests. Run `pio test -e native`" in result.stdout


@needs_gcc
def test_native_tests_run_and_fail_when_a_c_test_fails(environment: dict[str, str], tmp_path: Path) -> None:
    """A copy of the project, so that its C can be broken."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "runs", "build", ".pio", ".platformio", "__pycache__"))  # fmt: skip
    report = tmp_path / "report.json"
    words = ("test", "-e", "native", "-a", "test_ring", "--json-output-path", str(report))
    result = pio(environment, *words, project=copy / "firmware")
    assert result.returncode == 0, result.stdout
    (suite,) = [suite for suite in json.loads(report.read_text())["test_suites"] if suite["env_name"] == "native"]
    assert suite["status"] == "PASSED" and [case["name"] for case in suite["test_cases"]] == ["test_ring"]
    header = copy / "firmware/hal/ring.h"
    text = header.read_text()
    assert text.count("&ring->got, got + 1,") == 1
    header.write_text(text.replace("&ring->got, got + 1,", "&ring->got, got + 2,"))
    result = pio(environment, *words, project=copy / "firmware")
    assert result.returncode == 1
    assert "test_ring [FAILED]" in result.stdout and "1 failed" in result.stdout


def test_every_folder_of_c_tests_has_a_suite_that_compiles_it() -> None:
    drivers = runpy.run_path(str(PROJECT / "test/test_custom_runner.py"))["DRIVERS"]
    assert set(drivers) | {"fuzz"} == {
        path.name for path in (PROJECT / "test").iterdir() if path.is_dir() and any(path.glob("*.c"))
    }
    for folder, suite in drivers.items():
        path, _, test = suite.partition("::")
        text = (ROOT / path).read_text()
        assert folder in text and f"def {test or 'test_'}" in text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The filter, loaded as PlatformIO does it."""
    from platformio.device.monitor.filters.base import register_filters

    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(miniterm, "TRANSFORMATIONS", dict(miniterm.TRANSFORMATIONS))
    register_filters(options={"project_dir": str(PROJECT), "environment": "nucleo"})
    return miniterm.TRANSFORMATIONS["demur"]()


def wire(*messages: Any) -> bytes:
    return b"".join(encode(Frame(message.TYPE, number, message.encode())) for number, message in enumerate(messages))


def test_the_filter_shows_what_the_monitor_of_the_host_shows_however_the_bytes_come(terminal: Any) -> None:
    said = wire(HELLO, Log(level=LogLevel.WARNING, text="the external clock did not start: \xe9\u2026")) + b"junk\0"
    shown = "".join(terminal.rx(bytes([byte]).decode("latin-1")) for byte in said)
    expected = "".join(f"{each}\n" for each in Decoder().feed(said, 0.0))
    assert re.sub(r"^ *\d+\.\d+", "", shown, flags=re.MULTILINE) == re.sub(
        r"^ *\d+\.\d+", "", expected, flags=re.MULTILINE
    )
    assert "LOG  warning: the external clock did not start: \xe9\u2026\n" in shown and "damaged: " in shown


def test_enter_asks_for_hello_and_no_other_key_reaches_the_board(terminal: Any) -> None:
    assert [terminal.tx(key) for key in ("a", "\t", "\x1b[A", "")] == ["", "", "", ""]
    receiver = FrameReceiver(restart_type=HELLO.TYPE)
    for key in ("\r", "\n", "\r\n"):
        (frame,) = receiver.feed(terminal.tx(key).encode("latin-1"))
        assert frame.type == HelloRequest.TYPE
    assert terminal.echo("a") == ""


@pytest.fixture
def typed() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_the_monitor_of_platformio_shows_a_boards_hello(environment: dict[str, str], typed: tuple[int, int]) -> None:
    ours, theirs = typed
    pio(environment, "run", "-e", "native")  # the monitor wants a platform that a first build has registered
    with ScriptedBoard() as board:
        command = [sys.executable, "-m", "platformio", "device", "monitor", "-e", "nucleo", "-p", board.url]
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        shown, end = b"", time.monotonic() + 60
        try:
            while b"HELLO  protocol" not in shown and time.monotonic() < end:
                if select.select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 4096)
                elif b"Quit: Ctrl+C" in shown:  # keys from before that are lost
                    os.write(ours, b"\n")
            os.write(ours, b"\x03")
            while process.poll() is None and time.monotonic() < end:  # what it still says must go somewhere
                if select.select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 4096)
        finally:
            process.kill()
            process.wait()
    text = shown.decode(errors="replace")
    assert re.search(r"#\d+  HELLO  protocol=\d+ .*board='nucleo_f446re'", text), text
    assert f"{load('nucleo').uart.baud} 8-N-1" in text
