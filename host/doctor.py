"""What is there, what is not, and the one command that cures it.

    for finding in examine(load("nucleo"), RunFolder(Path("runs/digits")), port=None):
        print(finding)

Needed is what the demonstration on the emulated board takes; a real board, its port, Renode and OpenOCD are optional, unless
a port is named: then it must answer. Nothing is installed and nothing is changed; a board is asked for HELLO only.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards import Board, load_all
from contract import manifest as manifests
from contract.errors import DemurError
from contract.run_folder import RunFolder
from host.emulator import RUNNERS, qemu, renode

OK: Final = "ok"
FAILED: Final = "failed"
OPTIONAL: Final = "missing (optional)"
OPTIONAL_FAILED: Final = "failed (optional)"

COMPILER: Final = "arm-none-eabi-gcc"
TOOL_SECONDS: Final = 20  # a tool that has not said its version by then hangs

# One module that stands for each set of packages in pyproject.toml.
EXTRAS: Final = {"host": "serial", "train": "torch", "export": "tflite_micro", "firmware": "platformio"}

RULES: Final = Path("/etc/udev/rules.d/99-demur.rules")
INSTALL_RULES: Final = (
    f"sudo cp boards/udev/{RULES.name} {RULES.parent}/ && sudo udevadm control --reload && sudo udevadm trigger"
)


@dataclass(frozen=True)
class Finding:
    """`status` is one of the four above; `cure` is what to do unless it is OK."""

    check: str
    status: str
    found: str
    cure: str | None = None

    def __str__(self) -> str:
        line = f"{self.status:<18}  {self.check:<14}  {self.found}"
        return line if self.cure is None else f"{line}\n{'':<18}  {'':<14}  -> {self.cure}"


def examine(board: Board, run: RunFolder, port: str | None) -> Iterator[Finding]:
    """The checks, in the order in which one needs another; what cannot be checked yet is left out. `port` is a pyserial URL; None looks for the board."""
    yield _packages()
    yield (compiler := _tool("compiler", COMPILER, "sudo apt-get install gcc-arm-none-eabi", FAILED))
    if compiler.status == OK:
        yield _c_library()
    yield (emulator := _tool("QEMU", qemu.PROGRAM, "sudo apt-get install qemu-system-arm", FAILED))
    if emulator.status == OK:
        yield (machine := _machine(board))
        if machine.status == OK:
            yield _emulated_board(board, run)
    yield _tool("Renode", renode.PROGRAM, renode.INSTALL, OPTIONAL)
    yield _tool("OpenOCD", "openocd", "sudo apt-get install openocd", OPTIONAL)
    emulated = port in ("emulator", *RUNNERS)
    if not emulated and importlib.util.find_spec("serial") is not None:  # or _packages() has said so
        yield from _port_and_board(board, run, port)


def _packages() -> Finding:
    missing = [extra for extra, module in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        return Finding("packages", FAILED, f"the Python packages of {', '.join(missing)} are missing", "make setup")
    return Finding("packages", OK, f"the Python packages of {', '.join(EXTRAS)}")


def _tool(check: str, program: str, cure: str, status: str) -> Finding:
    """A program on PATH that says its version."""
    path = shutil.which(program)
    if path is None:
        return Finding(check, status, f"{program} is not on PATH", cure)
    said = _ask(path, "--version")
    version = re.search(r"\d+\.\d+\.\d+", said or "")
    if version is None:
        return Finding(check, status, f"{path} does not say its version", cure)
    return Finding(check, OK, f"{program} {version[0]} ({path})")


def _ask(*command: str) -> str | None:
    """What a command says; None if it cannot be run, or fails."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, errors="replace", timeout=TOOL_SECONDS, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None


