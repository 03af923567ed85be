"""Policies against the algorithm written down a second time, from a history that is kept whole; and against what it
promises."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.gate import ONE
from host import policy
from host.policy import NOTHING, Settings, Turn
from host.policy.online import Online

Round = tuple[Turn, int, int, int | None]  # the turn, the board's score and class, the large model's class

thresholds = st.lists(st.integers(0, ONE), min_size=1, max_size=6, unique=True).map(sorted)
rates = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])
shares = st.sampled_from([0.0, 0.05, 0.3, 0.9])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[Round]]:
    experts = draw(thresholds)
    turns = st.one_of(st.sampled_from(experts).map(Turn), st.just(Turn(NOTHING, queried=True)))
    classes = st.integers(0, 2)
    rounds = st.tuples(turns, st.integers(0, ONE), classes, st.one_of(st.none(), classes))
    return experts, draw(st.lists(rounds, max_size=40))


def judged(history: list[Round], expert: int, share: float, rate: float, scheme: int) -> float:
    """The weight of one expert after a history, counted from its start; 0 if it was dropped."""
    seen, wrong, weight = 0, 0, 1.0
    for turn, score, said, answer in history:
        abstained = score < turn.threshold
        gives = score >= expert
        if answer is not None and abstained and (turn.queried or scheme == 2):
            seen += 1
            if gives and said != answer:
                wrong += 1
                if wrong > seen * rate + math.sqrt(2 * seen * rate):
                    return 0.0
        if not gives:
            weight *= 1 - share
    return weight


@given(history=histories(), share=shares, rate=rates, scheme=st.sampled_from([1, 2]))
def test_weights_are_those_of_the_algorithm(
    history: tuple[list[int], list[Round]], share: float, rate: float, scheme: int
) -> None:
    experts, rounds = history
    online = Online(experts, share, rate, every_abstention=scheme == 2, seed=0)
    kept: list[Round] = []  # the rounds that were not taken back
    for turn, score, said, answer in rounds:
        online.learn(turn, score, said, answer)
        tried = [*kept, (turn, score, said, answer)]
        if any(judged(tried, expert, share, rate, scheme) for expert in experts):
            kept = tried
        weights = [judged(kept, expert, share, rate, scheme) for expert in experts]
        assert [math.exp(weight) for weight in online.state.weights] == pytest.approx(weights)
        assert list(online.left) == [expert for expert, weight in zip(experts, weights, strict=True) if weight > 0]
        greatest = max(weights)
        assert online.shares() == pytest.approx([weight / greatest for weight in weights])
        assert weights[experts.index(online.final)] == pytest.approx(greatest)


@given(experts=thresholds, seed=st.integers(0, 99), name=st.sampled_from(["online-1", "online-2"]))
def test_the_same_seed_repeats_every_turn(experts: list[int], seed: int, name: str) -> None:
    def play() -> list[Turn]:
        chosen = policy.make(name, Settings(experts=len(experts), query_share=0.3, seed=seed))
        world, turns = random.Random(1), []
        for _ in range(60):
            turns.append(chosen.turn())
            chosen.learn(turns[-1], world.randrange(ONE), 0, world.randrange(2))
        return turns

    assert play() == play()


def test_the_coin_and_the_draws_have_their_shares() -> None:
    online = Online([100, 200, 300], query_share=0.25, mistake_rate=0.5, every_abstention=True, seed=3)
    for _ in range(2):  # the third expert abstains twice, the second once
        online.learn(Turn(300), 250, 0, None)
    online.learn(Turn(300), 150, 0, None)
    assert online.shares() == pytest.approx([1, 0.75, 0.75**3])
    count = 20_000
    drawn = Counter(online.turn() for _ in range(count))
    total = sum(online.shares())
    expected = {Turn(NOTHING, queried=True): 0.25} | {
        Turn(threshold): 0.75 * share / total for threshold, share in zip([100, 200, 300], online.shares(), strict=True)
    }
    for turn, probability in expected.items():
        deviation = math.sqrt(count * probability * (1 - probability))
        assert abs(drawn[turn] - count * probability) < 5 * deviation


@pytest.mark.parametrize(("name", "answers"), [("online-1", 0), ("online-2", 1)])
def test_only_the_second_scheme_learns_from_abstentions_that_were_not_queried(name: str, answers: int) -> None:
    online = policy.make(name, Settings(experts=4))
    assert isinstance(online, Online)
    online.learn(Turn(ONE // 2), ONE // 4, 1, 2)  # the board abstained
    assert online.state.answers == answers
    online.learn(Turn(NOTHING, queried=True), ONE, 1, 1)  # it would not have, but was queried
    assert online.state.answers == answers + 1
    online.learn(Turn(NOTHING, queried=True), ONE, 1, None)  # no answer came
    online.learn(Turn(0), ONE, 1, None)  # accepted
    assert online.state.answers == answers + 1


def test_a_query_is_above_every_score() -> None:
    always = policy.make("online-1", Settings(query_share=0.999999))
    turn = always.turn()
    assert turn == Turn(NOTHING, queried=True)
    assert turn.threshold > ONE


def test_thousands_of_rounds_do_not_lose_an_expert() -> None:
    """The weight of the one that always abstains would round to 0 after 7,000 rounds. If the other is then dropped, it
    is drawn."""
    online = Online([0, ONE], query_share=0.1, mistake_rate=0.0, every_abstention=False, seed=0)
    for _ in range(20_000):
        online.learn(Turn(0), 100, 1, None)
    assert online.left == (0, ONE)
    assert online.final == 0
    online.learn(Turn(NOTHING, queried=True), 100, 1, 2)
    assert online.left == (ONE,)
    drawn = {online.turn() for _ in range(50)}
    assert Turn(ONE) in drawn and Turn(0) not in drawn


@pytest.mark.parametrize(("name", "most"), [("online-1", 0.035), ("online-2", 0.1)])
def test_it_finds_a_threshold_that_keeps_the_mistake_rate(name: str, most: float) -> None:
    """A world in which scores are even and the board is wrong with probability 1 - score. Accepted mistakes at a
    threshold of t are (1 - t)^2 / 2 of all samples, so 0.02 is kept from t = 0.8 on. The bound has a margin, and the
    second scheme is lenient: see host/policy/online.py."""
    online = policy.make(name, Settings(query_share=0.1, mistake_rate=0.02, experts=20, seed=5))
    world = random.Random(0)
    mistakes = abstentions = 0
    for count in range(6000):
        turn = online.turn()
        score = world.randrange(ONE)
        wrong = world.random() > score / ONE
        accepted = score >= turn.threshold
        online.learn(turn, score, 0, None if accepted else int(wrong))
        if count >= 3000:
            mistakes += accepted and wrong
            abstentions += not accepted
    assert mistakes / 3000 < most
    assert online.final / ONE >= 0.6
    assert abstentions / 3000 < 0.93


def test_fixed_is_fixed() -> None:
    fixed = policy.make("fixed", Settings(threshold=1234))
    fixed.learn(fixed.turn(), 0, 1, 2)
    assert fixed.turn() == Turn(1234)
    assert (fixed.final, fixed.left) == (1234, (1234,))
