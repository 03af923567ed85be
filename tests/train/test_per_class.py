"""Thresholds per class: the best there are, by trying all of them, and offsets that mean what they say."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from train.abstain import per_class, threshold
from train.abstain.threshold import Coverage, JointError, SelectiveRisk, Target
from train.errors import TrainError

CLASSES = 3

# Few distinct values, so that ties are common; floats, or integer codes as on the board.
samples = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.sampled_from([0.1, 0.25, 0.5, 0.9, 1.0, 1 - 2**-53]))
        | arrays(np.uint16, count, elements=st.integers(32764, 32768)),
        arrays(np.int64, count, elements=st.integers(0, CLASSES - 1)),
        arrays(np.bool_, count),
    )
)
targets = st.one_of(
    st.builds(Coverage, st.floats(0.05, 1)),
    st.builds(SelectiveRisk, st.floats(0, 0.9)),
    st.builds(JointError, st.floats(0, 0.9)),
)
Case = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]]


def outcomes(case: Case) -> list[tuple[int, int]]:
    """How many are accepted, and how many of them wrong, with every combination of thresholds."""
    scores, predicted, correct = case
    scores = per_class.on_grid(scores)
    limits = [[*sorted(set(scores[predicted == k].tolist())), 1e9] for k in range(CLASSES)]
    return [
        (int(accepted.sum()), int((accepted & ~correct).sum()))
        for combination in itertools.product(*limits)
        for accepted in [scores >= np.array(combination)[predicted]]
    ]


@given(samples, targets)
def test_no_thresholds_are_better(case: Case, target: Target) -> None:
    scores, predicted, correct = case
    count = len(scores)
    if isinstance(target, Coverage):
        allowed = [(-wrong, accepted) for accepted, wrong in outcomes(case) if accepted / count >= target.value]
    else:
        allowed = [
            (accepted, -wrong)
            for accepted, wrong in outcomes(case)
            if accepted and wrong / (count if isinstance(target, JointError) else accepted) <= target.value
        ]
    if not allowed:
        with pytest.raises(TrainError, match="no thresholds per class reach a"):
            per_class.choose(scores, predicted, correct, CLASSES, target)
        return
    limit, offsets = per_class.choose(scores, predicted, correct, CLASSES, target)
    accepted = per_class.shifted(scores, predicted, offsets) >= limit
    found = int(accepted.sum()), int((accepted & ~correct).sum())
    if isinstance(target, Coverage):
        assert (-found[1], found[0]) == max(allowed)
    else:
        assert found[0] == max(allowed)[0]
        assert found[1] / (count if isinstance(target, JointError) else found[0]) <= target.value
    assert len(offsets) == CLASSES and offsets.max() <= 0
    assert np.issubdtype(offsets.dtype, np.integer) == np.issubdtype(scores.dtype, np.integer)


@given(samples, targets)
def test_a_common_threshold_is_never_better(case: Case, target: Target) -> None:
    """On the same scores: those that the grid makes equal, a common threshold could tell apart."""
    scores, predicted, correct = per_class.on_grid(case[0]), *case[1:]
    try:
        limit = threshold.choose(scores, correct, target)
    except TrainError:
        return
    together = scores >= limit
    common, offsets = per_class.choose(scores, predicted, correct, CLASSES, target)
    apart = per_class.shifted(scores, predicted, offsets) >= common
    if isinstance(target, Coverage):
        assert (apart & ~correct).sum() <= (together & ~correct).sum()
    else:
        assert apart.sum() >= together.sum()


def test_thresholds_worked_by_hand() -> None:
    """Class 0 is right from 0.6 on, class 1 only from 0.9 on, and class 2 is never predicted."""
    scores = np.array([0.9, 0.7, 0.6, 0.5, 0.95, 0.9, 0.8, 0.7])
    predicted = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    correct = np.array([True, True, True, False, True, True, False, False])
    limit, offsets = per_class.choose(scores, predicted, correct, 3, JointError(0.0))
    assert limit == pytest.approx(0.6)
    assert offsets.tolist() == pytest.approx([0.0, -0.3, -0.3])
    accepted = per_class.shifted(scores, predicted, offsets) >= limit
    assert accepted.tolist() == [True, True, True, False, True, True, False, False]


def test_moving_the_common_threshold_moves_all() -> None:
    codes, predicted = np.array([30, 20, 10, 30, 20, 10], np.uint16), np.array([0, 0, 0, 1, 1, 1])
    limit, offsets = per_class.choose(codes, predicted, np.array([1, 1, 0, 1, 0, 0], bool), 2, JointError(0.0))
    assert (limit, offsets.tolist()) == (20, [0, -10])
    assert (per_class.shifted(codes, predicted, offsets) >= limit - 10).tolist() == [
        True,
        True,
        True,
        True,
        True,
        False,
    ]


def test_many_samples_are_chosen_for_in_no_time() -> None:
    """100 classes, 10,000 samples, of which a third are wrong; what was promised holds exactly."""
    generator = np.random.default_rng(0)
    scores, predicted = generator.random(10_000), generator.integers(0, 100, 10_000)
    correct = generator.random(10_000) < 0.4 + 0.6 * scores
    limit, offsets = per_class.choose(scores, predicted, correct, 100, JointError(0.02))
    accepted = per_class.shifted(scores, predicted, offsets) >= limit
    assert (accepted & ~correct).sum() == 200
    assert accepted.sum() > (scores >= threshold.choose(scores, correct, JointError(0.02))).sum()
