"""Every figure of `training.json`: the threshold from the validation split, then one look at the test split.

validation = answer(base, large, data, parts.validation) chosen = choose(validation, config.gate) results =
judge(config, config.gate, (base, large), data.classes, chosen, validation, answer(base, large, data, parts.test))

and, of a run without a large model and a gate, `alone(config, base, data, parts, epochs)`.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.abstain import SCORES, per_class, reservation, temperature, threshold
from train.abstain.outputs import Outputs
from train.abstain.threshold import Coverage
from train.config import Gate, Hybrid, RunConfig
from train.data import DataSet, Splits
from train.data.add import SOLVED
from train.evaluation import hybrid, operating_point, risk_coverage
from train.loop import logits, outputs
from train.models import cost
from train.models.classifier import Classifier
from train.routers.router import Router

RIVALS: Final = ("entropy", "softmax_response")  # scores that a router is held against


@dataclass(frozen=True)
class Answers:
    """Both models on the same samples: the base's outputs, logits float32 [N, classes] of the large one, labels int64
    [N]."""

    base: Outputs
    large: NDArray[np.float32]
    labels: NDArray[Any]

    @property
    def base_correct(self) -> NDArray[np.bool_]:
        correct: NDArray[np.bool_] = self.base.predicted == self.labels
        return correct

    @property
    def large_correct(self) -> NDArray[np.bool_]:
        correct: NDArray[np.bool_] = self.large.argmax(axis=1) == self.labels
        return correct

    def hybrid_accuracy(self, accepted: NDArray[np.bool_]) -> float:
        """Accuracy with the base's answer where it was accepted, the large model's elsewhere."""
        return hybrid.accuracy(accepted, self.base_correct, self.large_correct)


@dataclass(frozen=True)
class Chosen:
    """What the validation split decided; `offsets` are those of thresholds per class."""

    score: str
    base_temperature: float
    large_temperature: float
    threshold: float
    offsets: tuple[float, ...] | None = None

    def scores(self, answers: Answers) -> NDArray[np.float64]:
        """The base model's confidence scores [N], with the offset of each predicted class if there are any."""
        scores = SCORES[self.score](answers.base, self.base_temperature)
        if self.offsets is None:
            return scores
        return per_class.shifted(scores, answers.base.predicted, np.array(self.offsets))


@dataclass(frozen=True)
class ModelResult:
    parameters: int
    macs: int
    validation_accuracy: float
    test_accuracy: float


@dataclass(frozen=True)
class NumberResult:
    """A model that predicts a number: mean squared errors, and how many iterations it took to be solved, if it was."""

    parameters: int
    macs: int
    validation_error: float
    test_error: float
    solved_after: int | None


@dataclass(frozen=True)
class Alone:
    """`training.json` of a run in which nothing abstains."""

    name: str
    seed: int
    classes: tuple[str, ...]
    base: ModelResult | NumberResult


@dataclass(frozen=True)
class GateResult:
    """The gate on one split."""

    samples: int
    coverage: float
    selective_risk: float
    joint_error: float
    hybrid_accuracy: float


@dataclass(frozen=True)
class GateResults:
    score: str
    target: dict[str, float]
    threshold: float
    offsets: tuple[float, ...] | None
    validation: GateResult
    test: GateResult


@dataclass(frozen=True)
class Rival:
    """A score at the router's coverage, its threshold chosen on the validation split.

    `macs` is the mean of a test sample. `matched_accuracy` is the hybrid's on the test split with as many samples
    accepted as the router accepts there, so that it compares scores and not what thresholds make of another split.
    """

    threshold: float
    validation: GateResult
    test: GateResult
    macs: float
    matched_accuracy: float


