"""A weight matrix of a cell: full, or the product of two thin ones.

    w = Matrix(inputs=32, outputs=64, rank=8, bias=True)
    y = w(x)  # [N, 32] -> [N, 64]

It holds outputs * inputs numbers with rank 0, and rank * (inputs + outputs) otherwise. Gates that are stacked in one
matrix share its first factor. Source: Kusupati et al., "FastGRNN", NeurIPS 2018, section 3.2.1.
"""

from typing import Final

import torch
from torch import nn

from train.errors import TrainError

SPREAD: Final = 0.1  # standard deviation of an initial weight in the authors' code of iRNN, TARNN and FastGRNN


class Matrix(nn.Sequential):
    """One linear layer or two, with PyTorch's initialisation; 0 is full rank.

    Raises TrainError unless 0 <= rank <= min(inputs, outputs).
    """

    def __init__(self, inputs: int, outputs: int, rank: int, *, bias: bool = False) -> None:
        if not 0 <= rank <= min(inputs, outputs):
            raise TrainError(
                f"a rank of {rank} was asked of a matrix of {outputs}x{inputs}, expected 1 .. {min(inputs, outputs)}, or 0 "
                "for full rank.",
                "Lower rank_w (inputs) or rank_u (state) under options.",
            )
        if rank == 0:
            super().__init__(nn.Linear(inputs, outputs, bias))
        else:
            super().__init__(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias))

    def normal_(self) -> None:
        """Draw every entry of the whole matrix from N(0, SPREAD), also where it is a product; biases are 0."""
        factors = [layer for layer in self if isinstance(layer, nn.Linear)]
        rank = factors[-1].in_features if len(factors) == 2 else 1
        # An entry of the product is a sum of `rank` products, whose variances add up.
        deviation = (SPREAD**2 / rank) ** (1 / (2 * len(factors)))
        for factor in factors:
            nn.init.normal_(factor.weight, 0.0, deviation)
            if factor.bias is not None:
                nn.init.zeros_(factor.bias)

    @property
    def bias(self) -> nn.Parameter:
        """The bias [outputs]; AttributeError if it has none."""
        last = self[-1]
        assert isinstance(last, nn.Linear)
        return last.bias

    @property
    def whole(self) -> torch.Tensor:
        """The matrix [outputs, inputs] of full rank."""
        (layer,) = self
        assert isinstance(layer, nn.Linear)
        return layer.weight

    def macs(self) -> int:
        """Multiply-accumulates of one product with a vector."""
        return sum(layer.weight.numel() for layer in self if isinstance(layer, nn.Linear))
