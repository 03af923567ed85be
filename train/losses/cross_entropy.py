"""Cross-entropy with label smoothing, and its variant for parts of a sequence whose label is that of the whole.

After part p = 0 .. P - 1 the loss is

    ((p + 1) / P) * NLL + (1 - (p + 1) / P) * mean(-Q log softmax(outputs))

since early outputs cannot know the label yet. Q is uniform in the first epochs; after them it is what the model itself
said at that part, in the last epoch, on samples of the class that it got right there. The mean is over samples and
classes. Source: Kag and Saligrama, "Training Recurrent Neural Networks via Forward Propagation Through Time", ICML
2021, and the authors' code, which keeps one sample for Q where this keeps the mean of an epoch.
"""

from typing import Any, Final

import torch
import torch.nn.functional as F

from train.errors import TrainError
from train.losses.loss import CORRECT, Loss

UNIFORM_EPOCHS: Final = 20  # of the authors' code


class CrossEntropy(Loss):
    """Outputs are logits [N, classes], targets int64 [N]. `label_smoothing` in [0, 1) spreads a label over all
    classes."""

    def __init__(self, classes: int, *, label_smoothing: float = 0.0, uniform_epochs: int = UNIFORM_EPOCHS) -> None:
        if not 0 <= label_smoothing < 1:
            raise TrainError(
                f"loss.label_smoothing is {label_smoothing}, expected a share of 0 or more and below 1.", CORRECT
            )
        self.classes = classes
        self.smoothing = label_smoothing
        self.uniform_epochs = uniform_epochs
        self.epoch = 1
        # Per part: Q for each class [classes, classes], and what this epoch adds up for the next one's.
        self.expected: dict[int, torch.Tensor] = {}
        self.sums: dict[int, torch.Tensor] = {}

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(outputs, targets, label_smoothing=self.smoothing)

    def part(self, outputs: torch.Tensor, targets: torch.Tensor, part: int, parts: int) -> torch.Tensor:
        whole = self(outputs, targets)
        if part == parts - 1:
            return whole
        share, logs = (part + 1) / parts, F.log_softmax(outputs, dim=1)
        self._count(logs.detach(), targets, part)
        return share * whole + (1 - share) * (-self._expected(part).to(logs.device)[targets] * logs).mean()

    def _expected(self, part: int) -> torch.Tensor:
        """Q [classes, classes] of a part: row y is the distribution that is expected of samples of class y."""
        return self._uniform if self.epoch <= self.uniform_epochs else self.expected.get(part, self._uniform)

    @property
    def _uniform(self) -> torch.Tensor:
        return torch.full((self.classes, self.classes), 1 / self.classes)

    def _count(self, logs: torch.Tensor, targets: torch.Tensor, part: int) -> None:
        right = (logs.argmax(dim=1) == targets).to(logs.dtype)
        if part not in self.sums:
            self.sums[part] = logs.new_zeros(self.classes, self.classes)
        self.sums[part].index_add_(0, targets, right[:, None] * logs.exp())

    def end_epoch(self, epoch: int) -> None:
        """Make the means of this epoch the next one's Q; a class never right at a part keeps the Q it had."""
        for part, summed in self.sums.items():
            sums = summed.cpu()
            counts = sums.sum(dim=1, keepdim=True)  # each distribution adds 1
            kept = self.expected.get(part, self._uniform)
            self.expected[part] = torch.where(counts > 0, sums / counts.clamp(min=1), kept)
        self.sums = {}
        self.epoch = epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "expected": self.expected}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.expected = state["epoch"], state["expected"]
