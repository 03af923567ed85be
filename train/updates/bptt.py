"""Backpropagation through time: one gradient through the whole sequence. Of a model without a state, plain
backpropagation."""

import torch

from train.updates.update import Update


class Bptt(Update):
    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        loss = self.loss(self.model(images), targets)
        self.descend(loss)
        return loss.item()
