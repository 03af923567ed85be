"""The robot suite tests/renode/board.robot on a built image: `run(RunFolder(Path("runs/digits")), load("nucleo"))`.

What the suite needs, the platform, its script and the scenarios as JSON, is written to
`<run>/firmware/<board>/renode/`, and so are renode-test's reports.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import renode
from contract.errors import CHECK_FAILED
from contract.run_folder import RunFolder
from host.emulator.renode import require
from host.errors import HostError
from host.messages.statistics import Statistics
from host.scenarios import scenarios

PROGRAM: Final = "renode-test"
SUITE: Final = Path(__file__).parents[1] / "tests/renode/board.robot"

JUST_BOOTED: Final = Statistics(**dict.fromkeys(Statistics.__dataclass_fields__, 0))


def run(folder: RunFolder, board: Board) -> None:
    """Run the suite; what it says goes to stderr. Raises HostError: exit code 1 if a test fails, 2 without Renode;
    BoardError for a board without a platform."""
    uart = renode.uart(board)  # before anybody installs Renode for a board that has no platform
    program = require(PROGRAM)
    elf = folder.firmware(board.name) / "firmware.elf"
    if not elf.exists():
        raise HostError(
            f"{elf}: no firmware image.",
            f"Build it with `python -m firmware build --run {folder.path} --board {board.short_name}`.",
        )
    place = elf.parent / "renode"
    place.mkdir(exist_ok=True)
    result = subprocess.run(
        [program, *arguments(elf, renode.write(board, place), uart, write(folder, board, place), place)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if result.returncode != 0:
        raise HostError(
            f"{PROGRAM} ended with status {result.returncode} on {elf}.", f"See {place / 'log.html'}.", CHECK_FAILED
        )


def write(folder: RunFolder, board: Board, place: Path) -> Path:
    """The scenarios as JSON, each a list of steps with `send` or `expect` in hexadecimal; returns the file."""
    path = place / "scenarios.json"
    value = {
        scenario.name: [{"send": step.send.hex(), "expect": step.expect.hex()} for step in scenario.steps]
        for scenario in scenarios(folder, board, JUST_BOOTED)
    }
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return path


def arguments(elf: Path, script: Path, uart: str, scenarios: Path, results: Path) -> list[str]:
    """renode-test's command line."""
    variables = {"ELF": elf.resolve(), "RESC": script.resolve(), "UART": uart, "SCENARIOS": scenarios.resolve()}
    given = [word for name, value in variables.items() for word in ("--variable", f"{name}:{value}")]
    return ["-r", str(results), *given, str(SUITE)]