@dataclass(frozen=True)
class Routing:
    """The router and its rivals. `parameters` and `macs` are the router's own, `oracle_accuracy` is the share of the
    test split that base or large model gets right.

    `same_base` has rivals with base and large model as they are now, the router among them; `ordinary` those with the
    models of before the alternation, None if nothing was tuned: two different claims.
    """

    router: str
    tune: str
    parameters: int
    macs: int
    oracle_accuracy: float
    same_base: dict[str, Rival]
    ordinary_base: ModelResult
    ordinary_large: ModelResult
    ordinary: dict[str, Rival] | None


@dataclass(frozen=True)
class Point:
    """The test split at one threshold."""

    threshold: float
    coverage: float
    selective_risk: float
    hybrid_accuracy: float


@dataclass(frozen=True)
class Training:
    """`training.json`. Accuracies, coverages and risks are in [0, 1]; `aurc` and `ideal_aurc` are of the test split."""

    name: str
    seed: int
    classes: tuple[str, ...]
    base: ModelResult
    large: ModelResult
    temperature: float
    gate: GateResults
    aurc: float
    ideal_aurc: float
    curve: tuple[Point, ...]
    routing: Routing | None = None


def answer(base: Classifier, large: Classifier, data: DataSet, indices: NDArray[np.int64]) -> Answers:
    """Run both models on the samples `indices`."""
    images = data.images[indices]
    return Answers(outputs(base, images), logits(large, images), data.labels[indices])


def alone(config: RunConfig, base: Classifier, data: DataSet, parts: Splits, epochs: list[dict[str, Any]]) -> Alone:
    """Results of a base model without a gate; `epochs` are its lines of metrics.jsonl."""
    answers = [(logits(base, data.images[part]), data.labels[part]) for part in (parts.validation, parts.test)]
    parameters, macs = cost.parameters(base), cost.macs(base)
    if data.predicts_number:
        validation, test = (float(np.mean((predicted[:, 0] - labels) ** 2)) for predicted, labels in answers)
        solved = [epoch["iterations"] for epoch in epochs if epoch["loss"] < SOLVED]
        number = NumberResult(parameters, macs, validation, test, min(solved, default=None))
        return Alone(config.name, config.seed, data.classes, number)
    validation, test = (float(np.mean(predicted.argmax(axis=1) == labels)) for predicted, labels in answers)
    return Alone(config.name, config.seed, data.classes, ModelResult(parameters, macs, validation, test))


def scale(gate: Gate, outputs: Outputs, labels: NDArray[Any]) -> float:
    """The base's temperature, of its outputs on the validation split."""
    # The extra class of Deep Gamblers is no label that a temperature could be fitted to.
    if gate.temperature != "fitted" or gate.score == reservation.NAME:
        return 1.0
    return temperature.fit(outputs.logits, labels)


def choose(validation: Answers, gate: Gate) -> Chosen:
    """Fit both temperatures, then the threshold or thresholds that meet the target. Raises TrainError if none do."""
    chosen = Chosen(
        score=gate.score,
        base_temperature=scale(gate, validation.base, validation.labels),
        large_temperature=temperature.fit(validation.large, validation.labels),
        threshold=0.0,
    )
    scores, correct = chosen.scores(validation), validation.base_correct
    if gate.thresholds == "common":
        return dataclasses.replace(chosen, threshold=threshold.choose(scores, correct, gate.target))
    classes = validation.base.logits.shape[1]
    common, offsets = per_class.choose(scores, validation.base.predicted, correct, classes, gate.target)
    return dataclasses.replace(chosen, threshold=common, offsets=tuple(offsets.tolist()))


