"""Build, measure and flash the firmware of a run.

    python -m firmware build --run runs/digits --board nucleo    into runs/digits/firmware/nucleo_f446re/
    python -m firmware build --run runs/digits --engine tflm     TensorFlow Lite Micro in place of the generated C
    python -m firmware build --run runs/digits --consent ask     no abstained sample leaves the board unless a person says so
    python -m firmware build --run runs/digits --source vectors:32    a board that has samples of its own (firmware/source.py)
    python -m firmware build --run runs/mlperf_kws_ref_model --app mlperf    for MLPerf Tiny's runner, at 115,200 baud
    python -m firmware size  --run runs/digits --board nucleo    of what was built, and what takes it
    python -m firmware size  --run runs/digits --against OTHER   of all boards, compared with those built in another run folder (Markdown)
    python -m firmware flash --run runs/digits --board nucleo    build, then program the board (firmware/flash has the ways to)
    python -m firmware flash --run runs/digits --probe 066EFF30  the same through the probe of that serial number, of several

The board defaults to nucleo. --max-flash and --max-ram make a larger image an error (exit code 1). The engine tflm
needs a library that is not part of this project; firmware/tflm.py says where it comes from.
"""

import argparse
import sys
from pathlib import Path

from boards import load
from contract.errors import DONE, run
from contract.run_folder import RunFolder
from firmware import change
from firmware.build import build
from firmware.flash import available, flash
from firmware.generate import DEFAULT_CONSENT
from firmware.model_files import APPS, DEFAULT_APP, DEFAULT_ENGINE, ENGINES
from firmware.size import Sizes, measure, state_bytes
from firmware.source import DEFAULT as DEFAULT_SOURCE
from host.messages.settings import Consent


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m firmware", description="Build, measure and flash the firmware.")
    parser.add_argument("command", choices=("build", "size", "flash"))
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, with the exported model")
    parser.add_argument("--board", default="nucleo", help="name or alias; `python -m boards` lists them")
    parser.add_argument("--engine", choices=tuple(ENGINES), default=DEFAULT_ENGINE, help="what runs the model")
    parser.add_argument("--consent", default=DEFAULT_CONSENT, choices=[each.name.lower() for each in Consent],
                        help="the least that a host can ask for before an abstained sample leaves the board")  # fmt: skip
    parser.add_argument("--probe", metavar="SERIAL",
                        help="which probe flashes, if there are several: its serial number, or the path of a volume")  # fmt: skip
    parser.add_argument("--source", default=DEFAULT_SOURCE, metavar="SOURCE",
                        help="where the board takes samples from itself: none (default), vectors[:N] of the test split, or a driver's C file")  # fmt: skip
    parser.add_argument("--app", choices=tuple(APPS), default=DEFAULT_APP, help="what the image does")
    parser.add_argument("--baud", type=int, help="of an application that the host does not talk to (mlperf: 115200)")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="size: compare with the images of another run folder"
    )
    parser.add_argument("--max-flash", type=int, metavar="BYTES", help="fail if the image takes more flash")
    parser.add_argument("--max-ram", type=int, metavar="BYTES", help="fail if the image takes more RAM, stack included")
    parser.add_argument("--json", action="store_true", help="print the sizes as JSON")
    parser.add_argument("--verbose", action="store_true", help="show every command of the build, on stderr")
    return parser.parse_args()


def report(sizes: Sizes, arguments: argparse.Namespace) -> None:
    """Sizes on stdout; an error if they exceed a limit."""
    print(sizes.json() if arguments.json else sizes.table(), end="")
    sizes.check(arguments.max_flash, arguments.max_ram)


def main() -> int:
    arguments = parse()
    board = load(arguments.board)
    folder = RunFolder(arguments.run)
    elf = folder.firmware(board.name) / "firmware.elf"
    if arguments.command == "size" and arguments.against:
        print(change.markdown(change.changes(folder, RunFolder(arguments.against))), end="")
        return DONE
    if arguments.command == "size":
        sizes = measure(elf, board, state_bytes(folder))
        if not arguments.json:
            print(sizes.by_part())
        report(sizes, arguments)
        return DONE
    if arguments.command == "flash":
        available(board, arguments.probe)  # what would fail after the build should fail before it
    chosen = {name: getattr(arguments, name) for name in ("engine", "verbose", "consent", "source", "app", "baud")}
    report(build(folder, board, **chosen), arguments)
    print(f"built {elf}", file=sys.stderr)
    if arguments.command == "flash":
        by = flash(elf, board, arguments.probe)
        how = f"flashed and verified {board.name}" if by.verifies else f"flashed {board.name}, not verified yet"
        print(f"{how} ({by.name})", file=sys.stderr)
    return DONE


if __name__ == "__main__":
    sys.exit(run(main))
