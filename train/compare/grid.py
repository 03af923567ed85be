"""A comparison's TOML: every training that it takes, and which of them make a row.

    grid = load(Path("train/configs/rules_digits.toml"))
    grid.trainings()        every training, by the name of its folder

The file is a run's configuration without [gate]. Under [base] is what all rules share, [large] is trained once for each
seed, and

    seeds = 3                                  each model is trained with so many, from `seed` on
    targets = [{ joint_error = 0.01 }, ...]    what the rules are asked for; thresholds are chosen on the validation split

    [[rules]]                                  a name, and the keys of [base] in which the rule differs
    name = "one_sided_prediction"
    scores = ["softmax_response"]              each makes a row; the first one is the rule's own
    loss = { name = "one_sided_prediction" }
    variants = [{ loss = { mu = 0.5 } }, { loss = { mu = 1.0 } }]

    [board]                                    optional: latency is then modelled (`train.evaluation.latency`)
    name = "nucleo"
    cycles_per_mac = 3.1                       measured with `python -m export bench`
    large_milliseconds = 2.0                   of one sample; measured on this computer if absent

A rule with `distil = { name = "kd" }` or `hybrid = { router = "small" }` (the tables [base.distil] and [hybrid] of a
run) gets the large model of its seed. A table given under a rule or variant is merged into the one it overrides, unless
it has a `name`: then it takes its place. Of several variants each row takes the one that is best on the validation
split, for each target anew.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boards
from boards import Board
from contract.errors import DemurError
from train import config as configuration
from train import losses
from train.abstain import SCORES, router
from train.abstain.threshold import Coverage, Target
from train.config import HIGHEST_SEED, RunConfig
from train.errors import TrainError
from train.heads import LINEAR

NEXT: Final = "Correct the file; train/configs/rules_digits.toml shows how."
DEFAULT_COVERAGE: Final = 0.8  # of a router, unless `hybrid` says another
LARGE: Final = "large"  # folder of the large model, so no rule's name


@dataclass(frozen=True)
class Variant:
    """One way to train a rule's model. `label` tells it from the others, as "loss.mu=0.5"; "" if there are none."""

    label: str
    config: RunConfig


