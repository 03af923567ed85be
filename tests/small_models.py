"""Models and runs small enough to make in seconds, for the export suites."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the field's own name)
from numpy.typing import NDArray
from torch import nn

from contract.gate.statistics import STATISTICS
from contract.run_folder import RunFolder
from export.kind import Trained
from export.router import RouterModule
from train import config, data, models
from train.abstain import temperature
from train.abstain.threshold import Coverage
from train.models import checkpoint
from train.models.classifier import Classifier

ROOT = Path(__file__).parents[1]


class ThreeOutputs(nn.Module):
    """Untrained, on colour images: three outputs of one shape, batch normalisation, a linear layer without a bias."""

    input_name = "image"
    output_names = ("logits", "gate", "route")
    input_shape = (1, 3, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 8, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.logits, self.gate, self.route = nn.Linear(8, 4), nn.Linear(8, 4, bias=False), nn.Linear(8, 4)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pooled = self.features(image).mean((2, 3))
        return self.logits(pooled), torch.sigmoid(self.gate(pooled)), self.route(pooled)

    def answers(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name for images [N, 3, 8, 8]."""
        with torch.inference_mode():
            return {
                name: output.numpy()
                for name, output in zip(self.output_names, self(torch.from_numpy(images)), strict=True)
            }


def three_outputs() -> ThreeOutputs:
    """The same weights every time. The convolutions' are enlarged: as initialised, the outputs hardly depend on the input."""
    torch.manual_seed(0)
    model = ThreeOutputs().eval()
    with torch.no_grad():
        for layer in model.features:
            if isinstance(layer, nn.Conv2d):
                layer.weight *= 3
    return model


def train_digits(folder: RunFolder, epochs: int = 6) -> None:
    """What `python -m train` leaves for the export, with a base model that has seen little."""
    settings = config.load(ROOT / "train" / "configs" / "digits.toml")
    samples = data.load(settings.data)
    parts = data.splits(samples, settings.data)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = models.build("cnn", samples.input_shape, len(samples.classes), settings.base.options)
    images, labels = torch.from_numpy(samples.images), torch.from_numpy(samples.labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for batch in torch.from_numpy(parts.train)[torch.randperm(len(parts.train))].split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    model.eval()
    with torch.inference_mode():
        logits = model(images[torch.from_numpy(parts.validation)]).numpy()
    fitted = temperature.fit(logits, samples.labels[parts.validation])
    folder.path.mkdir(parents=True)
    config.save(settings, folder.config)
    data.save_splits(parts, settings.data, folder.splits)
    described = checkpoint.describe("cnn", model, settings.base.options, samples.classes, fitted)
    checkpoint.save(model, described, folder.base_checkpoint)


class Heads(nn.Module):
    """A base model with what gates read besides its logits: a logit of abstaining behind them, and an output "gate"."""

    input_name = "image"
    output_names = ("logits", "gate")

    def __init__(self, base: nn.Module, classes: int) -> None:
        super().__init__()
        self.base = base
        self.wider, self.gate = nn.Linear(classes, classes + 1), nn.Linear(classes, 1)
        with torch.no_grad():
            self.wider.weight[:classes] = torch.eye(classes)
            self.wider.bias[:classes] = 0
            self.wider.weight[classes] = -0.1  # the less all classes say, the more it abstains
            self.gate.weight *= 3

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.base(image)
        return self.wider(logits), self.gate(logits)


class SmallRouter(nn.Module):
    """A router as export takes it, untrained; its layer of batch normalisation is folded away."""

    def __init__(self, statistics: str, count: int, features: int) -> None:
        super().__init__()
        self.statistics = statistics
        self.from_statistics, self.from_features = nn.Linear(count, 8), nn.Linear(features, 8)
        self.norm, self.gate = nn.BatchNorm1d(8), nn.Linear(8, 1)
        with torch.no_grad():
            self.norm.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr, operator]
            self.norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
            self.from_statistics.weight[:, 0] = -1  # not if the base is unsure
            self.from_statistics.bias += 1
            self.gate.weight.abs_().mul_(8)

    def forward(self, statistics: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        hidden = self.norm(self.from_statistics(statistics) + self.from_features(features))
        answer: torch.Tensor = self.gate(torch.relu(hidden))
        return answer

    def folded(self) -> nn.Module:
        plain = copy.deepcopy(self).eval()
        scale = plain.norm.weight / torch.sqrt(plain.norm.running_var + plain.norm.eps)  # type: ignore[operator]
        with torch.no_grad():
            shift = plain.norm.bias - plain.norm.running_mean * scale  # type: ignore[operator]
            plain.from_statistics.weight *= scale[:, None]
            plain.from_features.weight *= scale[:, None]
            plain.from_statistics.bias.mul_(scale).add_(shift)
            plain.from_features.bias *= scale
        plain.norm = nn.Identity()  # type: ignore[assignment]
        return plain


def with_router(trained: Trained, statistics: str, coverage: float = 0.7) -> Trained:
    """The run with a gate that asks such a router."""
    torch.manual_seed(2)
    module = SmallRouter(statistics, STATISTICS[statistics].count(trained.classes), trained.model.feature_size).eval()
    gate = config.Gate(target=Coverage(coverage), score="router")
    return replace(trained, router=cast(RouterModule, module), gate=gate)


def with_heads(trained: Trained, score: str, coverage: float = 0.7) -> Trained:
    """The run with such a model in place of its base, and a gate of that score."""
    torch.manual_seed(1)
    model = cast(Classifier, Heads(trained.model, trained.classes).eval())
    return replace(trained, model=model, gate=config.Gate(target=Coverage(coverage), score=score))
