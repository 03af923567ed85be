"""A classifier of images that also gives what its head sees, the output "features": for a router."""

import torch
from torch import nn

from export.kind import FEATURES
from train.heads.head import as_tuple
from train.models.classifier import Classifier


class WithFeatures(nn.Module):
    """Images [N, C, H, W] to (outputs of `model`, features [N, F])."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model
        self.input_name, self.input_range = model.input_name, model.input_range
        self.output_names = (*model.output_names, FEATURES)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.model.features(image)
        return (*as_tuple(self.model.head(features)), features)
