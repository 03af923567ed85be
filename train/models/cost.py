"""What a model costs: parameters and multiply-accumulates (MACs) of one inference."""

from typing import cast

import torch
from torch.utils.flop_counter import FlopCounterMode

from train.models.classifier import Classifier


def parameters(model: Classifier) -> int:
    """Learned numbers, those of batch normalisation included although export folds them away."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: Classifier) -> int:
    """Multiply-accumulates of convolutions and linear layers, for one image."""
    training = model.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, *model.input_shape))
    model.train(training)
    # PyTorch counts a multiplication and an addition as two operations.
    return cast(int, counter.get_total_flops()) // 2
