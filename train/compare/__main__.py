"""Train a grid of rules and seeds, judge all alike, write comparison.json and report.html.

    python -m train.compare train/configs/rules_digits.toml                  into runs/rules_digits; a table in Markdown
    python -m train.compare train/configs/rules_digits.toml --json           comparison.json on standard output
    python -m train.compare train/configs/rules_digits.toml --processes 1    not one process per core
    python -m train.compare train/configs/rules_digits.toml --restart        anew, replacing what is there

Stopped in the middle, the same command goes on: what is trained stays. The result does not depend on the number of
processes.
"""

import argparse
import json
import sys
from pathlib import Path

from contract.errors import DONE, run
from train.errors import TrainError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.compare", description="Train rules of abstaining with several seeds and compare them."
    )
    parser.add_argument("config", type=Path, help="the comparison's TOML, such as train/configs/rules_digits.toml")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the runs (default: runs/<name>)")
    parser.add_argument("--processes", type=_count, metavar="N", help="trainings at a time (default: one per core)")
    parser.add_argument("--restart", action="store_true", help="discard earlier trainings in the folder")
    parser.add_argument("--json", action="store_true", help="print comparison.json instead of a table")
    arguments = parser.parse_args()
    try:
        from train.compare import large_time, report, work
        from train.compare.grid import load
        from train.compare.judge import judge
        from train.compare.table import table
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None

    grid = load(arguments.config)
    folder = arguments.out or Path("runs") / grid.name
    if arguments.restart:
        large_time.path_of(folder).unlink(missing_ok=True)
    work.train_all(grid.trainings(), folder, arguments.processes or work.cores(), restart=arguments.restart)
    values = judge(grid, folder, large_time.seconds(grid, folder))
    (folder / "comparison.json").write_text(json.dumps(values, indent=1) + "\n")
    page = folder / "report.html"
    page.write_text(report.page(values, arguments.config.read_text()))
    print(json.dumps(values, indent=1) if arguments.json else table(values))
    print(f"report: {page}", file=sys.stderr)
    return DONE


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected an integer of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(run(main))
