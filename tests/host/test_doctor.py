"""The doctor on machines that lack this and that: a PATH of our own, ports that are silent, wrong or not permitted."""

import json
import os
import select
import socket
import subprocess
import sys
import termios
import threading
import tomllib
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boards import load, load_all
from boards.render import udev
from conftest import ROOT, run_module
from contract.run_folder import RunFolder
from host import doctor, permission
from host.doctor import FAILED, OK, OPTIONAL, OPTIONAL_FAILED, Finding, examine
from host.messages.session import PROTOCOL
from host.port import Port
from scripted_board import ScriptedBoard, hello

QEMU = "echo 'QEMU emulator version 7.2.0'; [ \"$1\" != -machine ] || echo 'netduinoplus2  Netduino Plus 2 (Cortex-M4)'"
TOOLS = {
    "arm-none-eabi-gcc": "case $1 in -print*) echo /lib/nano.specs;; *) echo 'arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205';; esac",
    "qemu-system-arm": QEMU,
    "openocd": "echo 'Open On-Chip Debugger 0.12.0' >&2",
    "renode": "echo 'Renode, version 1.16.1.12345 (abcdef-202501010000)'",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes PATH a folder with these programs and no other, each a shell script."""

    def install(**changes: str | None) -> None:
        folder = tmp_path / "tools"
        folder.mkdir()
        for name, script in (TOOLS | {name.replace("_", "-"): text for name, text in changes.items()}).items():
            if script is not None:
                (folder / name).write_text(f"#!/bin/sh\n{script}\n")
                (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return install


def found(run: RunFolder, port: str | None = None, board: str = "nucleo") -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(load(board), run, port)}


def command(run: RunFolder, *more: str) -> tuple[int, list[dict[str, Any]]]:
    result = run_module("host", "doctor", "--run", run.path, "--json", *more)
    assert "Traceback" not in result.stderr
    return result.returncode, json.loads(result.stdout)


def test_everything_there_but_a_board(tools: Callable[..., None], run_folder: RunFolder) -> None:
    tools()
    code, findings = command(run_folder)
    assert code == 0
    by_check = {finding["check"]: finding for finding in findings}
    assert {check for check, finding in by_check.items() if finding["status"] == OK} >= {
        "packages", "compiler", "C library", "QEMU", "machine", "Renode", "OpenOCD"
    }  # fmt: skip
    assert "12.2.1" in by_check["compiler"]["found"] and "0.12.0" in by_check["OpenOCD"]["found"]
    assert "1.16.1" in by_check["Renode"]["found"]
    assert by_check["emulated board"]["status"] == OPTIONAL
    assert by_check["emulated board"]["cure"] == "make train export firmware RUN=scripted BOARD=nucleo"
    assert not any(finding["status"] == FAILED for finding in findings)


def test_what_is_optional_may_be_missing(tools: Callable[..., None], run_folder: RunFolder) -> None:
    tools(openocd=None, renode=None)
    code, findings = command(run_folder)
    missing = {finding["check"]: finding["cure"] for finding in findings if finding["status"] == OPTIONAL}
    assert code == 0
    assert missing["OpenOCD"] == "sudo apt-get install openocd"
    assert "sh scripts/renode.sh" in missing["Renode"]


# What is wrong with a tool, the check that fails, and its cure.
BROKEN = {
    "no compiler": ({"arm_none_eabi_gcc": None}, "compiler", "sudo apt-get install gcc-arm-none-eabi"),
    "a compiler that does not run": ({"arm_none_eabi_gcc": "exit 1"}, "compiler", "gcc-arm-none-eabi"),
    "no C library": (
        {"arm_none_eabi_gcc": "case $1 in -print*) echo nano.specs;; *) echo gcc 12.2.1;; esac"},
        "C library", "sudo apt-get install libnewlib-arm-none-eabi"),
    "no QEMU": ({"qemu_system_arm": None}, "QEMU", "sudo apt-get install qemu-system-arm"),
    "a QEMU without the machine": (
        {"qemu_system_arm": "echo 'QEMU emulator version 2.0.0'"}, "machine", "sudo apt-get install qemu-system-arm"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_needed_must_be_there(case: str, tools: Callable[..., None], run_folder: RunFolder) -> None:
    changes, check, cure = BROKEN[case]
    tools(**changes)
    code, findings = command(run_folder)
    failed = {finding["check"]: finding["cure"] for finding in findings if finding["status"] == FAILED}
    assert code == 1
    assert cure in failed[check]
    assert all(finding["cure"] for finding in findings if finding["status"] != OK)


def test_each_failed_check_prints_its_cure_below_it(tools: Callable[..., None], run_folder: RunFolder) -> None:
    tools(arm_none_eabi_gcc=None)
    lines = run_module("host", "doctor", "--run", run_folder.path).stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("failed") and "compiler" in line)
    assert lines[at + 1].strip() == "-> sudo apt-get install gcc-arm-none-eabi"


def test_without_packages_the_doctor_still_speaks(run_folder: RunFolder) -> None:
    # No site-packages at all, as before `make setup`.
    command = [sys.executable, "-S", "-m", "host", "doctor", "--run", str(run_folder.path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    first = result.stdout.splitlines()
    assert first[0].startswith(FAILED) and "host, train, export, firmware" in first[0]
    assert first[1].strip() == "-> make setup"


def ours() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return f"{project['name']} {project['version']}"


def test_a_board_that_answers(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(firmware=ours())) as board:
        code, findings = command(run_folder, "--port", board.url)
    assert code == 0
    by_check = {finding["check"]: finding for finding in findings}
    assert by_check["board"]["found"] == "nucleo_f446re answers at 460800 baud"
    assert by_check["firmware"]["found"] == f"{ours()}, engine aot, protocol {PROTOCOL}, source of samples none"
    assert by_check["model"]["found"] == f"model 0123456789abcdef, that of {run_folder.path}"
    assert [by_check[check]["status"] for check in ("port", "board", "firmware", "model")] == 4 * [OK]


def test_a_board_that_answers_before_anything_was_exported(tmp_path: Path) -> None:
    with ScriptedBoard() as board:
        findings = found(RunFolder(tmp_path / "new"), board.url)
    assert findings["board"].status == OK
    model = findings["model"]
    assert (model.status, model.cure) == (OPTIONAL, "make train export RUN=new BOARD=nucleo")
    assert "0123456789abcdef" in model.found


def test_firmware_of_another_version_is_named_and_works(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(firmware="demur 0.0.1")) as board:
        finding = found(run_folder, board.url)["firmware"]
    assert finding.status == OPTIONAL_FAILED and finding.cure == "make flash RUN=scripted BOARD=nucleo"
    assert "demur 0.0.1" in finding.found and f"this is {ours()}" in finding.found


def test_a_named_port_must_answer_with_the_right_model(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(model_hash=0xFEDCBA9876543210)) as board:
        code, findings = command(run_folder, "--port", board.url)
    last = findings[-1]
    assert (code, last["check"], last["status"]) == (1, "model", FAILED)
    assert "fedcba9876543210" in last["found"] and "0123456789abcdef" in last["found"]
    assert last["cure"] == "make flash RUN=scripted BOARD=nucleo"


def test_another_board_another_protocol_and_a_silent_one(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedBoard(hello(board="mps2_an386")) as board:
        finding = found(run_folder, board.url)["board"]
    assert finding.status == FAILED and "--board mps2_an386" in (finding.cure or "")
    with ScriptedBoard(hello(protocol=PROTOCOL + 1)) as board:
        finding = found(run_folder, board.url)["board"]
    assert finding.status == FAILED and f"speaks protocol {PROTOCOL + 1}" in finding.found
    monkeypatch.setattr("host.link.HELLO_SECONDS", 0.5)
    with ScriptedBoard(silent=True) as board:
        findings = found(run_folder, board.url)
    finding = findings["board"]
    assert finding.status == FAILED and "no HELLO" in finding.found
    assert finding.cure == "make flash RUN=scripted BOARD=nucleo"
    assert "baud" not in finding.found  # a socket has none
    assert not {"firmware", "model"} & findings.keys()


def test_a_port_that_only_echoes_and_one_where_nothing_listens(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.link.HELLO_SECONDS", 0.5)
    finding = found(run_folder, "loop://")["board"]
    assert finding.status == FAILED and "no HELLO" in finding.found
    finding = found(run_folder, "socket://127.0.0.1:1")["board"]
    assert finding.status == FAILED and "nothing answers there" in finding.found


class Terminal:
    """A terminal device behind which a board hears and speaks at one baud rate only; noise at any other is not heard at
    all."""

    def __init__(self, board: ScriptedBoard, baud: int) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._speed = getattr(termios, f"B{baud}")
        address = board.url.removeprefix("socket://").split(":")
        self._board = socket.create_connection((address[0], int(address[1])))
        self._thread = threading.Thread(target=self._relay)
        self._ends, self._end = os.pipe()

    def __enter__(self) -> "Terminal":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._end)
        self._thread.join()
        self._board.close()
        for descriptor in (self._ends, self._master, self._slave):
            os.close(descriptor)

    def _relay(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._board, self._ends], [], [])
            if self._ends in ready:
                return
            in_step = termios.tcgetattr(self._slave)[4] == self._speed
            if self._master in ready and (data := os.read(self._master, 4096)) and in_step:
                self._board.sendall(data)
            if self._board in ready and (data := self._board.recv(4096)) and in_step:
                os.write(self._master, data)


def test_a_board_that_answers_at_another_baud_rate(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.link.HELLO_SECONDS", 0.5)
    with ScriptedBoard() as board, Terminal(board, 115_200) as terminal:
        findings = found(run_folder, terminal.path)
    finding = findings["board"]
    assert (finding.status, finding.cure) == (FAILED, "make flash RUN=scripted BOARD=nucleo")
    assert finding.found == "nucleo_f446re answers at 115200 baud, but its board file says 460800"
    assert findings["model"].status == OK
    with ScriptedBoard() as board, Terminal(board, 460_800) as terminal:
        assert found(run_folder, terminal.path)["board"].status == OK


def test_a_board_that_is_silent_at_every_baud_rate(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.link.HELLO_SECONDS", 0.2)
    monkeypatch.setattr(doctor, "BAUD_SECONDS", 0.1)
    with ScriptedBoard(silent=True) as board, Terminal(board, 460_800) as terminal:
        finding = found(run_folder, terminal.path)["board"]
    assert finding.status == FAILED and finding.cure == "make flash RUN=scripted BOARD=nucleo"
    assert "Nor at 115200, 230400, 921600, 57600, 9600 baud" in finding.found


def test_all_ports_are_listed_with_the_boards_that_they_are(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = (
        Port("/dev/ttyACM0", "0d28:0204", "DAPLink"),
        Port("/dev/ttyACM1", "0483:374b", "ST"),
        Port("/dev/ttyS0", None, ""),
    )
    monkeypatch.setattr("host.port.present", lambda: ports)
    monkeypatch.setattr("host.port.find", lambda usb: "socket://127.0.0.1:1")
    finding = found(run_folder)["ports"]
    assert finding.status == OK
    daplink, stlink, plain = finding.found.split(", /dev/")
    assert "microbit" in daplink.removeprefix("/dev/ttyACM0 (0d28:0204, DAPLink) = ").split(" or ")
    assert {"nucleo", "nucleo_f401re"} <= set(stlink.removeprefix("ttyACM1 (0483:374b, ST) = ").split(" or "))
    assert plain == "ttyS0"
    monkeypatch.setattr("host.port.present", lambda: ())
    assert found(run_folder)["ports"].status == OPTIONAL


def test_auto_is_the_board_found_by_its_usb_id(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedBoard() as board:
        monkeypatch.setattr("host.port.find", lambda usb: board.url)
        findings = found(run_folder, "auto")
    assert (findings["port"].found, findings["board"].status) == (board.url, OK)


def test_a_named_port_that_does_not_exist(run_folder: RunFolder) -> None:
    code, findings = command(run_folder, "--port", "/dev/no_such_port")
    assert code == 1
    assert (findings[-1]["check"], findings[-1]["status"]) == ("port", FAILED)
    assert "/dev/no_such_port does not exist" in findings[-1]["found"]


def test_an_emulated_machine_has_no_port(run_folder: RunFolder) -> None:
    finding = found(run_folder, board="mps2")["port"]
    assert finding.status == OPTIONAL and "emulated machine" in finding.found
    assert "port" not in found(run_folder, "emulator")


def test_a_port_that_may_not_be_opened(run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who runs tests in a container, may open anything
    monkeypatch.setattr("host.port.find", lambda usb: str(device))
    named, automatic = found(run_folder, str(device)), found(run_folder)
    assert (named["port"].status, automatic["port"].status) == (FAILED, OPTIONAL_FAILED)
    assert "no permission" in named["port"].found and named["port"].cure
    assert "board" not in named


def test_the_cure_of_a_forbidden_port_is_the_one_that_helps(tmp_path: Path) -> None:
    rules = tmp_path / "99-demur.rules"
    assert "cp boards/udev/99-demur.rules /etc/udev/rules.d/" in permission.cure("0483:374b", rules)
    assert "dialout" in permission.cure("1a86:7523", rules)  # some USB adapter: our rules do not name it
    assert "dialout" in permission.cure(None, rules)
    rules.touch()
    assert permission.cure("0483:374b", rules).startswith("sudo udevadm control --reload")


def test_the_shipped_rules_are_those_of_the_board_files() -> None:
    shipped = ROOT / "boards/udev/99-demur.rules"
    assert shipped.read_text() == udev.render(load_all())
    assert shipped.name == permission.RULES.name
    assert f"cp {shipped.relative_to(ROOT)} {permission.RULES.parent}/" in udev.INSTALL
    for board in load_all():
        for usb in board.probe.usb if board.probe else ():
            vendor, product = usb.split(":")
            assert f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"' in shipped.read_text()
