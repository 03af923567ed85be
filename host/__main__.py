"""The PC's side of the link: stream samples through boards, measure them, show and replay sessions, find out what is
missing.

    python -m host run --run runs/digits --board nucleo --port emulator
    python -m host run --run runs/digits --board nucleo --port auto --web
    python -m host run --run runs/speech_demo --board nucleo --port emulator --source recordings/
    python -m host run --run runs/digits --board nucleo --port emulator:8 --large http://127.0.0.1:8080/v2/models/large
    python -m host run --run runs/digits --board nucleo --port emulator --consent ask
    python -m host run --run runs/digits --board nucleo --port emulator --policy online-2 --mistake-rate 0.01
    python -m host bench --run runs/digits --board nucleo --port emulator --samples 200
    python -m host sweep --run runs/digits --board nucleo --port emulator --points 21
    python -m host soak --run runs/digits --board nucleo --samples 100000
    python -m host replay runs/digits --web
    python -m host monitor --port /dev/ttyACM0 --board nucleo
    python -m host hello --run runs/digits --board nucleo --port auto
    python -m host list
    python -m host doctor --board nucleo --port /dev/ttyACM0
    python -m host renode --run runs/digits --board nucleo

Results on stdout, the rest on stderr. Exit codes: 0 done; 1 a sample was lost, board and host disagree, a test failed,
or what is needed is missing; 2 usage or a known failure; 3 no board, or a silent one; 130 interrupted, after a summary
of what was streamed until then.
"""

import argparse
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Final

from contract.errors import run

# Modules of host.commands. They import what they need when they are called: a missing library must end as an error in
# words, which `run` sees to.
COMMANDS: Final = ("run", "bench", "sweep", "soak", "replay", "monitor", "hello", "list", "doctor", "renode")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m host", description="The PC's side of the link to boards.")
    commands = parser.add_subparsers(dest="command", required=True)
    modules = {name: import_module(f"host.commands.{name}") for name in COMMANDS}
    for module in modules.values():
        module.add(commands)
    arguments = parser.parse_args()
    # A terminated bridge takes its emulator along, as an interrupted one does.
    signal.signal(signal.SIGTERM, _terminate)
    code: int = modules[arguments.command].call(arguments)
    return code


def _terminate(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(run(main))
