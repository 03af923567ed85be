"""Scores against another way of computing them, at the ends of float64, and what holds of all of them."""

from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from train.abstain import SCORES
from train.abstain.outputs import Outputs
from train.abstain.threshold import Coverage, choose
from train.errors import TrainError
from train.evaluation import operating_point, risk_coverage

temperatures = st.floats(0.05, 20)
sizes = st.tuples(st.integers(1, 6), st.integers(2, 9))
logits = sizes.flatmap(lambda size: arrays(np.float32, size, elements=st.floats(-40, 40, width=32)))
wide = sizes.flatmap(lambda size: arrays(np.float64, size, elements=st.floats(-1e150, 1e150)))


def outputs(values: NDArray[Any]) -> Outputs:
    """Logits, with the first column as extra class, as gate and as what a router says."""
    return Outputs(values, values[:, 0], values[:, 0], values[:, 0])


@pytest.mark.parametrize("name", SCORES)
@given(values=logits | wide, temperature=temperatures)
def test_a_score_is_in_0_to_1(name: str, values: NDArray[Any], temperature: float) -> None:
    found = SCORES[name](outputs(values), temperature)
    assert found.shape == (len(values),) and found.dtype == np.float64
    assert np.all((found >= 0) & (found <= 1))


@given(logits, temperatures)
def test_margin_and_entropy_are_those_of_scipy(values: NDArray[Any], temperature: float) -> None:
    p = scipy.special.softmax(values.astype(np.float64) / temperature, axis=1)
    largest = [sorted(row)[::-1][:2] for row in p.tolist()]
    np.testing.assert_allclose(SCORES["margin"](Outputs(values), temperature), [a - b for a, b in largest], atol=1e-12)
    expected = 1 - scipy.stats.entropy(p, axis=1, base=p.shape[1])
    np.testing.assert_allclose(SCORES["entropy"](Outputs(values), temperature), expected, atol=1e-12)


@given(logits, st.floats(0.01, 100), st.floats(-50, 50), temperatures)
def test_the_normalised_logit_knows_neither_scale_nor_shift(
    values: NDArray[Any], scale: float, shift: float, temperature: float
) -> None:
    assume(np.all(np.ptp(values, axis=1) > 1e-3))
    score, exact = SCORES["normalised_max_logit"], values.astype(np.float64)
    found = score(Outputs(exact), 1.0)
    np.testing.assert_allclose(score(Outputs(scale * exact + shift), temperature), found, atol=1e-7)
    centred = exact - exact.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        found, (centred / np.linalg.norm(centred, axis=1, keepdims=True)).max(axis=1), atol=1e-12
    )
    count = values.shape[1]
    assert np.all(found <= np.sqrt((count - 1) / count) + 1e-12)


def test_equal_logits_stand_out_in_nothing() -> None:
    same = Outputs(np.full((1, 4), 3.0))
    assert SCORES["normalised_max_logit"](same, 1.0).tolist() == [0.0]
    assert SCORES["margin"](same, 1.0).tolist() == [0.0]
    assert SCORES["entropy"](same, 1.0)[0] == pytest.approx(0, abs=1e-15)
    assert SCORES["softmax_response"](same, 1.0).tolist() == [0.25]


@given(logits, temperatures)
def test_what_is_reserved_is_the_extra_class(values: NDArray[Any], temperature: float) -> None:
    p = scipy.special.softmax(values.astype(np.float64) / temperature, axis=1)
    found = SCORES["reservation"](Outputs(values[:, :-1], values[:, -1]), temperature)
    np.testing.assert_allclose(found, 1 - p[:, -1], atol=1e-12)


def test_a_gate_is_high_to_keep() -> None:
    gate = np.array([-800.0, -2.0, 0.0, 2.0, 800.0], np.float32)
    found = SCORES["head"](Outputs(np.zeros((5, 2)), gate=gate), 3.0)
    np.testing.assert_allclose(found, scipy.special.expit(gate.astype(np.float64)), atol=1e-15)
    assert np.all(np.diff(found) > 0)


@pytest.mark.parametrize(("name", "said"), [("reservation", "has no extra class"), ("head", "has no gate")])
def test_a_score_of_what_the_model_lacks_is_refused(name: str, said: str) -> None:
    with pytest.raises(TrainError, match=said):
        SCORES[name](Outputs(np.zeros((1, 3))), 1.0)


@given(arrays(np.float64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.floats(-9, 9)), temperatures)
def test_of_two_classes_all_say_the_same(values: NDArray[Any], temperature: float) -> None:
    response = SCORES["softmax_response"](Outputs(values), temperature)
    np.testing.assert_allclose(SCORES["margin"](Outputs(values), temperature), 2 * response - 1, atol=1e-12)
    expected = 1 - scipy.stats.entropy(np.stack([response, 1 - response]), base=2)
    np.testing.assert_allclose(SCORES["entropy"](Outputs(values), temperature), expected, atol=1e-9)


# What holds of a threshold on the softmax response, which is the rule of One-Sided Prediction.

judged = st.integers(1, 20).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, (count, 4), elements=st.floats(-6, 6)), arrays(np.int64, count, elements=st.integers(0, 3))
    )
)


@given(judged, st.floats(0, 1))
def test_the_joint_error_is_coverage_less_joint_accuracy(
    case: tuple[NDArray[Any], NDArray[np.int64]], limit: float
) -> None:
    values, labels = case
    accepted, right = SCORES["softmax_response"](Outputs(values), 1.0) >= limit, values.argmax(axis=1) == labels
    point = operating_point.measure(accepted, right)
    assert point.joint_error == pytest.approx(np.mean(accepted) - np.mean(accepted & right), abs=1e-15)


@given(judged, st.floats(0.5, 1, exclude_min=True))
def test_above_a_half_no_two_classes_claim_a_sample(case: tuple[NDArray[Any], NDArray[np.int64]], limit: float) -> None:
    claims = scipy.special.softmax(case[0], axis=1) >= limit
    assert claims.sum(axis=1).max() <= 1
    np.testing.assert_array_equal(claims.any(axis=1), scipy.special.softmax(case[0], axis=1).max(axis=1) >= limit)


@pytest.mark.parametrize("name", SCORES)
@given(case=judged)
def test_coverage_and_joint_error_fall_as_the_threshold_rises(
    name: str, case: tuple[NDArray[Any], NDArray[np.int64]]
) -> None:
    values, labels = case
    points = risk_coverage.curve(SCORES[name](outputs(values), 1.0), values.argmax(axis=1) == labels)
    assert np.all(np.diff(points.threshold) < 0)
    assert np.all(np.diff(points.coverage) > 0)
    assert np.all(np.diff(points.joint_error) >= 0)


def test_the_log_of_the_response_is_the_logit_less_its_log_sum_exp() -> None:
    """As a microcontroller would compute it: max z - logsumexp z >= log t."""
    values = np.random.default_rng(0).normal(size=(200, 10)) * 4
    response = SCORES["softmax_response"](Outputs(values), 1.0)
    log = values.max(axis=1) - scipy.special.logsumexp(values, axis=1)
    np.testing.assert_allclose(np.log(response), log, atol=1e-13)
    limit = choose(response, np.ones(200, bool), Coverage(0.5))
    assert np.mean(response >= limit) >= 0.5
