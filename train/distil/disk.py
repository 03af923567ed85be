"""DiSK: the student is excused from what the teacher knows to be too hard for it, by a guide g(x) in [0, 1] that a
budget holds.

With s and t the softmax of student and teacher at temperature T, t over the teacher's `top` classes and the label
alone,

    student   (1 - a) * loss of the labels + a T^2 mean_i( -sum_y t_y log(s_y + g) )
    guide     a T^2 mean_i( -sum_y t_y log(s_y + g) + price * log(1 + k g) ) + strength * max(0, spent - budget)
    spent     sum_i g_i min(cross-entropy of s_i, 5) / max(1, number of samples that s gets wrong)

where k is how many classes t is over, s in the budget is at T = 1, and neither of the two moves the other. The gradient
on s is scaled by 1 / (s + g): help makes a sample count less. g is an MLP on the teacher's features, for training
alone: it is no part of the model.

For the first `start` epochs the student learns without help, while the guide learns beside it what it would help with.
Then they alternate: after each step of the student the guide takes one, by its own optimiser. `strength` rises to
`strongest` and `budget` falls to `least_budget` on a cosine over `cycle` epochs, and both begin anew.

Source: Kag, Acar, Gangrade and Saligrama, "Scaffolding a Student to Instill Knowledge", ICLR 2023: loss and budget as
on the authors' poster; `top`, the limit of 5, the division by the mistakes and the schedules as in their code. Our form
is

- the start: their student and teacher come trained from elsewhere, and 5 epochs are the guide's alone;
- alternating by step rather than by 3 epochs each, so that an epoch is one of the student, as of any other loss;
- the number of mistakes is at least 1, as theirs may be 0;
- the weight of log(1 + k g), which makes s + g a distribution again: theirs has it without T^2, and the poster not at all.
  The budget alone prices help by cross-entropy, which is next to nothing where the student is right: the guide would help
  exactly there. With this price, help there costs what it wins.
"""

import math
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import nn

from train.distil.distillation import CORRECT, Distillation
from train.errors import TrainError
from train.losses.loss import Loss
from train.models.classifier import Classifier

UNITS: Final = 64  # of the guide's hidden layer; our choice
HIGHEST: Final = 5.0  # a cross-entropy above it counts as this in the budget: of the authors' code for CIFAR


class Disk(Distillation):
    def __init__(
        self,
        loss: Loss,
        teacher: Classifier,
        *,
        share: float = 0.9,
        temperature: float = 4.0,
        top: int = 10,
        start: int = 5,
        rate: float = 0.001,
        price: float = 1.0,
        budget: float = 0.6,
        least_budget: float = 0.4,
        strength: float = 1.0,
        strongest: float = 5.0,
        cycle: int = 20,
    ) -> None:
        super().__init__(loss, teacher, share, temperature)
        for name, value in (
            ("rate", rate), ("price", price), ("budget", budget), ("least_budget", least_budget), ("strength", strength),
            ("strongest", strongest),
        ):  # fmt: skip
            if value < 0:
                raise TrainError(f"distil.{name} is {value:g}, expected a number of 0 or more.", CORRECT)
        self.top = min(top, teacher.classes)
        self.start = start
        self.price = price
        self.budgets, self.strengths, self.cycle = (budget, least_budget), (strength, strongest), cycle
        self.epoch = 1
        self.guide = nn.Sequential(nn.Linear(teacher.feature_size, UNITS), nn.ReLU(), nn.Linear(UNITS, 1))
        self.guide.to(next(teacher.parameters()).device)
        self.optimiser = torch.optim.AdamW(self.guide.parameters(), lr=rate)
        self._batch: tuple[torch.Tensor, ...] | None = None  # what the guide's next step learns from

    def knowledge(
        self, logits: torch.Tensor, taught: torch.Tensor, features: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        wanted = self.wanted(taught, targets)
        self._batch = (logits.detach(), wanted, features, targets)
        if self.epoch <= self.start:
            return self.distance(logits, wanted, None)
        with torch.no_grad():
            help_ = self.guide(features)
        return self.distance(logits, wanted, help_)

    def wanted(self, taught: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """t [N, classes], the teacher's softmax over its `top` classes and the label, 0 elsewhere."""
        chosen = torch.zeros_like(taught, dtype=torch.bool)
        chosen.scatter_(1, taught.topk(self.top, dim=1).indices, True).scatter_(1, targets[:, None], True)
        return F.softmax((taught / self.temperature).masked_fill(~chosen, -torch.inf), dim=1)

    def distance(self, logits: torch.Tensor, wanted: torch.Tensor, help_: torch.Tensor | None) -> torch.Tensor:
        """T^2 times the mean of -sum_y t_y log(s_y + g), with g = sigmoid(`help_` [N, 1]), or 0 for None. It is below 0
        where s + g is above 1."""
        logs = F.log_softmax(logits / self.temperature, dim=1)
        if help_ is not None:
            logs = torch.logaddexp(logs, F.logsigmoid(help_))  # finite where s is 0 in float32
        return self.temperature**2 * -(wanted * logs).sum(1).mean()

    def objective(
        self, logits: torch.Tensor, wanted: torch.Tensor, features: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """What the guide makes small, for a student that stays as it is."""
        help_ = self.guide(features)
        g, kinds = torch.sigmoid(help_[:, 0]), (wanted > 0).sum(1)
        paid = self.price * self.temperature**2 * torch.log1p(kinds * g).mean()
        surprise = F.cross_entropy(logits, targets, reduction="none").clamp(max=HIGHEST)
        wrong = (logits.argmax(1) != targets).sum().clamp(min=1)
        over = F.relu((g * surprise).sum() / wrong - self._scheduled(*self.budgets))
        return self.share * (self.distance(logits, wanted, help_) + paid) + self._scheduled(*self.strengths) * over

    def _scheduled(self, first: float, last: float) -> float:
        """From `first` to `last` on a cosine over each `cycle` of epochs."""
        done = ((self.epoch - 1) % self.cycle) / max(self.cycle - 1, 1)
        return last + (first - last) * (1 + math.cos(math.pi * done)) / 2

    def after_step(self) -> None:
        """The guide's step, on the batch that the student just took one on."""
        super().after_step()
        if self._batch is not None:
            self.optimiser.zero_grad()
            self.objective(*self._batch).backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()

    def end_epoch(self, epoch: int) -> None:
        super().end_epoch(epoch)
        self.epoch = epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "epoch": self.epoch,
            "guide": self.guide.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.epoch = state["epoch"]
        self.guide.load_state_dict(state["guide"])
        self.optimiser.load_state_dict(state["optimiser"])
