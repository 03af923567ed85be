"""One run, from a configuration to the files of its run folder (`contract.run_folder`).

    values = train(config, RunFolder(Path("runs/digits")), restart=False)

Every step leaves its files, and the last one, `training.json`, says that the run is complete; a run that was stopped
goes on where it was.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from contract.progress import Progress
from contract.run_folder import RunFolder
from train import config as configuration
from train import data, evaluate, hybrid, loop, models, report
from train.abstain import temperature
from train.config import NOTHING_TRAINED, Gate, Hybrid, Model, RunConfig, Trained
from train.data import DataSet, Splits
from train.data.unit import real
from train.errors import TrainError
from train.evaluate import Answers
from train.hybrid import Routed
from train.loop import Epoch
from train.models import checkpoint
from train.models.classifier import Classifier
from train.routers import checkpoint as checkpoint_of_router


def train(config: RunConfig, folder: RunFolder, restart: bool, trained: Trained = NOTHING_TRAINED) -> dict[str, Any]:
    """Do what is left of the run and return the values of `training.json`.

    `restart` first removes what an earlier training left in the folder. Raises TrainError if the folder holds a run of
    another configuration, or for any reason that the steps have.
    """
    _open(config, folder, restart)
    if not folder.training.exists():
        _train(config, folder, trained)
    else:
        print(f"{folder.path}: trained already; --restart trains it again", file=sys.stderr)
    values: dict[str, Any] = json.loads(folder.training.read_text())
    return values


def _open(config: RunConfig, folder: RunFolder, restart: bool) -> None:
    """Make the run folder, or make sure that it is of this very configuration."""
    if restart:
        for path in (folder.config, folder.splits, folder.base_checkpoint, folder.large_checkpoint, folder.router_checkpoint,
                     folder.ordinary_base_checkpoint, folder.ordinary_large_checkpoint, folder.metrics, folder.training,
                     folder.report, folder.risk_coverage, *loop.state_files(folder)):  # fmt: skip
            path.unlink(missing_ok=True)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        if not folder.config.exists():
            configuration.save(config, folder.config)
    except OSError as error:
        raise TrainError(
            f"{folder.path}: cannot be written as a run folder ({error.strerror}).", "Name another with --out."
        ) from None
    if different := _differences(config, configuration.load(folder.config)):
        raise TrainError(
            f"{folder.path}: holds a run of another configuration; {different}.",
            "Train it anew with --restart, which replaces what is there, or name another folder with --out.",
        )


def _differences(new: RunConfig, old: RunConfig) -> str:
    """The keys in which two configurations differ, as "base.epochs was 60, now 40", or ""."""

    def flat(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {where: value}
        return {
            name: leaf for key, item in value.items() for name, leaf in flat(item, f"{where}.{key}".lstrip(".")).items()
        }

    now, was = flat(configuration.to_values(new), ""), flat(configuration.to_values(old), "")
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return ", ".join(f"{key} was {was.get(key, 'absent')}, now {now.get(key, 'absent')}" for key in keys)


def _train(config: RunConfig, folder: RunFolder, trained: Trained) -> None:
    loop.use(config.threads, config.device)
    folder.metrics.touch()  # it stays empty if all models were trained elsewhere
    samples = data.load(config.data)
    if samples.predicts_number and config.gate is not None:
        raise TrainError(
            f"data set {samples.name} has a number to predict, whose confidence no score tells, expected neither [large] "
            "nor [gate].",
            "Remove both from the configuration.",
        )
    if not folder.splits.exists():
        data.save_splits(data.splits(samples, config.data), config.data, folder.splits)
    parts = data.load_splits(folder.splits)

    if config.large is None or config.gate is None:
        base = _fit("base", config.base, config, samples, parts, folder)
        _measure_alone(config, base, samples, parts, folder)
    else:

        def fit_large(what: Model = config.large) -> Classifier:
            if trained.large is not None:
                return models.load(trained.large)[0]
            return _fit("large", what, config, samples, parts, folder)

        if trained.base is not None:
            pair = models.load(trained.base)[0], fit_large()
        else:
            pair = _fit_both(config, fit_large, samples, parts, folder)
        routed = None if config.hybrid is None else _route(config, config.hybrid, pair, samples, parts, folder)
        _measure_with_gate(config, config.large, config.gate, pair, routed, samples, parts, folder)
    for path in loop.state_files(folder):
        path.unlink()


def _measure_alone(config: RunConfig, base: Classifier, samples: DataSet, parts: Splits, folder: RunFolder) -> None:
    about = checkpoint.describe(
        config.base.model, base, config.base.options, samples.classes, temperature=1.0, features=samples.features
    )
    checkpoint.save(base, about, folder.base_checkpoint)
    epochs = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    evaluate.save(evaluate.alone(config, base, samples, parts, epochs), folder.training)


def _measure_with_gate(
    config: RunConfig,
    large: Model,
    gate: Gate,
    models: tuple[Classifier, Classifier],
    routed: Routed | None,
    samples: DataSet,
    parts: Splits,
    folder: RunFolder,
) -> None:
    """Choose temperatures and threshold on the validation split, then measure on the test split; `models` are the base
    and large model as trained, `routed` what a router's training has made of them."""

    def answer(indices: NDArray[np.int64]) -> Answers:
        return routed.answer(samples, indices) if routed else evaluate.answer(*models, samples, indices)

    trained = (routed.base, routed.large) if routed else models
    validation = answer(parts.validation)
    chosen = evaluate.choose(validation, gate)
    temperatures = (chosen.base_temperature, chosen.large_temperature)
    _save(config.base, large, trained, temperatures, samples, (folder.base_checkpoint, folder.large_checkpoint))

    test = answer(parts.test)  # the only look at the test split
    results = evaluate.judge(config, gate, trained, samples.classes, chosen, validation, test)
    if routed is not None and config.hybrid is not None:
        checkpoint_of_router.save(routed.router, config.hybrid.router, trained[0].feature_size, trained[0].classes,
                                  config.hybrid.options, folder.router_checkpoint)  # fmt: skip
        pairs = (
            evaluate.Pair(trained, validation, test),
            evaluate.Pair(
                models, *(evaluate.answer(*models, samples, part) for part in (parts.validation, parts.test))
            ),
        )
        results = dataclasses.replace(
            results, routing=evaluate.route(config.hybrid, gate, routed.router, chosen, *pairs)
        )
        if config.hybrid.tune != "none":
            seen = pairs[1].seen
            temperatures = (evaluate.scale(gate, seen.base, seen.labels), temperature.fit(seen.large, seen.labels))
            paths = (folder.ordinary_base_checkpoint, folder.ordinary_large_checkpoint)
            _save(config.base, large, models, temperatures, samples, paths)
    report.write(config, results, chosen, validation, test, real(samples.images[parts.test]), folder)
    evaluate.save(results, folder.training)


