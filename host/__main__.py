"""Stream a run through a board, once or at one threshold after the other, list the ports, find out what is missing, or run the robot suite in Renode.

    python -m host run --run runs/digits --port emulator --board nucleo
    python -m host run --run runs/digits --port auto --board nucleo --json
    python -m host run --run runs/speech_demo --port emulator --board nucleo --source recordings/
    python -m host run --run runs/digits --port emulator --board nucleo --policy online-2 --mistake-rate 0.01
    python -m host sweep --run runs/digits --port emulator --board nucleo --points 21
    python -m host list
    python -m host doctor --board nucleo --port /dev/ttyACM0
    python -m host renode --run runs/digits --board nucleo

Exit codes: 0 done; 1 a sample was lost, board and host disagree, a test failed, or what is needed is missing; 2 usage or a known failure; 3 no board, or a silent
one; 130 interrupted, after a summary of what was streamed until then.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from contract.errors import CHECK_FAILED, DONE, INTERRUPTED, run

if TYPE_CHECKING:
    from host.policy import Settings
    from host.session import Options

# Nothing else is imported up here: a missing library must end as an error in words, which `run` sees to.


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m host", description="Host side of the link to a board.")
    commands = parser.add_subparsers(dest="command", required=True)
    stream = commands.add_parser("run", help="stream the test split of a run, or recordings, through a board")
    _add_board(stream)
    stream.add_argument(
        "--source",
        type=Path,
        metavar="PATH",
        help="a WAV file, a folder of them or a CSV file of frames in place of the test split (host/source.py); recurrent models",
    )
    stream.add_argument("--threshold", type=_probability, metavar="P", help="accept from this score on, 0 to 1")
    _add_policy(stream)
    sweep = commands.add_parser("sweep", help="the board's risk-coverage curve, beside that of the test vectors")
    _add_board(sweep)
    sweep.add_argument("--points", type=_positive, default=21, metavar="N", help="thresholds at most; default: 21")
    ports = commands.add_parser("list", help="list the serial ports of this machine")
    ports.add_argument("--json", action="store_true", help="print the list as JSON")
    doctor = commands.add_parser("doctor", help="check toolchain, emulators, port and board, and say what cures them")
    doctor.add_argument("--run", type=Path, default=Path("runs/digits"), metavar="DIR", help="default: runs/digits")
    doctor.add_argument("--board", default="nucleo", metavar="NAME", help="default: nucleo")
    doctor.add_argument("--port", metavar="URL", help="a port that must answer; default: the board's, if it is there")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    suite = commands.add_parser("renode", help="run tests/renode/board.robot on the built image (needs renode-test)")
    suite.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    suite.add_argument("--board", required=True, metavar="NAME", help="a board with a Renode platform")
    arguments = parser.parse_args()
    # A terminated bridge takes its emulator along, as an interrupted one does.
    signal.signal(signal.SIGTERM, _terminate)
    return {"run": _run, "sweep": _sweep, "list": _list, "doctor": _doctor, "renode": _renode}[arguments.command](
        arguments
    )


def _add_board(parser: argparse.ArgumentParser) -> None:
    """The options of commands that stream a run through a board."""
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder, as runs/digits")
    parser.add_argument("--board", required=True, metavar="NAME", help="a name or alias of `python -m boards`")
    parser.add_argument(
        "--port",
        default=os.environ.get("DEMUR_PORT", "auto"),
        metavar="URL",
        help="device, socket://HOST:PORT, `emulator`, `renode`, or `auto`: by the board's USB id; default $DEMUR_PORT, else "
        "auto",
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="stream only the first N samples")
    parser.add_argument(
        "--frames-per-push",
        type=_positive,
        metavar="N",
        help="frames that a recurrent model gets at once; default: as many as fit in a message, of a --source 1",
    )
    parser.add_argument("--large", default="checkpoint", metavar="NAME", help="large model backend (checkpoint)")
    parser.add_argument(
        "--emulator",
        default="qemu",
        metavar="NAME",
        help="which emulator --port emulator boots: qemu (default) or renode",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy",
        default="fixed",
        metavar="NAME",
        help="who chooses the board's threshold: fixed (default), online-1 or online-2, which learn from the large model's "
        "answers (host/policy)",
    )
    online = "of an online policy: "
    parser.add_argument(
        "--query-share",
        type=_share,
        metavar="P",
        help=online + "share of samples sent up whatever the board makes of them, below 1; default 0.1",
    )
    parser.add_argument(
        "--mistake-rate",
        type=_probability,
        metavar="P",
        help=online + "how often, per answer seen, a threshold may be wrong; default 0.01",
    )
    parser.add_argument(
        "--experts", type=_positive, metavar="N", help=online + "how many thresholds to choose from; default 32"
    )
    parser.add_argument(
        "--seed", type=_whole, metavar="N", help=online + "its coin and its draws repeat by it; default 0"
    )


def _options(arguments: argparse.Namespace) -> "Options":
    import boards
    from contract.run_folder import RunFolder
    from host.session import Options

    return Options(
        run=RunFolder(arguments.run),
        board=boards.load(arguments.board),
        port=arguments.port,
        limit=arguments.limit,
        large=arguments.large,
        emulator=arguments.emulator,
        per_push=arguments.frames_per_push,
    )


def _run(arguments: argparse.Namespace) -> int:
    from contract.gate import to_code
    from host import session, summary

    threshold = None if arguments.threshold is None else to_code(arguments.threshold)
    options = replace(_options(arguments), threshold=threshold, source=arguments.source)
    result = session.run(replace(options, policy=arguments.policy, play=_play(arguments)))
    if arguments.json:
        print(summary.to_json(result))
    else:
        summary.show(result)
    for line in (*result.lost_first, *result.disagreements_first):
        print(line, file=sys.stderr)
    if result.interrupted:
        return INTERRUPTED
    if not result.passed:
        print(f"error: {summary.explain(result)}", file=sys.stderr)
        return CHECK_FAILED
    return DONE


def _play(arguments: argparse.Namespace) -> "Settings":
    """The policy's settings. Raises HostError for a policy that is not known, or what it does not take."""
    from host.errors import HostError
    from host.policy import FIXED, POLICIES, Settings

    names = ("query_share", "mistake_rate", "experts", "seed")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.policy not in POLICIES:
        raise HostError(f"Unknown policy {arguments.policy!r}.", f"Known ones: {', '.join(POLICIES)}.")
    if arguments.policy == FIXED and given:
        option = "--" + next(iter(given)).replace("_", "-")
        raise HostError(f"{option} is for the online policies, and the policy is {FIXED!r}.",
                        f"Leave {option} out, or add --policy online-1 or online-2.")  # fmt: skip
    if arguments.policy != FIXED and arguments.threshold is not None:
        raise HostError(f"--threshold is for the policy {FIXED!r}, and {arguments.policy!r} chooses the threshold itself.",
                        "Leave one of the two out.")  # fmt: skip
    return Settings(**given)