@dataclass(frozen=True)
class Rule:
    name: str
    scores: tuple[str, ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Latency:
    """What the model of latency needs to know; `large_milliseconds` is None where it is to be measured."""

    board: Board
    cycles_per_mac: float
    large_milliseconds: float | None


@dataclass(frozen=True)
class Grid:
    name: str
    seeds: tuple[int, ...]
    targets: tuple[Target, ...]
    rules: tuple[Rule, ...]
    large: RunConfig
    latency: Latency | None

    def trainings(self) -> dict[str, RunConfig]:
        """Every training by its folder: "large/seed_0", "cross_entropy/seed_0", "osp/loss.mu=0.5/seed_0"."""
        models = {LARGE: self.large}
        models |= {folder(rule, variant): variant.config for rule in self.rules for variant in rule.variants}
        return {
            of_seed(name, seed): dataclasses.replace(config, seed=seed)
            for seed in self.seeds
            for name, config in models.items()
        }


def folder(rule: Rule, variant: Variant) -> str:
    """Folder of a variant's trainings within the comparison's."""
    return f"{rule.name}/{variant.label}" if variant.label else rule.name


def of_seed(name: str, seed: int) -> str:
    return f"{name}/seed_{seed}"


def load(path: Path) -> Grid:
    """Read and check a comparison. Raises TrainError naming the file, the key, its value and what is allowed."""
    values = configuration.read(path)
    try:
        return _grid(values, path)
    except ValueError as error:
        raise TrainError(f"{path}: {error}.", NEXT) from None


def _grid(values: dict[str, Any], path: Path) -> Grid:
    rules, targets, seeds, board = (values.pop(key, None) for key in ("rules", "targets", "seeds", "board"))
    base: Any = values.pop("base", None)
    large: Any = values.pop("large", None)
    if "gate" in values:
        raise ValueError(
            "holds [gate], expected none, since scores are those of [[rules]] and targets those of `targets`"
        )
    for name, table in (("base", base), ("large", large)):
        if not isinstance(table, dict):
            raise ValueError(f"{name} is {table!r}, expected a table")
    if type(seeds) is not int or seeds < 1:
        raise ValueError(f"seeds is {seeds!r}, expected an integer of 1 or more")
    if not isinstance(targets, list) or not targets:
        raise ValueError(
            f"targets is {targets!r}, expected a list such as [{{ coverage = 0.8 }}, {{ joint_error = 0.01 }}]"
        )
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("expected tables [[rules]], each with a name")

    def parse(name: str, table: dict[str, Any]) -> RunConfig:
        table = dict(table)
        hybrid = table.pop("hybrid", None)
        run = {**values, "name": f"{values.get('name')}-{name}", "base": table}
        if (
            "distil" in table or hybrid is not None
        ):  # a run with its large model; the gate's target is of no matter here
            run |= {"large": large, "gate": {"target": {Coverage.key: 1.0}}}
        if hybrid is not None:
            run |= {"hybrid": hybrid, "gate": {"target": {Coverage.key: DEFAULT_COVERAGE}, "score": router.NAME}}
        return configuration.parse(run, path)

    whole = parse(LARGE, large)
    if whole.base.head != LINEAR:
        raise ValueError("large.loss is one that abstains, expected a loss without an abstention of its own")
    first = whole.seed
    if first + seeds - 1 > HIGHEST_SEED:
        raise ValueError(f"seed is {first} and seeds {seeds}, expected the last seed to be at most {HIGHEST_SEED}")
    made: list[Rule] = []
    for rule in rules:
        made.append(_rule(dict(rule), base, parse))
        if made[-1].name in (LARGE, *(other.name for other in made[:-1])):
            raise ValueError(
                f"two of rules have the name {made[-1].name!r}, or it is {LARGE!r}, expected names that differ"
            )
    return Grid(
        name=values["name"],
        seeds=tuple(range(first, first + seeds)),
        targets=tuple(configuration.target(target, "targets") for target in targets),
        rules=tuple(made),
        large=whole,
        latency=None if board is None else _latency(board),
    )


def _rule(rule: dict[str, Any], base: dict[str, Any], parse: Any) -> Rule:
    name, scores = rule.pop("name", None), rule.pop("scores", None)
    variants = rule.pop("variants", [{}])
    if not isinstance(name, str):
        raise ValueError("expected tables [[rules]], each with a name")
    if not isinstance(scores, list) or not scores or any(score not in SCORES for score in scores):
        raise ValueError(f"{name}.scores is {scores!r}, expected a list of {', '.join(SCORES)}")
    if not isinstance(variants, list) or not variants or not all(isinstance(variant, dict) for variant in variants):
        raise ValueError(f"{name}.variants is {variants!r}, expected a list of tables")
    own = merge(base, rule)
    labelled = {label(variant): merge(own, variant) for variant in variants}
    if len(labelled) < len(variants):
        raise ValueError(f"two of {name}.variants are alike, expected variants that differ")
    made = tuple(
        Variant(text, parse("-".join([name, *re.findall(r"\w+", text)]), table)) for text, table in labelled.items()
    )
    for score in scores:
        makers = [loss for loss, entry in losses.LOSSES.items() if entry.score == score]
        for variant in made:
            if score == router.NAME and variant.config.hybrid is None:
                raise ValueError(f"{name}.scores has {score!r}, which a run has only with a table `hybrid`")
            loss = variant.config.base.loss
            if makers and (loss is None or loss.name not in makers):
                raise ValueError(
                    f"{name}.scores has {score!r}, which a model has only if loss.name is one of {', '.join(makers)}"
                )
    return Rule(name, tuple(dict.fromkeys(scores)), made)


def merge(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`shared` with the keys of `own` in it: tables are merged, unless the new one has a name."""
    merged = dict(shared)
    for key, value in own.items():
        kept = merged.get(key)
        if isinstance(value, dict) and isinstance(kept, dict) and "name" not in value:
            merged[key] = merge(kept, value)
        else:
            merged[key] = value
    return merged


def label(variant: Mapping[str, Any], where: str = "") -> str:
    """What a variant says, in one word: {loss: {mu: 0.5}} is "loss.mu=0.5"."""
    return ",".join(
        label(value, f"{where}{key}.") if isinstance(value, dict) else f"{where}{key}={value}"
        for key, value in variant.items()
    )


def _latency(board: Any) -> Latency:
    known = ("name", "cycles_per_mac", "large_milliseconds")
    if not isinstance(board, dict) or set(board) - set(known) or not {"name", "cycles_per_mac"} <= set(board):
        raise ValueError(f"board is {board!r}, expected a table of {', '.join(known)}")
    for key in set(known[1:]) & set(board):
        value = board[key]
        if type(value) not in (int, float) or not 0 < value < float("inf"):
            raise ValueError(f"board.{key} is {value!r}, expected a number above 0")
    try:
        chosen = boards.load(str(board["name"]))
    except DemurError as error:
        raise ValueError(f"board.name: {error.problem.rstrip('.')}") from None
    return Latency(chosen, float(board["cycles_per_mac"]), board.get("large_milliseconds"))
