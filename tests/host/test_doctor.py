"""The doctor on machines that lack this and that: a PATH of our own, ports that are silent, wrong or not permitted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boards import load, load_all
from boards.render import udev
from conftest import ROOT, run_module
from contract.run_folder import RunFolder
from host import doctor
from host.doctor import FAILED, OK, OPTIONAL, OPTIONAL_FAILED, Finding, examine
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
    assert "renode/releases" in missing["Renode"]


# What is wrong with a tool, the check that fails, and its cure.
BROKEN = {
    "no compiler": ({"arm_none_eabi_gcc": None}, "compiler", "sudo apt-get install gcc-arm-none-eabi"),
    "a compiler that does not run": ({"arm_none_eabi_gcc": "exit 1"}, "compiler", "gcc-arm-none-eabi"),
    "no C library": (
        {"arm_none_eabi_gcc": "case $1 in -print*) echo nano.specs;; *) echo gcc 12.2.1;; esac"},
        "C library", "sudo apt-get install libnewlib-arm-none-eabi"),
    "no QEMU": ({"qemu_system_arm": None}, "QEMU", "sudo apt-get install qemu-system-arm"),
    "a QEMU without the machine": (
        {"qemu_system_arm": "echo 'QEMU emulator version 2.0.0'"}, "machine", "QEMU 7.2"),
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


def test_a_board_that_answers(run_folder: RunFolder) -> None:
    with ScriptedBoard() as board:
        finding = found(run_folder, board.url)["board"]
    assert finding.status == OK
    for words in ("nucleo_f446re", "scripted", "460800 baud", "0123456789abcdef", str(run_folder.path)):
        assert words in finding.found


def test_a_board_that_answers_before_anything_was_exported(tmp_path: Path) -> None:
    with ScriptedBoard() as board:
        finding = found(RunFolder(tmp_path), board.url)["board"]
    assert (finding.status, "0123456789abcdef" in finding.found) == (OK, True)


def test_a_named_port_must_answer_with_the_right_model(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(model_hash=0xFEDCBA9876543210)) as board:
        code, findings = command(run_folder, "--port", board.url)
    last = findings[-1]
    assert (code, last["check"], last["status"]) == (1, "board", FAILED)
    assert "fedcba9876543210" in last["found"] and "make flash" in last["cure"]


def test_another_board_and_a_silent_one(run_folder: RunFolder) -> None:
    with ScriptedBoard(hello(board="mps2_an386")) as board:
        finding = found(run_folder, board.url)["board"]
    assert finding.status == FAILED and "--board mps2_an386" in (finding.cure or "")
    with ScriptedBoard(silent=True) as board:
        finding = found(run_folder, board.url)["board"]
    assert finding.status == FAILED and "no HELLO" in finding.found


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
    assert "cp boards/udev/99-demur.rules /etc/udev/rules.d/" in doctor.permission_cure("0483:374b", rules)
    assert "dialout" in doctor.permission_cure("1a86:7523", rules)  # some USB adapter: our rules do not name it
    assert "dialout" in doctor.permission_cure(None, rules)
    rules.touch()
    assert doctor.permission_cure("0483:374b", rules).startswith("sudo udevadm control --reload")


def test_the_shipped_rules_are_those_of_the_board_files() -> None:
    shipped = ROOT / "boards/udev/99-demur.rules"
    assert shipped.read_text() == udev.render(load_all())
    assert shipped.name == doctor.RULES.name and str(shipped.relative_to(ROOT)) in doctor.INSTALL_RULES
    for board in load_all():
        if board.probe:
            vendor, product = board.probe.usb.split(":")
            assert f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"' in shipped.read_text()
