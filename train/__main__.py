"""Train a run: base model, large model, gate and report; or a base model alone.

    python -m train train/configs/digits.toml                 into runs/digits, named by the configuration
    python -m train train/configs/digits.toml --out DIR       into another folder
    python -m train train/configs/digits.toml --restart       anew, replacing what an earlier training left there
    python -m train train/configs/digits.toml --seeds 3       three runs, and the mean and spread of their results
    python -m train train/configs/digits.toml --json          training.json, or seeds.json, on standard output

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
    parser.add_argument(
        "--seeds", type=_count, metavar="N", help="train with N seeds, the configuration's and those after"
    )
    parser.add_argument("--json", action="store_true", help="print training.json or seeds.json instead of a table")
    arguments = parser.parse_args()

    try:
        from train.config import load
        from train.run import train
        from train.seeds import train_seeds
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None

    config = load(arguments.config)
    folder = RunFolder(arguments.out or Path("runs") / config.name)
    if arguments.seeds:
        values = train_seeds(config, folder, arguments.seeds, arguments.restart)
    else:
        values = train(config, folder, arguments.restart)
    print(json.dumps(values, indent=2) if arguments.json else table(values))
    if folder.report.exists():
        print(f"report: {folder.report}", file=sys.stderr)
    return DONE


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected an integer of 1 or more")
    return int(text)


def table(values: dict[str, Any]) -> str:
    """The results in `training.json` or `seeds.json` as lines of text."""
    if "seeds" in values:
        return _table_of_seeds(values)
    return _table_of_gate(values) if "gate" in values else _table_of_base(values)


def _table_of_seeds(values: dict[str, Any]) -> str:
    count = len(values["seeds"])
    title = f"{values['name']}, {count} seeds"
    lines = [f"{title:<40}{'mean':>12}{'deviation':>12}{'least':>12}{'greatest':>12}"]
    for path, result in values["results"].items():
        figures = "".join(f"{result[key]:>12.5g}" for key in ("mean", "deviation", "least", "greatest"))
        missing = count - len(result["values"])
        lines.append(f"{path:<40}{figures}" + (f"  without {missing} that have none" if missing else ""))
    return "\n".join(lines)


def _table_of_base(values: dict[str, Any]) -> str:
    base = values["base"]
    cost = f"{base['parameters']:>12,}{base['macs']:>12,}"
    heading = f"{values['name']:<20}{'parameters':>12}{'MACs':>12}{'validation':>12}{'test':>12}"
    if "test_accuracy" in base:
        return f"{heading}\n{'accuracy':<20}{cost}{base['validation_accuracy']:>12.2%}{base['test_accuracy']:>12.2%}"
    solved = f"after {base['solved_after']:,} iterations" if base["solved_after"] else "not in this run"
    return (
        f"{heading}\n{'mean squared error':<20}{cost}{base['validation_error']:>12.5f}{base['test_error']:>12.5f}\n"
        f"solved: {solved}"
    )


def _table_of_gate(values: dict[str, Any]) -> str:
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
        ("hybrid accuracy", "hybrid_accuracy"), ("coverage", "coverage"), ("selective risk", "selective_risk"),
        ("joint error", "joint_error")
    ):  # fmt: skip
        lines.append(f"{label:<40}{gate['validation'][key]:>12.2%}{gate['test'][key]:>12.2%}")
    lines += [
        f"{'samples':<40}{gate['validation']['samples']:>12,}{gate['test']['samples']:>12,}",
        f"{'AURC (ideal)':<52}{values['aurc']:>12.5f} ({values['ideal_aurc']:.5f})",
        f"{'threshold':<40}{gate['threshold']:>12.4f}  {gate['score']} at temperature {values['temperature']:.3f}, "
        f"for {target} {wanted:g}" + (", with an offset for each class" if gate["offsets"] else ""),
    ]
    if values["routing"]:
        lines += _table_of_routing(values["routing"])
    return "\n".join(lines)


def _table_of_routing(routing: dict[str, Any]) -> list[str]:
    """The router and its rivals on the test split. Of the last column the coverage is the router's for all."""
    cost = f"{routing['parameters']:,} parameters, {routing['macs']:,} MACs"
    lines = [
        "",
        f"{'router ' + routing['router'] + ', tuned: ' + routing['tune']:<40}{cost}",
        f"{'on the test split':<40}{'coverage':>12}{'MACs':>12}{'hybrid':>12}{'at equal coverage':>20}",
    ]
    for title, key in (("these models", "same_base"), ("ordinary models", "ordinary")):
        for score, rival in (routing[key] or {}).items():
            test = rival["test"]
            lines.append(
                f"{title + ', ' + score:<40}{test['coverage']:>12.2%}{rival['macs']:>12,.0f}"
                f"{test['hybrid_accuracy']:>12.2%}{rival['matched_accuracy']:>20.2%}"
            )
    return lines


if __name__ == "__main__":
    sys.exit(run(main))
