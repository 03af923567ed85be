"""What a model costs: parameters and multiply-accumulates (MACs) of one inference."""

from typing import cast

import torch
from torch.utils.flop_counter import FlopCounterMode

from train.heads.head import AUXILIARY
from train.models.classifier import Classifier


def parameters(model: Classifier) -> int:
    """Learned numbers of what eval mode computes, those of batch normalisation included although export folds them
    away."""
    training_only = f"head.{AUXILIARY}"
    return sum(weight.numel() for name, weight in model.named_parameters() if not name.startswith(training_only))


def macs(model: Classifier) -> int:
    """Multiply-accumulates of convolutions and linear layers, for one image."""
    training = model.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, *model.input_shape))
    model.train(training)
    # PyTorch counts a multiplication and an addition as two operations.
    return cast(int, counter.get_total_flops()) // 2
