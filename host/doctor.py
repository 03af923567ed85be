"""What is there, what is not, and the one command that cures it.

    for finding in examine(load("nucleo"), RunFolder(Path("runs/digits")), port=None):
        print(finding)

Needed is what the demonstration on the emulated board takes; a real board, its port, Renode and OpenOCD are optional,
unless a port is named: then it must answer. Nothing is installed and nothing is changed; a board is asked for HELLO
only, at its own baud rate first, at the usual ones if it is silent there.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from boards import Board, by_probe
from contract import manifest as manifests
from contract.errors import NO_DEVICE, DemurError
from contract.run_folder import RunFolder
from host import permission
from host.emulator import RUNNERS, qemu, renode

if TYPE_CHECKING:  # pyserial may be missing
    from host.messages.session import Hello

OK: Final = "ok"
FAILED: Final = "failed"
OPTIONAL: Final = "missing (optional)"
OPTIONAL_FAILED: Final = "failed (optional)"

COMPILER: Final = "arm-none-eabi-gcc"
TOOL_SECONDS: Final = 20  # a tool that has not said its version by then hangs

# One module that stands for each set of packages in pyproject.toml.
EXTRAS: Final = {"host": "serial", "train": "torch", "export": "tflite_micro", "firmware": "platformio"}

USUAL_BAUDS: Final = (115_200, 460_800, 230_400, 921_600, 57_600, 9_600)
"""What firmware of another version, or somebody else's, may talk at."""
BAUD_SECONDS: Final = 0.5  # for each of them: a board that has not answered five requests by then does not hear them

PROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"


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


class SilentError(DemurError):
    """A port that can be opened, and nothing says HELLO on it."""


def examine(board: Board, run: RunFolder, port: str | None) -> Iterator[Finding]:
    """The checks, in the order in which one needs another; what cannot be checked yet is left out. `port` is a pyserial
    URL; None looks for the board."""
    yield _packages()
    yield (compiler := _tool("compiler", COMPILER, "sudo apt-get install gcc-arm-none-eabi", FAILED))
    if compiler.status == OK:
        yield _c_library()
    yield (emulator := _tool("QEMU", qemu.PROGRAM, "sudo apt-get install qemu-system-arm", FAILED))
    if emulator.status == OK:
        yield (machine := _machine(board))
        if machine.status == OK:
            yield _emulated_board(board, run)
    yield _tool("Renode", renode.PROGRAM, renode.UNPACK, OPTIONAL)
    yield _tool("OpenOCD", "openocd", "sudo apt-get install openocd", OPTIONAL)
    emulated = port in ("emulator", *RUNNERS)
    if not emulated and importlib.util.find_spec("serial") is not None:  # or _packages() has said so
        yield _ports()
        yield from _port_and_board(board, run, None if port == "auto" else port)


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
        found = f"{qemu.PROGRAM} has no machine {wanted.machine}; 7.2 and newer ones do"
        return Finding("machine", FAILED, found, "sudo apt-get install qemu-system-arm")
    return Finding("machine", OK, f"{wanted.machine} for {board.name}")


def _emulated_board(board: Board, run: RunFolder) -> Finding:
    """The built image, booted and asked for HELLO."""
    check = "emulated board"
    elf = run.firmware(board.name) / "firmware.elf"
    if not elf.exists():
        return Finding(check, OPTIONAL, f"not booted: {elf} is not built yet", _build(board, run))
    try:
        with qemu.boot(board, elf) as url:
            _, hello = _greet(board, url)
    except DemurError as error:
        return Finding(check, FAILED, error.problem, _build(board, run))
    model = _model(board, run, hello, FAILED)
    return Finding(
        check,
        model.status,
        f"{hello.board}, {hello.firmware}, {_source(hello)}, {model.found}",
        model.cure and _build(board, run),
    )


def _source(hello: "Hello") -> str:
    count = f":{hello.source_count}" if hello.source_count else ""
    return f"source of samples {hello.source or 'none'}{count}"