def judge(
    config: RunConfig,
    gate: Gate,
    trained: tuple[Classifier, Classifier],
    classes: tuple[str, ...],
    chosen: Chosen,
    validation: Answers,
    test: Answers,
) -> Training:
    """All results of the run, given the trained base and large model and what they answered."""
    scores, correct = chosen.scores(test), test.base_correct
    points = risk_coverage.curve(scores, correct)
    base, large = Pair(trained, validation, test).results()
    return Training(
        name=config.name,
        seed=config.seed,
        classes=classes,
        base=base,
        large=large,
        temperature=chosen.base_temperature,
        gate=GateResults(
            score=chosen.score,
            target={gate.target.key: gate.target.value},
            threshold=chosen.threshold,
            offsets=chosen.offsets,
            validation=_gate(chosen, validation),
            test=_gate(chosen, test),
        ),
        aurc=risk_coverage.aurc(scores, correct),
        ideal_aurc=risk_coverage.aurc(risk_coverage.ideal_scores(correct), correct),
        curve=tuple(
            Point(float(limit), float(coverage), float(risk), test.hybrid_accuracy(scores >= limit))
            for limit, coverage, risk in zip(points.threshold, points.coverage, points.risk, strict=True)
        ),
    )


@dataclass(frozen=True)
class Pair:
    """A base and a large model, and what they say on the validation (`seen`) and test split."""

    models: tuple[Classifier, Classifier]
    seen: Answers
    test: Answers

    def results(self) -> tuple[ModelResult, ModelResult]:
        rights = ((self.seen.base_correct, self.test.base_correct), (self.seen.large_correct, self.test.large_correct))
        base, large = (
            ModelResult(cost.parameters(model), cost.macs(model), *(float(np.mean(right)) for right in pair))
            for model, pair in zip(self.models, rights, strict=True)
        )
        return base, large


def route(settings: Hybrid, gate: Gate, router: Router, chosen: Chosen, now: Pair, ordinary: Pair) -> Routing:
    """The router against scores that need none, all at the coverages that it has at its threshold; `ordinary` are the
    models of before the alternation."""
    coverages = (_gate(chosen, now.seen).coverage, _gate(chosen, now.test).coverage)
    base, large = ordinary.results()
    return Routing(
        router=settings.router,
        tune=settings.tune,
        parameters=router.parameters_on_board(),
        macs=router.macs(),
        oracle_accuracy=float(np.mean(now.test.base_correct | now.test.large_correct)),
        same_base={
            score: _rival(score, gate, now, coverages, router.macs() if score == gate.score else 0)
            for score in (gate.score, *RIVALS)
        },
        ordinary_base=base,
        ordinary_large=large,
        ordinary=None
        if settings.tune == "none"
        else {score: _rival(score, gate, ordinary, coverages, 0) for score in RIVALS},
    )


def _rival(score: str, gate: Gate, pair: Pair, coverages: tuple[float, float], router: int) -> Rival:
    """A score at these coverages of the two splits; `router` are the multiply-accumulates of what makes it."""
    fitted = scale(gate, pair.seen.base, pair.seen.labels)
    limit = threshold.choose(SCORES[score](pair.seen.base, fitted), pair.seen.base_correct, Coverage(coverages[0]))
    chosen = Chosen(score, fitted, 1.0, limit)
    measured = _gate(chosen, pair.test)
    base, large = (cost.macs(model) for model in pair.models)
    points = hybrid.curve(chosen.scores(pair.test), pair.test.base_correct, pair.test.large_correct)
    return Rival(
        threshold=limit,
        validation=_gate(chosen, pair.seen),
        test=measured,
        macs=float(hybrid.macs(measured.coverage, base, large, router)),
        matched_accuracy=float(points.accuracy[np.flatnonzero(points.coverage >= coverages[1])[0]]),
    )


def save(results: Training | Alone, path: Path) -> None:
    """Write `training.json`."""
    path.write_text(json.dumps(dataclasses.asdict(results), indent=2) + "\n")


def _gate(chosen: Chosen, answers: Answers) -> GateResult:
    scores = chosen.scores(answers)
    accepted = scores >= chosen.threshold
    point = operating_point.measure(accepted, answers.base_correct)
    return GateResult(
        point.samples, point.coverage, point.selective_risk, point.joint_error, answers.hybrid_accuracy(accepted)
    )
