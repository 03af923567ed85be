"""What every loss promises to the update rules and to the training loop."""

from typing import Any

import torch


class Loss:
    """Compares outputs [N, outputs] of a model with targets [N]."""

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean loss, a scalar."""
        raise NotImplementedError

    def part(self, outputs: torch.Tensor, targets: torch.Tensor, part: int, parts: int) -> torch.Tensor:
        """The loss of outputs after part 0 .. parts - 1 of a sequence; of the last part it is that of the whole."""
        raise NotImplementedError

    def end_epoch(self, epoch: int) -> None:
        """Called after each epoch, which counts from 1."""

    def state_dict(self) -> dict[str, Any]:
        """What a training that was stopped needs to go on."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
