"""`python -m host hello`, the end of `make flash`: a board that answers, that answers late, or as another one."""

import os
import pty
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boards import load
from conftest import run_module
from contract.errors import DONE, KNOWN_FAILURE, NO_DEVICE
from contract.run_folder import RunFolder
from host import greeting
from host.errors import HostError
from scripted_board import MODEL_HASH, ScriptedBoard, hello

NUCLEO = load("nucleo")


def test_a_board_that_runs_with_the_model_of_the_run(run_folder: RunFolder) -> None:
    with ScriptedBoard() as board:
        result = run_module("host", "hello", "--run", run_folder.path, "--board", "nucleo", "--port", board.url)
    assert result.returncode == DONE, result.stderr
    assert result.stdout == f"{board.url}: nucleo_f446re, scripted, 180 MHz, model {MODEL_HASH:016x}: HELLO\n"


def test_another_model_is_said_at_once(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(model_hash=0xFEDCBA9876543210)) as board:
        result = run_module("host", "hello", "--run", run_folder.path, "--board", "nucleo", "--port", board.url)
    assert result.returncode == KNOWN_FAILURE
    assert "fedcba9876543210" in result.stderr and "0123456789abcdef" in result.stderr


def test_a_silent_board(run_folder: RunFolder) -> None:
    with ScriptedBoard(silent=True) as board:
        named = ("--run", run_folder.path, "--board", "nucleo", "--port", board.url, "--seconds", "0.3")
        result = run_module("host", "hello", *named)
    assert result.returncode == NO_DEVICE
    assert "no HELLO" in result.stderr and "Traceback" not in result.stderr


def test_a_port_that_comes_back_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "PORT_SECONDS", 0.01)
    looked = []

    def find(usb: tuple[str, ...], serial_number: str | None) -> str:
        looked.append((usb, serial_number))
        if len(looked) < 3:
            raise HostError("No serial port has the USB id.", "Plug it in.", NO_DEVICE)
        return board.url

    monkeypatch.setattr("host.port.find", find)
    with ScriptedBoard() as board:
        url, said = greeting.wait(NUCLEO, "auto", MODEL_HASH, seconds=10.0, probe="066E")
    assert (url, said.board, looked) == (board.url, "nucleo_f446re", 3 * [(("0483:374b",), "066E")])


def test_a_port_that_does_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "PORT_SECONDS", 0.01)
    monkeypatch.setattr("host.port.present", lambda: ())
    start = time.monotonic()
    with pytest.raises(HostError, match="0483:374b") as caught:
        greeting.wait(NUCLEO, "auto", MODEL_HASH, seconds=0.05)
    assert caught.value.exit_code == NO_DEVICE and time.monotonic() - start < 10


def test_a_board_that_no_usb_id_leads_to() -> None:
    with pytest.raises(HostError, match="names no USB id") as caught:
        greeting.wait(load("mps2"), "auto", None, seconds=1.0)
    assert caught.value.exit_code == KNOWN_FAILURE and "--port" in caught.value.next_step


def test_before_anything_was_exported(tmp_path: Path) -> None:
    result = run_module("host", "hello", "--run", tmp_path, "--board", "nucleo", "--port", "loop://")
    assert result.returncode == KNOWN_FAILURE and "manifest.json" in result.stderr


@pytest.fixture
def device() -> Iterator[Callable[[dict[bytes, bytes]], str]]:
    """A serial port whose other end answers each request, which ends with '%', by the table; the first is lost, as by a
    board that boots."""
    ends: list[int] = []

    def answer(controller: int, answers: dict[bytes, bytes]) -> None:
        asked, requests = b"", 0
        try:
            while data := os.read(controller, 100):
                *whole, asked = (asked + data).split(b"%")
                for request in whole:
                    requests += 1
                    if requests > 1:
                        os.write(controller, answers.get(request, b""))
        except OSError:  # closed
            pass

    def start(answers: dict[bytes, bytes]) -> str:
        controller, end = pty.openpty()
        tty.setraw(end)
        ends.extend((controller, end))
        threading.Thread(target=answer, args=(controller, answers), daemon=True).start()
        return os.ttyname(end)

    yield start
    for end in ends:
        os.close(end)


def ask_mlperf(port: str, *more: str) -> "subprocess.CompletedProcess[str]":
    named = ("--run", "runs/none", "--board", "nucleo", "--port", port, "--mlperf", *more)
    return run_module("host", "hello", *named)


def test_mlperfs_application_says_its_name(device: Callable[[dict[bytes, bytes]], str]) -> None:
    port = device({b"name": b"m-name-dut-[nucleo_f446re]\r\nm-ready\r\n"})
    result = ask_mlperf(port)
    assert result.returncode == DONE, result.stderr
    assert result.stdout == f"{port}: nucleo_f446re: m-ready\n"


def test_mlperfs_application_of_another_board_is_said_at_once(device: Callable[[dict[bytes, bytes]], str]) -> None:
    result = ask_mlperf(device({b"name": b"m-name-dut-[nucleo_f401re]\r\nm-ready\r\n"}))
    assert result.returncode == KNOWN_FAILURE
    assert "'nucleo_f401re', expected nucleo_f446re" in result.stderr


@pytest.mark.parametrize(
    ("answers", "words"),
    [({}, "press reset"), ({b"name": b"m-name-dut-[nucleo_f446re]\r\n"}, "Something talks")],
)
def test_mlperfs_application_that_does_not_answer(
    answers: dict[bytes, bytes], words: str, device: Callable[[dict[bytes, bytes]], str]
) -> None:
    result = ask_mlperf(device(answers), "--seconds", "1")
    assert result.returncode == NO_DEVICE and "Traceback" not in result.stderr
    assert "no m-name-dut and m-ready" in result.stderr and words in result.stderr


def test_the_rate_of_mlperfs_application_is_that_of_its_image() -> None:
    from firmware.model_files import APPS
    from host import mlperf

    assert APPS["mlperf"].baud == mlperf.BAUD


@pytest.mark.parametrize(("app", "asked"), [("mlperf", True), ("demur", False)])
def test_make_flash_asks_the_board_whatever_it_does(app: str, asked: bool) -> None:
    """What make would run, after setup."""
    root = Path(__file__).parents[2]
    result = subprocess.run(
        ["make", "-n", "flash", f"APP={app}", "RUN=digits"], cwd=root, capture_output=True, text=True, check=True
    )
    (line,) = [line for line in result.stdout.splitlines() if "host hello" in line]
    assert ("--mlperf" in line) == asked
