"""`python -m host list [--json]`: the serial ports of this machine, and the boards whose debug probe each one may
be."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from contract.errors import DONE


def add(commands: Any) -> None:
    parser = commands.add_parser("list", help="list the serial ports of this machine")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def call(arguments: argparse.Namespace) -> int:
    import boards
    from host.port import present

    named = boards.by_probe()
    found: list[dict[str, Any]] = [asdict(port) | {"boards": named.get(port.usb or "", ())} for port in present()]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return DONE
    for port in found:
        words = (port["device"], port["usb"], ",".join(port["boards"]), port["description"])
        print("  ".join(word or "-" for word in words))
    if not found:
        print("no serial port is present; `--port emulator` needs none", file=sys.stderr)
    return DONE
