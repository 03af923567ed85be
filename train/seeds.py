"""One configuration with several seeds: mean and spread of its results.

    values = train_seeds(config, RunFolder(Path("runs/digits")), count=3, restart=False)

The first run is the configuration's own, in the run folder; run i uses the seed `config.seed + i` and lies in
`seed_<seed>/` inside it. The summary is `seeds.json`:

    name, seeds [count], results {"base.test_accuracy": {mean, deviation, least, greatest, values [count]}, ...}

The deviation is that of a sample, with count - 1. The split stays that of `data.seed`: what varies is the training.
"""

import dataclasses
import json
from typing import Any, Final

from contract.run_folder import RunFolder
from train.config import HIGHEST_SEED, RunConfig
from train.errors import TrainError
from train.evaluation.spread import spread
from train.run import train

FIXED: Final = ("seed", "parameters", "macs", "samples", "target")  # the same for every seed, or the seed itself


def train_seeds(config: RunConfig, folder: RunFolder, count: int, restart: bool) -> dict[str, Any]:
    """Train what is left of `count` runs and return the values of `seeds.json`."""
    seeds = list(range(config.seed, config.seed + count))
    if seeds[-1] > HIGHEST_SEED:
        raise TrainError(
            f"seed is {config.seed} and {count} seeds were asked for, expected the last to be at most {HIGHEST_SEED}.",
            "Lower the seed.",
        )
    runs = [train(dataclasses.replace(config, seed=seed), _folder(folder, config, seed), restart) for seed in seeds]
    values = {"name": config.name, "seeds": seeds, "results": _summary([_numbers(run) for run in runs])}
    (folder.path / "seeds.json").write_text(json.dumps(values, indent=2) + "\n")
    return values


def _folder(folder: RunFolder, config: RunConfig, seed: int) -> RunFolder:
    return folder if seed == config.seed else RunFolder(folder.path / f"seed_{seed}")


def _numbers(value: Any, where: str = "") -> dict[str, float]:
    """The results in `training.json` that seeds change, by their path; lists, such as the curve, are left out."""
    if isinstance(value, dict):
        return {
            path: number
            for key, item in value.items()
            if key not in FIXED
            for path, number in _numbers(item, f"{where}.{key}".lstrip(".")).items()
        }
    return {where: value} if type(value) in (int, float) else {}


def _summary(runs: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """A result that some run lacks (a task it did not solve) is summed up over the others."""
    paths = list(dict.fromkeys(path for run in runs for path in run))
    return {path: dataclasses.asdict(spread([run[path] for run in runs if path in run])) for path in paths}
