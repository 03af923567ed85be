"""Train a run: base model, large model, gate and report.

    python -m train train/configs/digits.toml                 into runs/digits, named by the configuration
    python -m train train/configs/digits.toml --out DIR       into another folder
    python -m train train/configs/digits.toml --restart       anew, replacing what an earlier training left there
    python -m train train/configs/digits.toml --json          training.json on standard output

Stopped in the middle, the same command goes on and ends with the same result.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contract.errors import DONE, run
from contract.run_folder import RunFolder
from train.errors import TrainError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train", description="Train the base and the large model of a run and choose its threshold."
    )
    parser.add_argument("config", type=Path, help="the run's TOML, such as train/configs/digits.toml")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/<name of the run>)")
    parser.add_argument("--restart", action="store_true", help="discard an earlier training in the run folder")
    parser.add_argument("--json", action="store_true", help="print training.json instead of a table")
    arguments = parser.parse_args()

    try:
        from train.config import load
        from train.run import train
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None

    config = load(arguments.config)
    folder = RunFolder(arguments.out or Path("runs") / config.name)
    values = train(config, folder, arguments.restart)
    print(json.dumps(values, indent=2) if arguments.json else table(values))
    print(f"report: {folder.report}", file=sys.stderr)
    return DONE


def table(values: dict[str, Any]) -> str:
    """The results in `training.json` as lines of text."""
    gate = values["gate"]
    ((target, wanted),) = gate["target"].items()
    lines = [f"{values['name']:<16}{'parameters':>12}{'MACs':>12}{'validation':>12}{'test':>12}"]
    for role in ("base", "large"):
        model = values[role]
        lines.append(
            f"{role + ' accuracy':<16}{model['parameters']:>12,}{model['macs']:>12,}"
            f"{model['validation_accuracy']:>12.2%}{model['test_accuracy']:>12.2%}"
        )
    for label, key in (
        ("hybrid accuracy", "hybrid_accuracy"), ("coverage", "coverage"), ("selective risk", "selective_risk")
    ):  # fmt: skip
        lines.append(f"{label:<40}{gate['validation'][key]:>12.2%}{gate['test'][key]:>12.2%}")
    lines += [
        f"{'samples':<40}{gate['validation']['samples']:>12,}{gate['test']['samples']:>12,}",
        f"{'AURC (ideal)':<52}{values['aurc']:>12.5f} ({values['ideal_aurc']:.5f})",
        f"{'threshold':<40}{gate['threshold']:>12.4f}  {gate['score']} at temperature {values['temperature']:.3f}, "
        f"for {target} {wanted:g}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run(main))
