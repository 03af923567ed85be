"""What every router is: figures of the base model's logits and its features, to one logit."""

import torch
from torch import nn


class Router(nn.Module):
    """Statistics [N, S], floats in [0, 1] as `train.routers.statistics` and the board make them, and features [N, F] to
    the logit of keeping the sample [N, 1]: high answers on the board.

    A subclass takes `(features, classes, *, option=default, ...)`, names its statistics and is made of linear layers,
    ReLU, sums, and batch normalisation, which `folded` does away with.
    """

    statistics: str  # a name in contract.gate.statistics.STATISTICS

    def forward(self, statistics: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def folded(self) -> nn.Module:
        """The same function, in eval mode, as linear layers, ReLU and sums alone: what the board computes."""
        raise NotImplementedError

    def macs(self) -> int:
        """Multiply-accumulates of a sample, of `folded`."""
        return sum(layer.weight.numel() for layer in self.folded().modules() if isinstance(layer, nn.Linear))

    def parameters_on_board(self) -> int:
        return sum(weight.numel() for weight in self.folded().parameters())


class Sum(nn.Module):
    """One layer for the statistics and one for the features, added, and what follows.

    Not a layer on both side by side: their codes have different scales, and the board would have to convert one of
    them.
    """

    def __init__(self, from_statistics: nn.Module, from_features: nn.Module, rest: nn.Module) -> None:
        super().__init__()
        self.from_statistics = from_statistics
        self.from_features = from_features
        self.rest = rest

    def forward(self, statistics: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.rest(self.from_statistics(statistics) + self.from_features(features))
        return logit
