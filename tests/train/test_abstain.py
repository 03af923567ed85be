"""Scores, temperature and threshold, each against another way of computing it."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from contract.gate import softmax_response as on_board
from train.abstain import SCORES, softmax_response, temperature, threshold
from train.abstain.outputs import Outputs
from train.abstain.threshold import Coverage, JointError, SelectiveRisk
from train.errors import TrainError

# Few distinct values, so that ties are common; floats, or integer codes as on the board.
scored = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9, 1.0]))
        | arrays(np.uint16, count, elements=st.integers(32700, 32712)),
        arrays(np.bool_, count),
    )
)


def logistic() -> tuple[LogisticRegression, NDArray[Any], NDArray[Any]]:
    """A classifier of three classes and held-out samples on which it is wrong now and then."""
    x, y = make_classification(600, 8, n_informative=5, n_classes=3, flip_y=0.1, random_state=0)
    return LogisticRegression(C=100).fit(x[:100] * 3, y[:100]), x[100:] * 3, y[100:]


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(-50, 50, width=32)),
    st.floats(0.05, 20),
)
def test_softmax_response_is_the_largest_probability_of_torch(logits: NDArray[Any], divisor: float) -> None:
    expected = torch.softmax(torch.from_numpy(logits).double() / divisor, dim=1).amax(dim=1)
    np.testing.assert_allclose(softmax_response.scores(Outputs(logits), divisor), expected.numpy(), rtol=1e-12)


@given(arrays(np.int8, st.tuples(st.just(1), st.integers(2, 10))), st.floats(0.05, 0.3), st.floats(0.5, 3))
def test_softmax_response_is_what_the_board_computes_in_integers(
    codes: NDArray[np.int8], scale: float, divisor: float
) -> None:
    exact = SCORES[on_board.NAME](Outputs(codes * scale), divisor)[0]
    code = on_board.score(codes[0].tolist(), on_board.table(scale, divisor))
    # Each table entry is rounded to 2^-15, so the sum is off by at most half of that per class, and the code is
    # floored.
    assert abs(code / 2**15 - exact) <= (len(codes[0]) / 2 + 1) / 2**15


def test_temperature_equals_that_of_scikit_learn() -> None:
    classifier, x, y = logistic()
    calibrated = CalibratedClassifierCV(FrozenEstimator(classifier), method="temperature").fit(x, y)
    expected = 1 / calibrated.calibrated_classifiers_[0].calibrators[0].beta_
    found = temperature.fit(classifier.decision_function(x), y)
    assert found == pytest.approx(expected, rel=1e-6)
    assert found > 1.3  # such a classifier is overconfident: the case is not a trivial one


def test_negative_log_likelihood_is_the_cross_entropy_of_torch() -> None:
    classifier, x, y = logistic()
    logits = classifier.decision_function(x)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits) / 1.7, torch.from_numpy(y)).item()
    assert temperature.negative_log_likelihood(logits, y, 1.7) == pytest.approx(expected, rel=1e-12)


@given(
    arrays(np.float64, (12, 3), elements=st.floats(-8, 8)),
    arrays(np.int64, 12, elements=st.integers(0, 2)),
)
def test_no_temperature_nearby_fits_better(logits: NDArray[Any], labels: NDArray[np.int64]) -> None:
    assume(np.any(logits.argmax(axis=1) != labels))
    found = temperature.fit(logits, labels)
    least = temperature.negative_log_likelihood(logits, labels, found)
    assert temperature.LOWEST <= found <= temperature.HIGHEST
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2):
        near = found * factor
        if temperature.LOWEST <= near <= temperature.HIGHEST:
            assert least <= temperature.negative_log_likelihood(logits, labels, near) + 1e-12


def test_without_an_error_the_temperature_is_one() -> None:
    assert temperature.fit(np.eye(3) * 5, np.arange(3)) == 1.0


@given(scored, st.floats(0, 1, exclude_min=True))
def test_a_coverage_is_met_with_the_greatest_threshold(
    case: tuple[NDArray[Any], NDArray[np.bool_]], wanted: float
) -> None:
    scores, correct = case
    found = threshold.choose(scores, correct, Coverage(wanted))
    meeting = [limit for limit in scores.tolist() if np.mean(scores >= limit) >= wanted]
    assert found == max(meeting)
    assert type(found) is type(scores.tolist()[0])


@given(scored, st.floats(0, 1, exclude_max=True))
def test_a_risk_is_met_with_the_greatest_coverage(case: tuple[NDArray[Any], NDArray[np.bool_]], wanted: float) -> None:
    scores, correct = case
    meeting = [limit for limit in scores.tolist() if np.mean(~correct[scores >= limit]) <= wanted]
    if meeting:
        assert threshold.choose(scores, correct, SelectiveRisk(wanted)) == min(meeting)
    else:
        with pytest.raises(TrainError, match="no threshold reaches a selective risk"):
            threshold.choose(scores, correct, SelectiveRisk(wanted))


@given(scored, st.floats(0, 1, exclude_max=True))
def test_a_joint_error_is_met_with_the_greatest_coverage(
    case: tuple[NDArray[Any], NDArray[np.bool_]], wanted: float
) -> None:
    scores, correct = case
    meeting = [limit for limit in scores.tolist() if np.mean(~correct & (scores >= limit)) <= wanted]
    if meeting:
        assert threshold.choose(scores, correct, JointError(wanted)) == min(meeting)
    else:
        with pytest.raises(TrainError, match="no threshold reaches a joint error"):
            threshold.choose(scores, correct, JointError(wanted))


@pytest.mark.parametrize(
    ("scores", "correct", "target", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 1, 0, 1], Coverage(0.6), 0.7),
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 1, 0, 1], SelectiveRisk(0.0), 0.7),
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 1, 0, 1], SelectiveRisk(0.2), 0.5),  # the risk falls again below 0.6
        ([0.9, 0.8, 0.8, 0.8, 0.5], [1, 1, 1, 0, 1], Coverage(0.4), 0.8),  # a tie is accepted whole
        ([0.9, 0.8, 0.8, 0.8, 0.5], [1, 1, 1, 0, 1], SelectiveRisk(0.1), 0.9),
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 0, 0, 1], JointError(0.2), 0.7),  # a third of three, but a fifth of all
        ([3, 1, 2], [1, 1, 1], Coverage(1.0), 1),
    ],
)
def test_thresholds_worked_by_hand(
    scores: list[float], correct: list[int], target: threshold.Target, expected: float
) -> None:
    assert threshold.choose(np.array(scores), np.array(correct, dtype=bool), target) == expected


def test_a_risk_out_of_reach_names_the_best() -> None:
    with pytest.raises(TrainError) as raised:
        threshold.choose(np.array([4, 3, 2, 1]), np.array([False, True, True, False]), SelectiveRisk(0.1))
    assert "the best is 0.3333, at a coverage of 0.7500" in raised.value.problem
    assert raised.value.exit_code == 2
