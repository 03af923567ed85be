"""The Renode runner. No Renode was at hand: a stand-in that listens where it is told to proves the process's life, and
the command line is held against what release 1.16.1 was seen to take."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from boards import load, load_all
from boards.render import renode as platform
from conftest import run_module
from contract.run_folder import RunFolder
from firmware.build import build
from host.emulator import RUNNERS
from host.emulator.renode import arguments, boot, instructions, monitor_path, ticks_hz
from host.errors import HostError
from host.port import open_port

NUCLEO = load("nucleo")

# Listens on the port of its command line and sends back what it gets, until it reads `quit` on its standard input.
STAND_IN = """#!{python}
import re, socket, sys, threading
open({log!r}, "w").write("\\n".join(sys.argv[1:]))
server = socket.create_server(("127.0.0.1", int(re.search(r"CreateServerSocketTerminal (\\d+)", sys.argv[-1])[1])))
def serve():
    while True:
        connection, _ = server.accept()
        while data := connection.recv(100):
            connection.sendall(data)
threading.Thread(target=serve, daemon=True).start()
for line in sys.stdin:
    if line == "quit\\n":
        open({log!r}, "a").write("\\nquit")
        break
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program named renode on PATH; returns where it writes its arguments."""

    def install(text: str = STAND_IN) -> Path:
        log = tmp_path / "log"
        program = tmp_path / "renode"
        program.write_text(text.format(python=sys.executable, log=str(log)))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        return log

    return install


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.elf"
    path.touch()
    return path


def test_the_process_lives_as_long_as_the_block(stand_in: Callable[..., Path], elf: Path) -> None:
    log = stand_in()
    with boot(NUCLEO, elf) as url:
        port = open_port(url, NUCLEO.uart.baud)
        port.timeout = 10
        port.write(b"hello")
        assert port.read(5) == b"hello"
        port.close()
    *told, last = log.read_text().splitlines()
    assert told[:4] == ["--disable-gui", "--console", "--plain", "-e"]
    assert f"set bin @{elf}; include @" in told[4] and told[4].endswith("connector Connect sysbus.usart2 link; start")
    assert last == "quit"
    with pytest.raises(HostError, match="nothing answers there"):
        open_port(url, NUCLEO.uart.baud)


def test_the_script_is_there_while_it_runs(stand_in: Callable[..., Path], elf: Path) -> None:
    log = stand_in()
    with boot(NUCLEO, elf):
        script = Path(log.read_text().split("include @")[1].split(";")[0])
        assert script.read_text() == platform.resc(NUCLEO)
        assert script.with_suffix(".repl").read_text() == platform.repl(NUCLEO)
    assert not script.exists()


def test_one_that_ignores_quit_is_ended(
    stand_in: Callable[..., Path], elf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.emulator.renode.STOP_SECONDS", 0.2)
    log = stand_in(STAND_IN.replace("break", "import time; time.sleep(600)"))
    with boot(NUCLEO, elf) as url:
        pass
    assert log.read_text().startswith("--disable-gui")
    with pytest.raises(HostError, match="nothing answers there"):
        open_port(url, NUCLEO.uart.baud)


def test_one_that_ends_by_itself_is_an_error_with_its_words(stand_in: Callable[..., Path], elf: Path) -> None:
    stand_in("#!/bin/sh\necho There was an error executing command: no such file\nexit 1\n")
    with (
        pytest.raises(HostError, match=r"exit status 1.*It said: There was an error executing command"),
        boot(NUCLEO, elf),
    ):
        pass


def test_the_socket_carries_no_telnet_bytes_and_blanks_are_escaped(tmp_path: Path) -> None:
    words = arguments(NUCLEO, tmp_path / "a b.elf", tmp_path / "x.resc", 4321)
    assert 'emulation CreateServerSocketTerminal 4321 "link" false' in words[-1]
    assert f"set bin @{tmp_path}/a\\ b.elf;" in words[-1]
    assert monitor_path(Path("/x y/z")) == "@/x\\ y/z"


def test_one_instruction_a_tick() -> None:
    assert RUNNERS["renode"].boot is boot
    assert (ticks_hz(NUCLEO), instructions(NUCLEO, 1234)) == (16_000_000, 1234)


@pytest.mark.skipif(shutil.which("renode") is not None, reason="Renode is installed")
def test_without_renode_the_commands_say_how_to_get_it(run_folder: RunFolder) -> None:
    stream = run_module("host", "run", "--run", run_folder.path, "--board", "nucleo", "--port", "renode")
    suite = run_module("host", "renode", "--run", run_folder.path, "--board", "nucleo")
    for result, program in ((stream, "renode"), (suite, "renode-test")):
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: {program} is not on PATH. Run `sh scripts/renode.sh ~/renode && ")
        assert result.stderr.count("\n") == 1 and result.stdout == ""


def test_a_board_without_a_platform_is_refused_before_renode_is_asked_for(run_folder: RunFolder) -> None:
    result = run_module("host", "renode", "--run", run_folder.path, "--board", "pico")
    assert result.returncode == 2
    assert "raspberry_pi_pico: its board file names no Renode platform" in result.stderr and "PATH" not in result.stderr


def test_a_board_without_a_platform(stand_in: Callable[..., Path], run_folder: RunFolder) -> None:
    stand_in()
    image = run_folder.firmware("mps2_an386") / "firmware.elf"
    image.parent.mkdir(parents=True)
    image.touch()
    result = run_module("host", "run", "--run", run_folder.path, "--board", "mps2", "--port", "renode")
    assert result.returncode == 2
    assert "mps2_an386: its board file names no Renode platform" in result.stderr


PLATFORMS = [board.name for board in load_all() if board.emulator.renode]


@pytest.fixture(scope="module")
def images(
    digits: RunFolder, tones: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], RunFolder]:
    """A run folder, "digits" or "tones", with the image for a board."""
    folders = {}
    for name, folder in (("digits", digits), ("tones", tones)):
        copy = tmp_path_factory.mktemp("renode") / name
        shutil.copytree(folder.path, copy, ignore=shutil.ignore_patterns("firmware"))
        folders[name] = RunFolder(copy)

    def image(name: str, board: str) -> RunFolder:
        build(folders[name], load(board))
        return folders[name]

    return image


@pytest.mark.skipif(shutil.which("renode-test") is None, reason="renode-test is not on PATH: tests/renode is not run")
@pytest.mark.parametrize("name", ["digits", "tones"])
@pytest.mark.parametrize("board", PLATFORMS)
def test_the_robot_suite(board: str, name: str, images: Callable[[str, str], RunFolder]) -> None:
    """And, where QEMU has the board, that both count the same instructions."""
    result = run_module("host", "renode", "--run", images(name, board).path, "--board", board)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(shutil.which("renode") is None, reason="renode is not on PATH")
@pytest.mark.parametrize("name", ["digits", "tones"])
@pytest.mark.parametrize("board", PLATFORMS)
def test_samples_are_streamed_through_renode(board: str, name: str, images: Callable[[str, str], RunFolder]) -> None:
    run = images(name, board).path
    result = run_module("host", "run", "--run", run, "--board", board, "--port", "renode", "--limit", "40")
    assert result.returncode == 0, result.stdout + result.stderr
