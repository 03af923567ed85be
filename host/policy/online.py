"""Online selective classification with limited feedback: thresholds are experts, and the large model's answers judge
them.

An expert is a threshold t: on a sample of score s it gives the board's class if s >= t, and abstains otherwise. On each
sample

    a coin falls heads with probability p         the sample is queried: the board abstains, whatever its score
    otherwise an expert is drawn by its weight    its threshold is in force; the board may abstain
    if the answer is taken                        C += 1, and o_f += 1 for every expert that gave a class other than the answer;
                                                  an expert that did, with o_f > C theta + sqrt(2 C theta), is dropped
    always                                        the weight of every expert that abstains is multiplied by 1 - p

Scheme 1 ("online-1") takes the answers to queried samples only, so that o_f / C is an expert's share of mistakes in all
samples. Scheme 2 ("online-2") takes those to all abstentions, so the expert in force gets no mistake on a sample that
it abstains from, which counts in C all the same: it is judged leniently, the more so the less often the coin falls
heads. In a simulation (10,000 samples, even scores, wrong with probability 1 - score, theta 0.02, p 0.1, 5 seeds) the
second half of the samples had 0.2 to 2.4 % mistakes under scheme 1, with 81 to 96 % abstentions, and 1.5 to 7.3 % under
scheme 2, with 64 to 82 %. A sample without a score (it was lost) is no round, and one without an answer (the board fell
back on its own) is none to C.

The rate p of the weights is that of the coin, and a round that would drop the last experts is taken back whole, as in
the authors' code. The thresholds are k / n for k = 0 .. n - 1, our choice; there they are 20 from 0.2 to 0.95, for each
of 30 networks, of which a board carries one. What counts as a mistake is to differ from the large model. Source:
Gangrade, Kag, Cutkosky and Saligrama, "Online Selective Classification with Limited Feedback", NeurIPS 2021; the
algorithm as in the authors' code.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from contract.gate import ONE
from host.policy.policy import NOTHING, Settings, Turn


@dataclass(frozen=True)
class State:
    """Of n experts: logarithms of their weights, -inf of those that were dropped, and o; and C. In logarithms, since
    weights of thousands of rounds would round to 0."""

    weights: tuple[float, ...]
    mistakes: tuple[int, ...]
    answers: int = 0


@dataclass
class Online:
    """`every_abstention` makes it scheme 2. `thresholds` are score codes, ascending."""

    thresholds: Sequence[int]
    query_share: float
    mistake_rate: float
    every_abstention: bool
    seed: int
    state: State = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.thresholds)
        self.state = State(weights=(0.0,) * count, mistakes=(0,) * count)
        self._random = random.Random(self.seed)

    @property
    def left(self) -> tuple[int, ...]:
        pairs = zip(self.thresholds, self.state.weights, strict=True)
        return tuple(threshold for threshold, weight in pairs if weight > -math.inf)

    @property
    def final(self) -> int:
        """The expert of greatest weight, the least of several."""
        return self.thresholds[self.state.weights.index(max(self.state.weights))]

    def shares(self) -> list[float]:
        """The experts' weights relative to the greatest one."""
        greatest = max(self.state.weights)
        return [math.exp(weight - greatest) for weight in self.state.weights]

    def turn(self) -> Turn:
        if self._random.random() < self.query_share:
            return Turn(NOTHING, queried=True)
        return Turn(self._random.choices(self.thresholds, self.shares())[0])

    def learn(self, turn: Turn, score: int, class_index: int, answer: int | None) -> None:
        before = self.state
        answers_class = [score >= threshold for threshold in self.thresholds]
        taken = turn.queried or (self.every_abstention and score < turn.threshold)
        if taken and answer is not None:
            wrong = [gives and answer != class_index for gives in answers_class]
            self._judge(wrong)
        rate = math.log1p(-self.query_share)
        pairs = zip(self.state.weights, answers_class, strict=True)
        self.state = replace(self.state, weights=tuple(weight if gives else weight + rate for weight, gives in pairs))
        if not self.left:
            self.state = before

    def _judge(self, wrong: Sequence[bool]) -> None:
        """An answer was seen, and those experts gave another class."""
        answers = self.state.answers + 1
        mistakes = tuple(count + more for count, more in zip(self.state.mistakes, wrong, strict=True))
        expected = answers * self.mistake_rate
        most = expected + math.sqrt(2 * expected)
        weights = tuple(
            -math.inf if was_wrong and count > most else weight
            for weight, count, was_wrong in zip(self.state.weights, mistakes, wrong, strict=True)
        )
        self.state = State(weights, mistakes, answers)


def make_1(settings: Settings) -> Online:
    return _make(settings, every_abstention=False)


def make_2(settings: Settings) -> Online:
    return _make(settings, every_abstention=True)


def _make(settings: Settings, every_abstention: bool) -> Online:
    thresholds = [round(ONE * index / settings.experts) for index in range(settings.experts)]
    return Online(thresholds, settings.query_share, settings.mistake_rate, every_abstention, settings.seed)
