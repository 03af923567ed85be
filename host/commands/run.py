"""`python -m host run --run DIR --board BOARD [--port URL ...]`: samples through one or several boards, shown live,
with a summary.

Exit code 1 if a sample was lost, or a board and the host disagree; 3 if no board is there, or all were lost on the way.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.errors import CHECK_FAILED, DONE, INTERRUPTED
from host.commands import arguments as shared

if TYPE_CHECKING:
    from host.policy import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="stream the test split of a run, or another source, through boards")
    shared.add_board(parser, several=True)
    parser.add_argument("--limit", type=shared.positive, metavar="N", help="stream only the first N samples")
    parser.add_argument(
        "--source",
        default="test",
        metavar="SOURCE",
        help="`test` (the test split, default), a folder of images or WAV files, a file of one, CSV lines from a file or - , `webcam`, "
        "`microphone`, `board`: its own, if the firmware has one (host/source)",
    )
    parser.add_argument("--threshold", type=shared.probability, metavar="P", help="accept from this score on, 0 to 1")
    shared.add_views(parser)
    consent = parser.add_argument_group("what may leave a board")
    consent.add_argument("--consent", default="always", metavar="WHEN",
                         help="always (default), ask: an abstained sample stays until somebody says yes, never")  # fmt: skip
    consent.add_argument("--consent-file", type=Path, metavar="TOML", help="says it by class (host/consent.py)")
    consent.add_argument("--consent-seconds", type=shared.seconds, default=30.0, metavar="S",
                         help="how long a sample waits for somebody; default 30")  # fmt: skip
    _add_policy(parser)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who chooses the threshold")
    group.add_argument(
        "--policy",
        default="fixed",
        metavar="NAME",
        help="fixed (default), online-1 or online-2, which learn from the large model's answers (host/policy)",
    )
    online = "of an online policy: "
    group.add_argument(
        "--query-share",
        type=shared.share,
        metavar="P",
        help=online + "share of samples sent up whatever the board makes of them, below 1; default 0.1",
    )
    group.add_argument(
        "--mistake-rate",
        type=shared.probability,
        metavar="P",
        help=online + "how often, per answer seen, a threshold may be wrong; default 0.01",
    )
    group.add_argument(
        "--experts", type=shared.positive, metavar="N", help=online + "how many thresholds to choose from; default 32"
    )
    group.add_argument(
        "--seed", type=shared.whole, metavar="N", help=online + "its coin and its draws repeat by it; default 0"
    )


def call(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from contract import manifest
    from contract.gate import to_code
    from host import consent, session, summary, view
    from host.control import Control

    options = shared.options(arguments)
    options = replace(
        options,
        limit=arguments.limit,
        source=arguments.source,
        threshold=None if arguments.threshold is None else to_code(arguments.threshold),
        policy=arguments.policy,
        play=_play(arguments),
        consent=consent.load(
            arguments.consent,
            arguments.consent_seconds,
            arguments.consent_file,
            manifest.load(options.run.manifest).classes,
        ),
    )
    name = "none" if arguments.json and arguments.view == view.AUTO else arguments.view
    if name == view.AUTO and arguments.source == "-":
        name = "plain"  # keys and samples would come from the same standard input
    control = Control()
    with shared.page(arguments.web, control) as page:
        with shared.views(name, page, control) as shown:
            result = session.run(options, shown, control)
        if arguments.json:
            print(summary.to_json(result), flush=True)
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
