"""comparison.json: thresholds and variants from the validation split, all figures from the test split.

    values = judge(grid, folder, large_seconds)

A row is a rule under one of its scores. Of several variants it takes, for each figure and seed anew, the one that has
the best such figure on the validation split (if equal, the least AURC there). `values` holds

    name, data_set, split, seeds, samples {validation, test}, bootstrap {resamples, level}, coverages (the grid of the curves)
    large       {parameters, macs, accuracy}
    latency     what the model of latency was given (None without [board])
    criteria    {key: {title, higher_is_better, winner, as_good}}: how rows are ranked, the best row, and the rows that cannot
                be told from it
    rules       [{name, parameters, macs, router_parameters, router_macs, calibration}]
    rows        [{name, rule, score, own, variants, results, operating_points, per_class, curve}]

`results` has each criterion as {mean, deviation, least, greatest, values, low, high, chosen}: over the seeds, with the
bootstrap interval of the mean, and the variant of each seed. A figure "at a coverage" is that of the threshold that
accepts that share of the test split, which takes no labels to find; "coverage at an error" reads the curve of the test
split. `operating_points` are what a threshold chosen on the validation split, without another look, does on the test
split; `per_class` the same with a threshold for each predicted class (`train.abstain.per_class`).

Two rows cannot be told apart in a criterion if the bootstrap interval of their difference, on the same resamples, holds
0, or if their means differ by less than two standard errors over the seeds.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.operating_point import OperatingPoint
from contract.run_folder import RunFolder
from train.abstain import SCORES, per_class, reservation, temperature, threshold
from train.abstain.threshold import Coverage, SelectiveRisk, Target
from train.compare import answers
from train.compare.answers import Answers, Split
from train.compare.grid import LARGE, Grid, Rule, folder, of_seed
from train.errors import TrainError
from train.evaluation import bootstrap, calibration, hybrid, latency, operating_point, risk_coverage
from train.evaluation.bootstrap import Counts
from train.evaluation.spread import Spread, spread

COVERAGES: Final = tuple(round(0.02 * step, 2) for step in range(1, 51))
RESAMPLING_SEED: Final = 0


@dataclass(frozen=True)
class Scored:
    """One model under one score on one split, all [N]."""

    scores: NDArray[np.float64]
    predicted: NDArray[np.int64]
    correct: NDArray[np.bool_]
    large_correct: NDArray[np.bool_]


@dataclass(frozen=True)
class Candidate:
    """A variant of a rule, trained with one seed, under one score."""

    label: str
    validation: Scored
    test: Scored


@dataclass(frozen=True)
class Criterion:
    """A figure by which rows are ranked, of one split or of its resamples."""

    key: str
    title: str
    higher_is_better: bool
    measure: Callable[[Scored], float]
    resampled: Callable[[Scored, Counts], NDArray[np.float64]]


def accepted_at(scored: Scored, coverage: float) -> NDArray[np.bool_]:
    """What the greatest threshold of at least that coverage accepts."""
    points = risk_coverage.curve(scored.scores, scored.correct)
    accepted: NDArray[np.bool_] = scored.scores >= points.threshold[np.flatnonzero(points.coverage >= coverage)[0]]
    return accepted


def hybrid_at(scored: Scored, coverage: float) -> float:
    return hybrid.accuracy(accepted_at(scored, coverage), scored.correct, scored.large_correct)


def _curves(scored: Scored, counts: Counts) -> bootstrap.Curves:
    return bootstrap.curves(scored.scores, scored.correct, counts)


AURC: Final = Criterion(
    "aurc", "AURC", False, lambda it: risk_coverage.aurc(it.scores, it.correct), lambda it, n: _curves(it, n).aurc()
)
ACCURACY: Final = Criterion(
    "accuracy",
    "accuracy at full coverage",
    True,
    lambda it: float(np.mean(it.correct)),
    lambda it, n: bootstrap.mean(it.correct, n),
)


def criteria(targets: Sequence[Target]) -> tuple[Criterion, ...]:
    """Accuracy, AURC, and for each target what it asks to be best: the risk at a coverage, the coverage at a risk."""
    found = [ACCURACY, AURC]
    for target in targets:
        share = _share(target.value)
        if isinstance(target, Coverage):
            found.append(_risk_at(target.value, share))
        elif isinstance(target, SelectiveRisk):
            found.append(_coverage_at_risk(target.value, share))
        else:
            found.append(_coverage_at_joint_error(target.value, share))
    found += [_hybrid_at(target.value) for target in targets if isinstance(target, Coverage)]
    return tuple(found)


def _share(value: float) -> str:
    """In per cent, with a decimal where it needs one."""
    return f"{value:.1%}".replace(".0%", "%")


def _risk_at(value: float, share: str) -> Criterion:
    return Criterion(
        f"risk_at_coverage_{value:g}",
        f"selective risk at {share} coverage",
        False,
        lambda it: operating_point.risk_at_coverage(it.scores, it.correct, value),
        lambda it, n: _curves(it, n).risk_at_coverage(value),
    )


def _coverage_at_risk(value: float, share: str) -> Criterion:
    return Criterion(
        f"coverage_at_risk_{value:g}",
        f"coverage at {share} selective risk",
        True,
        lambda it: operating_point.coverage_at_risk(it.scores, it.correct, value),
        lambda it, n: _curves(it, n).coverage_at_risk(value),
    )


def _coverage_at_joint_error(value: float, share: str) -> Criterion:
    return Criterion(
        f"coverage_at_joint_error_{value:g}",
        f"coverage at {share} joint error",
        True,
        lambda it: operating_point.coverage_at_joint_error(it.scores, it.correct, value),
        lambda it, n: _curves(it, n).coverage_at_joint_error(value),
    )


def _hybrid_at(value: float) -> Criterion:
    def resampled(it: Scored, counts: Counts) -> NDArray[np.float64]:
        return bootstrap.mean(np.where(accepted_at(it, value), it.correct, it.large_correct), counts)

    return Criterion(
        f"hybrid_accuracy_at_coverage_{value:g}",
        f"hybrid accuracy at {_share(value)} coverage",
        True,
        lambda it: hybrid_at(it, value),
        resampled,
    )


def best(candidates: Sequence[Candidate], measure: Callable[[Scored], float], higher_is_better: bool) -> Candidate:
    """The candidate of the best figure on the validation split; of equal ones that of the least AURC, then the
    first."""
    sign = -1 if higher_is_better else 1
    return min(candidates, key=lambda each: (sign * measure(each.validation), AURC.measure(each.validation)))


def judge(grid: Grid, root: Path, large_seconds: float | None) -> dict[str, Any]:
    """The values of comparison.json, from the answers of all trainings under `root`. Raises TrainError if one is
    missing."""
    large = {seed: _read(root, LARGE, seed) for seed in grid.seeds}
    ranked = criteria(grid.targets)
    test = large[grid.seeds[0]].test
    counts = bootstrap.resample(len(test.labels), RESAMPLING_SEED)
    rows, resampled, rules = [], [], []
    for rule in grid.rules:
        models = {(at, seed): _read(root, folder(rule, variant), seed)
                  for at, variant in enumerate(rule.variants) for seed in grid.seeds}  # fmt: skip
        own: list[list[Candidate]] = []
        for score in rule.scores:
            seeds = [
                [_candidate(variant.label, models[at, seed], large[seed], score)
                 for at, variant in enumerate(rule.variants)]
                for seed in grid.seeds
            ]  # fmt: skip
            row, figures = _row(rule, score, seeds, grid.targets, ranked, counts, test.outputs.logits.shape[1])
            rows.append(row)
            resampled.append(figures)
            own = own or seeds
        rules.append(_rule(rule, root, grid, own, models))
    return {
        "name": grid.name,
        "data_set": grid.large.data.set,
        "split": grid.large.data.split,
        "seeds": list(grid.seeds),
        "samples": {"validation": len(large[grid.seeds[0]].validation.labels), "test": len(test.labels)},
        "bootstrap": {"resamples": bootstrap.RESAMPLES, "level": bootstrap.LEVEL},
        "coverages": list(COVERAGES),
        "large": {
            **_cost(root, LARGE, grid),
            "accuracy": asdict(spread([float(np.mean(large[seed].test.correct)) for seed in grid.seeds])),
        },
        "latency": _latency(grid, root, large_seconds),
        "criteria": {
            each.key: {
                "title": each.title,
                "higher_is_better": each.higher_is_better,
                **_winner(each, rows, [figures[each.key] for figures in resampled]),
            }
            for each in ranked
        },
        "rules": rules,
        "rows": rows,
    }


def _read(root: Path, name: str, seed: int) -> Answers:
    return answers.read(RunFolder(root / of_seed(name, seed)))


def _candidate(label: str, base: Answers, large: Answers, score: str) -> Candidate:
    fitted = (
        1.0 if score == reservation.NAME else temperature.fit(base.validation.outputs.logits, base.validation.labels)
    )
    splits = [
        Scored(
            SCORES[score](own.outputs, fitted),
            own.outputs.predicted,
            own.correct,
            its.correct if own.large is None else own.large == own.labels,
        )
        for own, its in ((base.validation, large.validation), (base.test, large.test))
    ]
    return Candidate(label, *splits)


def _row(
    rule: Rule,
    score: str,
    seeds: Sequence[Sequence[Candidate]],
    targets: Sequence[Target],
    ranked: Sequence[Criterion],
    counts: Counts,
    classes: int,
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """A row, and the resampled mean over the seeds of each criterion."""
    results, resampled = {}, {}
    for each in ranked:
        chosen = [best(candidates, each.measure, each.higher_is_better) for candidates in seeds]
        resampled[each.key] = np.mean([each.resampled(candidate.test, counts) for candidate in chosen], axis=0)
        low, high = bootstrap.interval(resampled[each.key])
        results[each.key] = {
            **asdict(spread([each.measure(candidate.test) for candidate in chosen])),
            "low": low,
            "high": high,
            "chosen": [candidate.label for candidate in chosen],
        }
    own = [best(candidates, AURC.measure, AURC.higher_is_better) for candidates in seeds]
    excess = [risk_coverage.excess_aurc(candidate.test.scores, candidate.test.correct) for candidate in own]
    row = {
        "name": rule.name if score == rule.scores[0] else f"{rule.name}, {score}",
        "rule": rule.name,
        "score": score,
        "own": score == rule.scores[0],
        "variants": [candidate.label for candidate in seeds[0]],
        "results": results,
        "excess_aurc": asdict(spread(excess)),
        "operating_points": [_operate(seeds, target, 0) for target in targets],
        "per_class": [_operate(seeds, target, classes) for target in targets],
        "curve": {
            "risk": _along(
                seeds, lambda it, share: operating_point.risk_at_coverage(it.scores, it.correct, share), False
            ),
            "hybrid_accuracy": _along(seeds, hybrid_at, True),
        },
    }
    return row, resampled


def _operate(seeds: Sequence[Sequence[Candidate]], target: Target, classes: int) -> dict[str, Any]:
    """Variant and threshold from the validation split, then what they do on the test split, for each seed; with
    `classes` a threshold for each predicted class, with 0 one for all."""
    aim = criteria([target])[2]
    points: list[OperatingPoint] = []
    together, reached, labels = [], 0, []
    for candidates in seeds:
        chosen = best(candidates, aim.measure, aim.higher_is_better)
        try:
            accepted = _accepted(chosen, target, classes)
            reached += 1
        except TrainError:  # out of reach: nothing is accepted, and the large model answers all
            accepted = np.zeros(len(chosen.test.scores), dtype=bool)
        points.append(operating_point.measure(accepted, chosen.test.correct))
        together.append(hybrid.accuracy(accepted, chosen.test.correct, chosen.test.large_correct))
        labels.append(chosen.label)
    return {
        "target": {target.key: target.value},
        "coverage": asdict(spread([point.coverage for point in points])),
        "joint_error": asdict(spread([point.joint_error for point in points])),
        "selective_risk": asdict(spread([point.selective_risk for point in points])),
        "hybrid_accuracy": asdict(spread(together)),
        "reached": reached,
        "chosen": labels,
    }


def _accepted(chosen: Candidate, target: Target, classes: int) -> NDArray[np.bool_]:
    """What of the test split the thresholds of the validation split accept. Raises TrainError if none meet the
    target."""
    seen, test = chosen.validation, chosen.test
    if not classes:
        accepted: NDArray[np.bool_] = test.scores >= threshold.choose(seen.scores, seen.correct, target)
        return accepted
    common, offsets = per_class.choose(seen.scores, seen.predicted, seen.correct, classes, target)
    shifted: NDArray[np.bool_] = per_class.shifted(test.scores, test.predicted, offsets) >= common
    return shifted


def _along(
    seeds: Sequence[Sequence[Candidate]], measure: Callable[[Scored, float], float], higher_is_better: bool
) -> dict[str, list[float]]:
    """Mean and deviation over the seeds at each of COVERAGES."""
    found: list[Spread] = []
    for share in COVERAGES:

        def at(it: Scored, share: float = share) -> float:
            return measure(it, share)

        found.append(spread([at(best(candidates, at, higher_is_better).test) for candidates in seeds]))
    return {"mean": [each.mean for each in found], "deviation": [each.deviation for each in found]}


def _winner(
    criterion: Criterion, rows: Sequence[dict[str, Any]], resampled: Sequence[NDArray[np.float64]]
) -> dict[str, Any]:
    results = [row["results"][criterion.key] for row in rows]
    sign = -1 if criterion.higher_is_better else 1
    first = min(range(len(rows)), key=lambda at: sign * results[at]["mean"])
    as_good = []
    for at in range(len(rows)):
        low, high = bootstrap.interval(resampled[at] - resampled[first])
        pair = [results[first], results[at]]
        error = math.sqrt(sum(result["deviation"] ** 2 / len(result["values"]) for result in pair))
        if at != first and (low <= 0 <= high or abs(pair[0]["mean"] - pair[1]["mean"]) <= 2 * error):
            as_good.append(rows[at]["name"])
    return {"winner": rows[first]["name"], "as_good": as_good}


def _rule(
    rule: Rule, root: Path, grid: Grid, own: Sequence[Sequence[Candidate]], models: dict[tuple[int, int], Answers]
) -> dict[str, Any]:
    """Cost of a rule's model, and its calibration: of the variant that its own score ranks first."""
    labels = [variant.label for variant in rule.variants]
    before, after, fitted = [], [], []
    for seed, candidates in zip(grid.seeds, own, strict=True):
        chosen = best(candidates, AURC.measure, AURC.higher_is_better)
        model = models[labels.index(chosen.label), seed]
        fitted.append(temperature.fit(model.validation.outputs.logits, model.validation.labels))
        before.append((_probabilities(model.test, 1.0), model.test.correct))
        after.append((_probabilities(model.test, fitted[-1]), model.test.correct))
    pooled = calibration.reliability(*(np.concatenate(part) for part in zip(*after, strict=True)))
    return {
        "name": rule.name,
        **_cost(root, folder(rule, rule.variants[0]), grid),
        "calibration": {
            "temperature": asdict(spread(fitted)),
            "error_before": asdict(spread([calibration.error(calibration.reliability(*pair)) for pair in before])),
            "error": asdict(spread([calibration.error(calibration.reliability(*pair)) for pair in after])),
            "adaptive_error": asdict(
                spread([calibration.error(calibration.reliability(*pair, equal_mass=True)) for pair in after])
            ),
            "reliability": {key: part.tolist() for key, part in asdict(pooled).items()},  # of all seeds together
        },
    }


def _probabilities(split: Split, divisor: float) -> NDArray[np.float64]:
    return SCORES["softmax_response"](split.outputs, divisor)


def _cost(root: Path, name: str, grid: Grid) -> dict[str, int]:
    """Parameters and MACs of a model and, 0 without one, of its router."""
    training = json.loads(RunFolder(root / of_seed(name, grid.seeds[0])).training.read_text())
    router = training.get("routing") or {}
    keys = ("parameters", "macs")
    return {key: training["base"][key] for key in keys} | {f"router_{key}": router.get(key, 0) for key in keys}


def _latency(grid: Grid, root: Path, large_seconds: float | None) -> dict[str, Any] | None:
    if grid.latency is None or large_seconds is None:
        return None
    codes, board = _read(root, LARGE, grid.seeds[0]).inputs, grid.latency.board
    return {
        "board": board.name,
        "hz": board.clock.hz,
        "baud": board.uart.baud,
        "cycles_per_mac": grid.latency.cycles_per_mac,
        "uplink_bytes": latency.wire_bytes(codes),
        "uplink_seconds": latency.uplink(codes, board.uart.baud),
        "large_seconds": large_seconds,
    }
