"""Export a trained run, or work on any .tflite file.

    python -m export runs/digits --board nucleo         # the same as: python -m export run runs/digits --board nucleo
    python -m export compile model.tflite --board nucleo --out DIR
    python -m export check model.tflite
    python -m export bench model.tflite --board nucleo
    python -m export inspect model.tflite
    python -m export compare runs/cells_digits_rows --board nucleo
    python -m export large runs/digits --onnx large.onnx
    python -m export mlperf model.tflite --board nucleo

Results on stdout, the rest on stderr. Exit codes: 0 done; 1 a check failed; 2 a known failure.
"""

import argparse
import sys
from importlib import import_module
from typing import Final

from contract.errors import run
from export.errors import ExportError

COMMANDS: Final = (
    "run",
    "compile",
    "check",
    "bench",
    "inspect",
    "compare",
    "large",
    "mlperf",
)  # modules of export.commands


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m export", description="Export models for microcontrollers.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    try:
        modules = {name: import_module(f"export.commands.{name}") for name in COMMANDS}
    except ModuleNotFoundError as error:
        raise ExportError(f"{error.name} is not installed.", 'Run: pip install -e ".[export]"') from None
    for module in modules.values():
        module.add(subparsers)
    words = sys.argv[1:]
    if not words or (words[0] not in COMMANDS and words[0] not in ("-h", "--help")):
        words = ["run", *words]
    arguments = parser.parse_args(words)
    code: int = modules[arguments.command].call(arguments)
    return code


if __name__ == "__main__":
    sys.exit(run(main))
