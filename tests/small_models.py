"""Models and runs small enough to make in seconds, for the export suites."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the field's own name)
from numpy.typing import NDArray
from torch import nn

from contract.run_folder import RunFolder
from export.kind import Trained
from train import config, data, models, routers
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
    """The same weights every time. The convolutions' are enlarged: as initialised, the outputs hardly depend on the
    input."""
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


def with_router(trained: Trained, name: str, coverage: float = 0.7) -> Trained:
    """The run with a gate that asks such a router, of random weights and normalisation."""
    torch.manual_seed(2)
    router = routers.build(name, trained.model.feature_size, trained.classes, {"hidden": 8})
    with torch.no_grad():
        for layer in router.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean, layer.running_var = (
                    torch.rand(layer.num_features) / 5,
                    torch.rand(layer.num_features) + 0.5,
                )
            elif isinstance(layer, nn.Linear):
                layer.weight *= 3  # so that answers differ
    gate = config.Gate(target=Coverage(coverage), score="router")
    return replace(trained, router=router.eval(), gate=gate)


def with_heads(trained: Trained, score: str, coverage: float = 0.7) -> Trained:
    """The run with such a model in place of its base, and a gate of that score."""
    torch.manual_seed(1)
    model = cast(Classifier, Heads(trained.model, trained.classes).eval())
    return replace(trained, model=model, gate=config.Gate(target=Coverage(coverage), score=score))