def _build(board: Board, run: RunFolder) -> str:
    return f"make train export firmware RUN={run.path.name} BOARD={board.short_name}"


def _flash(board: Board, run: RunFolder) -> str:
    return f"make flash RUN={run.path.name} BOARD={board.short_name}"


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _ports() -> Finding:
    """All ports of this machine, and the boards that their USB ids are of."""
    from host.port import present

    named = by_probe()
    found = [f"{port}{f' = {_either(named[port.usb])}' if port.usb in named else ''}" for port in present()]
    if not found:
        return Finding(
            "ports", OPTIONAL, "no serial port is present; --port emulator needs none", "python -m host list"
        )
    return Finding("ports", OK, ", ".join(found))


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
            yield Finding("port", trouble, f"{port}: no permission to open it", permission.cure(usb))
            return
    yield Finding("port", OK, str(ports.get(port, port)))
    try:
        baud, hello = _greet(board, port)
    except DemurError as error:
        cure = _flash(board, run) if isinstance(error, SilentError) else error.next_step
        yield Finding("board", trouble, error.problem, cure)
        return
    if baud != board.uart.baud:
        found = f"{hello.board} answers at {baud} baud, but its board file says {board.uart.baud}"
        yield Finding("board", trouble, found, _flash(board, run))
    else:
        yield Finding("board", OK, f"{hello.board} answers at {baud} baud")
    yield _firmware(board, run, hello)
    yield _model(board, run, hello, trouble)


def _greet(board: Board, url: str) -> "tuple[int, Hello]":
    """The baud rate at which the board answers, and what it says of itself. Raises SilentError, or DemurError: no such
    port, another board, another protocol."""
    from host.link import HELLO_SECONDS, connect
    from host.port import open_port

    own = board.uart.baud
    # Sockets and the like have no baud rate.
    bauds = (own, *(baud for baud in USUAL_BAUDS if baud != own)) if Path(url).is_absolute() else (own,)
    silence: DemurError | None = None
    for baud in bauds:
        port = open_port(url, baud)
        try:
            with connect(port, url, board.name, None, BAUD_SECONDS if silence else HELLO_SECONDS) as link:
                return baud, link.hello
        except DemurError as error:
            if error.exit_code != NO_DEVICE:
                raise  # it answers, and is not what was expected
            silence = silence or error
    assert silence is not None
    also = f" Nor at {', '.join(map(str, bauds[1:]))} baud." if bauds[1:] else ""
    raise SilentError(silence.problem + also, silence.next_step, silence.exit_code)


def _firmware(board: Board, run: RunFolder, hello: "Hello") -> Finding:
    """Whether the firmware is of this version. One that speaks our protocol (_greet) works, so it is no failure."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    ours = f"{project['name']} {project['version']}"
    built = f"{hello.firmware}, engine {hello.engine.name.lower()}, protocol {hello.protocol}, {_source(hello)}"
    if hello.firmware != ours:
        return Finding("firmware", OPTIONAL_FAILED, f"{built}; this is {ours}", _flash(board, run))
    return Finding("firmware", OK, built)


def _model(board: Board, run: RunFolder, hello: "Hello", trouble: str) -> Finding:
    """Whether the board carries the model of the run."""
    carried = f"model {hello.model_hash:016x}"
    if not run.manifest.exists():
        cure = f"make train export RUN={run.path.name} BOARD={board.short_name}"
        return Finding("model", OPTIONAL, f"{carried}, of whatever run that is: {run.manifest} is not there", cure)
    try:
        expected = manifests.load(run.manifest).hash
    except DemurError as error:
        return Finding("model", trouble, error.problem, f"python -m export {run.path}")
    if hello.model_hash != expected:
        return Finding("model", trouble, f"{carried}, that of {run.path} is {expected:016x}", _flash(board, run))
    return Finding("model", OK, f"{carried}, that of {run.path}")