def _sweep(arguments: argparse.Namespace) -> int:
    from host import sweep

    result = sweep.run(_options(arguments), arguments.points)
    if arguments.json:
        print(sweep.to_json(result))
    else:
        sweep.show(result)
    if not result.passed:
        print(f"error: {sweep.explain(result)}", file=sys.stderr)
        return CHECK_FAILED
    return DONE


def _list(arguments: argparse.Namespace) -> int:
    import boards
    from host.port import present

    named = {board.probe.usb: board.short_name for board in boards.load_all() if board.probe}
    found = [asdict(port) | {"board": named.get(port.usb or "")} for port in present()]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return DONE
    for port in found:
        print("  ".join(str(port[key] or "-") for key in ("device", "usb", "board", "description")))
    if not found:
        print("no serial port is present; `--port emulator` needs none", file=sys.stderr)
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import doctor

    found = []
    for finding in doctor.examine(boards.load(arguments.board), RunFolder(arguments.run), arguments.port):
        found.append(finding)
        if not arguments.json:
            print(finding, flush=True)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return CHECK_FAILED if any(finding.status == doctor.FAILED for finding in found) else DONE


def _renode(arguments: argparse.Namespace) -> int:
    import boards
    from contract.run_folder import RunFolder
    from host import renode_suite

    renode_suite.run(RunFolder(arguments.run), boards.load(arguments.board))
    return DONE


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 0 and below 1")
    return number


def _probability(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 1")
    return number


def _terminate(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(run(main))
