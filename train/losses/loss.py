"""What every loss promises to the update rules and to the training loop."""

from typing import Any, Final

import torch

CORRECT: Final = "Correct it under the model's loss."  # the next step of an option that makes no sense


class Loss:
    """Compares the outputs of a model in training mode (`train.heads.head.Answer`) with targets [N].

    A subclass takes `(classes, *, option=default, ...)`, every option a number or a word.
    """

    def see(self, images: torch.Tensor) -> None:
        """Called with the images [N, C, H, W] of a batch before its first step: a loss that asks another model does it
        here."""

    def __call__(self, outputs: Any, targets: torch.Tensor) -> torch.Tensor:
        """The mean loss, a scalar."""
        raise NotImplementedError

    def part(self, outputs: Any, targets: torch.Tensor, part: int, parts: int) -> torch.Tensor:
        """The loss of outputs after part 0 .. parts - 1 of a sequence; of the last part it is that of the whole.

        Early outputs cannot know the label yet: part p weighs (p + 1) / parts.
        """
        return (part + 1) / parts * self(outputs, targets)

    def after_step(self) -> None:
        """Called after each step of the model's optimiser: a loss with weights of its own moves them here."""

    def end_epoch(self, epoch: int) -> None:
        """Called after each epoch, which counts from 1."""

    def state_dict(self) -> dict[str, Any]:
        """What a training that was stopped needs to go on."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