def _c_library() -> Finding:
    """GCC names a library's file by its full path if it has it, else by the name it was asked for."""
    cure = "sudo apt-get install libnewlib-arm-none-eabi"
    path = (_ask(COMPILER, "-print-file-name=nano.specs") or "").strip()
    if not Path(path).is_absolute():
        return Finding("C library", FAILED, f"{COMPILER} has no newlib-nano", cure)
    return Finding("C library", OK, f"newlib-nano ({Path(path).parent})")


def _machine(board: Board) -> Finding:
    """Whether this QEMU has the board's machine."""
    wanted = board.emulator.qemu
    if wanted is None:
        return Finding("machine", OPTIONAL, f"QEMU has no machine for {board.name}", "python -m boards")
    listed = {line.split()[0] for line in (_ask(qemu.PROGRAM, "-machine", "help") or "").splitlines() if line.strip()}
    if wanted.machine not in listed:
        cure = "install QEMU 7.2 or newer (`sudo apt-get install qemu-system-arm`)"
        return Finding("machine", FAILED, f"{qemu.PROGRAM} has no machine {wanted.machine}", cure)
    return Finding("machine", OK, f"{wanted.machine} for {board.name}")


def _emulated_board(board: Board, run: RunFolder) -> Finding:
    """The built image, booted and asked for HELLO."""
    check = "emulated board"
    elf = run.firmware(board.name) / "firmware.elf"
    if not elf.exists():
        cure = f"make train export firmware RUN={run.path.name} BOARD={board.short_name}"
        return Finding(check, OPTIONAL, f"not booted: {elf} is not built yet", cure)
    try:
        with qemu.boot(board, elf) as url:
            return Finding(check, OK, _hello(board, run, url))
    except DemurError as error:
        return Finding(check, FAILED, error.problem, error.next_step)


def _port_and_board(board: Board, run: RunFolder, port: str | None) -> Iterator[Finding]:
    """The port: there, permitted, answering."""
    from host.port import find, present

    missing, trouble = (FAILED, FAILED) if port else (OPTIONAL, OPTIONAL_FAILED)
    if port is None:
        if board.probe is None:
            yield Finding("port", OPTIONAL, f"{board.name} exists as an emulated machine only", "python -m boards")
            return
        try:
            port = find(board.probe.usb)
        except DemurError as error:
            yield Finding("port", OPTIONAL, error.problem, error.next_step)
            return
    ports = {each.device: each for each in present()}
    if Path(port).is_absolute():
        if not Path(port).exists():
            listed = ", ".join(map(str, ports.values())) or "none"
            yield Finding("port", missing, f"{port} does not exist; present: {listed}", "python -m host list")
            return
        if not os.access(port, os.R_OK | os.W_OK):
            usb = ports[port].usb if port in ports else None
            yield Finding("port", trouble, f"{port}: no permission to open it", permission_cure(usb))
            return
    yield Finding("port", OK, str(ports.get(port, port)))
    try:
        yield Finding("board", OK, _hello(board, run, port))
    except DemurError as error:
        yield Finding("board", trouble, error.problem, error.next_step)


def permission_cure(usb: str | None, rules: Path = RULES) -> str:
    """The command that opens a port with that USB id: our udev rules, if they name it."""
    if usb not in {board.probe.usb for board in load_all() if board.probe}:
        return "sudo usermod -aG dialout $USER, and log in again"
    if rules.exists():
        return "sudo udevadm control --reload && sudo udevadm trigger"
    return INSTALL_RULES


def _hello(board: Board, run: RunFolder, url: str) -> str:
    """What the board says of itself. Raises DemurError: silent, another board, another model than the manifest's."""
    from host.link import connect
    from host.port import open_port

    expected = manifests.load(run.manifest).hash if run.manifest.exists() else None
    with connect(open_port(url, board.uart.baud), url, board.name, expected) as link:
        hello = link.hello
    origin = "whatever run that is of" if expected is None else f"that of {run.path}"
    return f"{hello.board}, {hello.firmware}, {board.uart.baud} baud, model {hello.model_hash:016x}: {origin}"