def _save(
    base: Model,
    large: Model,
    models: tuple[Classifier, Classifier],
    temperatures: tuple[float, float],
    samples: DataSet,
    paths: tuple[Path, Path],
) -> None:
    for model, what, fitted, path in zip(models, (base, large), temperatures, paths, strict=True):
        about = checkpoint.describe(what.model, model, what.options, samples.classes, fitted, samples.features)
        checkpoint.save(model, about, path)


def _route(
    config: RunConfig,
    settings: Hybrid,
    models: tuple[Classifier, Classifier],
    samples: DataSet,
    parts: Splits,
    folder: RunFolder,
) -> Routed:
    def train(role: str, how: Model, model: Classifier, on: Splits, teacher: Classifier | None) -> None:
        torch.manual_seed(config.seed)
        _learn(role, how, model, config, samples, on, folder, teacher)

    return hybrid.fit(config, settings, models, samples, parts, train)


def _fit_both(
    config: RunConfig, fit_large: Callable[[], Classifier], samples: DataSet, parts: Splits, folder: RunFolder
) -> tuple[Classifier, Classifier]:
    """The trained base and large model; a base that learns from the large one comes after it."""
    if config.base.distil is None:
        student = _fit("base", config.base, config, samples, parts, folder)
        return student, fit_large()
    teacher = fit_large()
    return _fit("base", config.base, config, samples, parts, folder, teacher), teacher


def _fit(
    role: str,
    what: Model,
    config: RunConfig,
    samples: DataSet,
    parts: Splits,
    folder: RunFolder,
    teacher: Classifier | None = None,
) -> Classifier:
    """Train one model, from the same seed whatever was trained before it."""
    torch.manual_seed(config.seed)
    model = models.build(what.model, samples.input_shape, len(samples.classes), what.options, what.head)
    _learn(role, what, model, config, samples, parts, folder, teacher)
    return model


def _learn(
    role: str,
    what: Model,
    model: Classifier,
    config: RunConfig,
    samples: DataSet,
    parts: Splits,
    folder: RunFolder,
    teacher: Classifier | None,
) -> None:
    """Train a model on, showing how far it is; it and its teacher are on the CPU again when it is done."""
    for one in filter(None, (model, teacher)):
        one.to(config.device)
    done = 0
    with Progress(f"train {role}", what.epochs) as progress:
        for epoch in loop.fit(role, model, what, samples, parts, folder, teacher):
            progress.advance(epoch.epoch - done, note=_note(epoch))
            done = epoch.epoch
    for one in filter(None, (model, teacher)):
        one.cpu()


def _note(epoch: Epoch) -> str:
    if epoch.validation_accuracy is None:
        return f"validation error {epoch.validation_loss:.5f}"
    return f"validation accuracy {epoch.validation_accuracy:.4f}"
