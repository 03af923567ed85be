"""Base model, router and large model fitted to one another: alternating training.

    routed = fit(config, settings, (base, large), data, parts, train)
    answers = routed.answer(data, parts.test)               # with the router's answers among the base's outputs

The router r is 1 where the large model is asked. In each round

    1. base and large model as they are, the router learns what only asking puts right (`train.routers.fit`);
    2. the router as it is, at the threshold of the coverage on the train split, the base learns on with the weight 2 - r of a sample,
       and the large model, if it is tuned too, with 1 + r;

and after the last one the router learns once more. With tune = "none" that is all there is. A sample of weight 2 is
there twice in an epoch, which makes the weights those of any loss. The temperature, which is in what the router sees,
is that of the gate, fitted on the validation split. The large model's answers are computed again only when it has
changed. All trainings of models leave states, so a run that was killed goes on; the router's takes seconds and begins
anew.

Source: Kag, Fedorov, Gangrade, Whatmough and Saligrama, "Efficient Edge Inference by Selective Query", ICLR 2023,
alternating as on the authors' poster; their code trains base and router at once and the large model never.
"""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from train import loop, routers
from train.abstain import router as score
from train.abstain import threshold
from train.abstain.outputs import Outputs
from train.abstain.threshold import Coverage
from train.config import Hybrid, Model, RunConfig
from train.data import DataSet, Splits
from train.data.dataset import Pixels
from train.evaluate import Answers, scale
from train.models.classifier import Classifier
from train.routers import fit as learning
from train.routers.router import Router
from train.routers.statistics import statistics

Train = Callable[
    [str, Model, Classifier, Splits, Classifier | None], None
]  # role, how, the model, on what, its teacher


@dataclass(frozen=True)
class Routed:
    """The three models, in eval mode, and the two as they were before the alternation: the same ones if nothing was
    tuned."""

    base: Classifier
    large: Classifier
    router: Router
    temperature: float
    ordinary_base: Classifier
    ordinary_large: Classifier

    def answer(self, data: DataSet, indices: NDArray[np.int64]) -> Answers:
        """What base, router and large model say to the samples `indices`."""
        images = data.images[indices]
        return Answers(
            ask(self.base, self.router, images, self.temperature), loop.logits(self.large, images), data.labels[indices]
        )


def ask(base: Classifier, router: Router, images: Pixels, temperature: float) -> Outputs:
    """The outputs of the base for images [N, C, H, W], with what the router says to them."""
    outputs = loop.outputs(base, images)
    seen = statistics(router.statistics, outputs.logits, temperature), loop.features(base, images)
    return dataclasses.replace(outputs, router=learning.logits(router, *seen))


def fit(
    config: RunConfig,
    settings: Hybrid,
    models: tuple[Classifier, Classifier],
    data: DataSet,
    parts: Splits,
    train: Train,
) -> Routed:
    """Fit router, base and large model, the trained `models`, as `settings` say; `train` trains one model further."""
    base, large = (copy.deepcopy(model) for model in models)
    images, labels = data.images[parts.train], data.labels[parts.train]
    right = loop.outputs(large, images).predicted == labels
    for round_ in range(1, settings.rounds + 1 if settings.tune != "none" else 1):
        router, fitted = _route(config, settings, base, right, data, parts)
        outputs = ask(base, router, images, fitted)
        asked = _asked(outputs, outputs.predicted == labels, settings)
        train(f"base_round_{round_}", _further(config.base, settings), base, _weighted(parts, ~asked), large)
        if settings.tune == "both" and config.large is not None:
            train(f"large_round_{round_}", _further(config.large, settings), large, _weighted(parts, asked), None)
            right = loop.outputs(large, images).predicted == labels
    router, fitted = _route(config, settings, base, right, data, parts)
    return Routed(base, large, router, fitted, *models)


def _asked(outputs: Outputs, correct: NDArray[np.bool_], settings: Hybrid) -> NDArray[np.bool_]:
    """r [N]: which samples go to the large model at the threshold of the coverage on these very samples."""
    keep = score.scores(outputs, 1.0)
    asked: NDArray[np.bool_] = keep < threshold.choose(keep, correct, Coverage(settings.goal))
    return asked


def _further(config: Model, settings: Hybrid) -> Model:
    """How a trained model learns on."""
    return dataclasses.replace(
        config, epochs=settings.tune_epochs, learning_rate=settings.tune_learning_rate, stop_below=0.0
    )


def _weighted(parts: Splits, twice: NDArray[np.bool_]) -> Splits:
    """The splits with the train samples `twice` [N] there twice."""
    return dataclasses.replace(parts, train=np.repeat(parts.train, 1 + twice))


def _route(
    config: RunConfig, settings: Hybrid, base: Classifier, right: NDArray[np.bool_], data: DataSet, parts: Splits
) -> tuple[Router, float]:
    """A router for the base as it is, and the temperature that it was fitted at; `right` [N] is the large model on the
    train split."""
    assert config.gate is not None  # `train.config` refuses [hybrid] without it
    validation = loop.outputs(base, data.images[parts.validation])
    fitted = scale(config.gate, validation, data.labels[parts.validation])
    torch.manual_seed(config.seed)
    router = routers.build(settings.router, base.feature_size, base.classes, settings.options)
    images = data.images[parts.train]
    outputs = loop.outputs(base, images)
    learning.fit(
        router,
        statistics(router.statistics, outputs.logits, fitted),
        loop.features(base, images),
        learning.proxy(outputs.predicted == data.labels[parts.train], right),
        learning.Settings(settings.goal, settings.penalty, settings.epochs, settings.learning_rate),
    )
    return router, fitted
