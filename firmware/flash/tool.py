"""A program on PATH that programs boards: run it, and tell from its words what happened.

    run("OpenOCD", command, board, success=r"\\*\\* Verified OK \\*\\*", failures=FAILURES)

Such programs end with one code whatever went wrong, so their words decide. They are given no input: none may ask.
"""

import re
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from boards import Board
from boards.render import udev
from contract.errors import CHECK_FAILED, KNOWN_FAILURE, NO_DEVICE
from firmware.errors import FirmwareError, Unreachable

TIMEOUT: Final = 120
"""Seconds. 512 KiB through an ST-LINK/V2-1 take some 15."""

PERMIT: Final = f"Install the udev rules (`{udev.INSTALL}`), then plug the board in again."
PLUG_IN: Final = "Connect the USB port of the board's probe, and check that the cable carries data."
CONNECT: Final = "Connect a debug probe to the board, which has none of its own."
CHECK_TARGET: Final = "Check the board's power and jumpers, hold reset while it connects, and try again."
CHECK_CHIP: Final = "Check that the board is the one that BOARD names: `python -m boards` lists them with their chips."
UPGRADE: Final = (
    "Use an older release of the tool, or upgrade the probe with its maker's program; nothing here does that."
)
TRY_AGAIN: Final = "Run the command again; if it goes on, look at the cable and at the board's power."

UNLOCK: Final = "Opening it erases the whole chip, a bootloader too, and is left to you: the board's page in docs/bring_up says how."


@dataclass(frozen=True)
class Failure:
    """Words of a tool, a pattern, and what they mean: `<tool> <meaning>`, in which {board} is the board's name and USB
    id. After one that is not `reached` another tool may do better."""

    words: str
    meaning: str
    next_step: str
    exit_code: int = KNOWN_FAILURE
    reached: bool = True


def no_probe(words: str) -> Failure:
    return Failure(words, "found no debug probe of {board}", PLUG_IN, reached=False)


def no_permission(words: str) -> Failure:
    return Failure(words, "may not open the debug probe of {board}", PERMIT, reached=False)


def old_firmware(words: str) -> Failure:
    meaning = "cannot use the probe of {board}, whose own firmware is too old for it"
    return Failure(words, meaning, UPGRADE, reached=False)


def no_answer(words: str) -> Failure:
    meaning = "found the probe of {board}, but the chip behind it does not answer"
    return Failure(words, meaning, CHECK_TARGET, NO_DEVICE)


def locked(words: str) -> Failure:
    return Failure(words, "found the debug port of {board} locked", UNLOCK)


def wrong_chip(words: str) -> Failure:
    return Failure(words, "found another chip than that of {board}", CHECK_CHIP)


def verify_failed(words: str) -> Failure:
    return Failure(words, "did not read back from {board} what it had written", TRY_AGAIN, CHECK_FAILED)


def run(
    name: str,
    command: Sequence[str],
    board: Board,
    success: str,
    failures: Iterable[Failure],
    complaint: str = "Error:",
) -> str:
    """Run a tool; returns what it said. Done is an exit code of 0 with words that match `success`. Lines that begin
    like `complaint`, a pattern, are its own errors. Raises FirmwareError, Unreachable for a failure that has not
    `reached` the board."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(
            f"{name} did not finish within {TIMEOUT} s while flashing {board.name}.",
            "Unplug the board, plug it in again, and run the command once more.",
            NO_DEVICE,
        ) from None
    except OSError as error:
        raise FirmwareError(f"{name} cannot be run ({error.strerror}).", f"Check `{command[0]} --version`.") from None
    if result.returncode == 0 and re.search(success, result.stdout):
        return result.stdout
    said = _complaint(result.stdout, complaint)
    name_and_usb = f"{board.name} (USB {' or '.join(board.probe.usb)})" if board.probe else board.name
    for failure in failures:
        if re.search(failure.words, result.stdout):
            problem = f"{name} {failure.meaning.format(board=name_and_usb)}: {said}."
            if not failure.reached:
                none_of_its_own = board.probe is not None and board.probe.without is not None
                raise Unreachable(
                    problem, CONNECT if none_of_its_own and failure.next_step == PLUG_IN else failure.next_step
                )
            raise FirmwareError(problem, failure.next_step, failure.exit_code)
    raise FirmwareError(
        f"{name} did not flash {board.name} (exit code {result.returncode}): {said}.",
        f"Run it by hand to see all it says: {shlex.join(command)}",
    )


def _complaint(output: str, complaint: str) -> str:
    """The first line that is an error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    errors = (re.sub(complaint, "", line).strip() for line in lines if re.match(complaint, line))
    return next(errors, lines[-1]).rstrip(".")
