"""One run, from a configuration to the files of its run folder (`contract.run_folder`).

    values = train(config, RunFolder(Path("runs/digits")), restart=False)

Every step leaves its files, and the last one, `training.json`, says that the run is complete; a run that was stopped
goes on where it was.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from contract.progress import Progress
from contract.run_folder import RunFolder
from train import config as configuration
from train import data, evaluate, loop, models, report
from train.config import Gate, Model, RunConfig
from train.data import DataSet, Splits
from train.data.unit import real
from train.errors import TrainError
from train.loop import Epoch
from train.models import checkpoint
from train.models.classifier import Classifier

ROLES: Final = ("base", "large")


def train(config: RunConfig, folder: RunFolder, restart: bool, large: Path | None = None) -> dict[str, Any]:
    """Do what is left of the run and return the values of `training.json`.

    `restart` first removes what an earlier training left in the folder. `large` is the checkpoint of a model that was trained as
    [large] says, with the same seed: then it is not trained again. Raises TrainError if the folder holds a run of
    another configuration, or for any reason that the steps have.
    """
    _open(config, folder, restart)
    if not folder.training.exists():
        _train(config, folder, large)
    else:
        print(f"{folder.path}: trained already; --restart trains it again", file=sys.stderr)
    values: dict[str, Any] = json.loads(folder.training.read_text())
    return values


def _open(config: RunConfig, folder: RunFolder, restart: bool) -> None:
    """Make the run folder, or make sure that it is of this very configuration."""
    if restart:
        for path in (folder.config, folder.splits, folder.base_checkpoint, folder.large_checkpoint, folder.metrics,
                     folder.training, folder.report, folder.risk_coverage,
                     *(loop.state_file(folder, role) for role in ROLES)):  # fmt: skip
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


def _train(config: RunConfig, folder: RunFolder, trained_large: Path | None) -> None:
    loop.use(config.threads, config.device)
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
            if trained_large is not None:
                return models.load(trained_large)[0]
            return _fit("large", what, config, samples, parts, folder)

        base, large = _fit_both(config, fit_large, samples, parts, folder)
        _measure_with_gate(config, config.large, config.gate, (base, large), samples, parts, folder)
    for role in ROLES:
        loop.state_file(folder, role).unlink(missing_ok=True)


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
    trained: tuple[Classifier, Classifier],
    samples: DataSet,
    parts: Splits,
    folder: RunFolder,
) -> None:
    """Choose temperatures and threshold on the validation split, then measure on the test split."""
    validation = evaluate.answer(*trained, samples, parts.validation)
    chosen = evaluate.choose(validation, gate)
    for model, what, temperature, path in (
        (trained[0], config.base, chosen.base_temperature, folder.base_checkpoint),
        (trained[1], large, chosen.large_temperature, folder.large_checkpoint),
    ):
        about = checkpoint.describe(what.model, model, what.options, samples.classes, temperature, samples.features)
        checkpoint.save(model, about, path)

    test = evaluate.answer(*trained, samples, parts.test)  # the only look at the test split
    results = evaluate.judge(config, gate, trained, samples.classes, chosen, validation, test)
    report.write(config, results, chosen, validation, test, real(samples.images[parts.test]), folder)
    evaluate.save(results, folder.training)


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
    """Train one model, from the same seed whatever was trained before it; on the CPU again when it is done."""
    torch.manual_seed(config.seed)
    model = models.build(what.model, samples.input_shape, len(samples.classes), what.options, what.head)
    for one in filter(None, (model, teacher)):
        one.to(config.device)
    done = 0
    with Progress(f"train {role}", what.epochs) as progress:
        for epoch in loop.fit(role, model, what, samples, parts, folder, teacher):
            progress.advance(epoch.epoch - done, note=_note(epoch))
            done = epoch.epoch
    for one in filter(None, (model, teacher)):
        one.cpu()
    return model


def _note(epoch: Epoch) -> str:
    if epoch.validation_accuracy is None:
        return f"validation error {epoch.validation_loss:.5f}"
    return f"validation accuracy {epoch.validation_accuracy:.4f}"
