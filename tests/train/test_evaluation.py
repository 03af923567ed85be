"""Measures of abstaining, each against counting, scikit-learn or scipy."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve

from host.frame import Frame, encode
from host.messages.sample import Uplink
from train.evaluation import bootstrap, calibration, hybrid, latency, operating_point, risk_coverage
from train.evaluation.latency import Times
from train.evaluation.spread import spread

Case = tuple[NDArray[Any], NDArray[np.bool_]]

# Few distinct values, so that ties are common; floats, or integer codes as on the board.
scored = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9, 1.0]))
        | arrays(np.uint16, count, elements=st.integers(32700, 32712)),
        arrays(np.bool_, count),
    )
)
answered = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.sampled_from([0.1, 0.5, 0.75, 1.0])),
        arrays(np.bool_, count),
        arrays(np.bool_, count),
    )
)


def realistic(samples: int = 600) -> Case:
    """Scores without ties that tell right from wrong by and large."""
    random = np.random.default_rng(0)
    correct = random.random(samples) < 0.85
    return np.clip(random.beta(6, 2, samples) * np.where(correct, 1.0, 0.8), 0, 1), correct


@given(scored)
def test_the_curve_is_what_counting_gives(case: Case) -> None:
    scores, correct = case
    found = risk_coverage.curve(scores, correct)
    assert found.threshold.tolist() == sorted(set(scores.tolist()), reverse=True)
    for limit, coverage, risk, joint in zip(
        found.threshold, found.coverage, found.risk, found.joint_error, strict=True
    ):
        accepted = [right for score, right in zip(scores, correct, strict=True) if score >= limit]
        assert coverage == len(accepted) / len(scores)
        assert risk == accepted.count(False) / len(accepted)
        assert joint == accepted.count(False) / len(scores)
        point = operating_point.measure(scores >= limit, correct)
        assert (point.coverage, point.selective_risk, point.joint_error) == (coverage, risk, joint)


def test_accuracy_of_the_accepted_is_the_precision_of_scikit_learn() -> None:
    """A right answer is a positive, and the score retrieves it."""
    scores, correct = realistic()
    precision, _, thresholds = precision_recall_curve(correct, scores)
    found = risk_coverage.curve(scores, correct)
    np.testing.assert_array_equal(found.threshold[::-1], thresholds)
    np.testing.assert_allclose(1 - found.risk[::-1], precision[:-1], rtol=1e-15)


@given(scored)
def test_the_area_is_the_mean_risk_over_the_samples(case: Case) -> None:
    scores, correct = case
    total = Fraction(0)
    for own in scores:
        accepted = [right for score, right in zip(scores, correct, strict=True) if score >= own]
        total += Fraction(accepted.count(False), len(accepted))
    assert risk_coverage.aurc(scores, correct) == pytest.approx(float(total / len(scores)), abs=1e-12)


@given(scored)
def test_no_score_beats_the_ideal(case: Case) -> None:
    scores, correct = case
    ideal = risk_coverage.ideal_scores(correct)
    assert risk_coverage.excess_aurc(scores, correct) >= -1e-12
    assert risk_coverage.excess_aurc(ideal, correct) == 0
    best = risk_coverage.curve(ideal, correct)
    wrong = int(np.count_nonzero(~correct))
    for coverage, risk in zip(best.coverage, best.risk, strict=True):
        accepted = round(coverage * len(correct))
        assert risk == max(0, accepted - (len(correct) - wrong)) / accepted


def test_accepting_nothing_is_no_risk() -> None:
    point = operating_point.measure(np.array([False]), np.array([False]))
    assert (point.coverage, point.selective_risk, point.joint_error) == (0.0, 0.0, 0.0)


@given(scored, st.floats(0, 1, exclude_min=True), st.floats(0, 1))
def test_points_of_a_curve_are_found_as_by_trying_every_threshold(case: Case, coverage: float, risk: float) -> None:
    scores, correct = case
    points = [operating_point.measure(scores >= limit, correct) for limit in sorted(set(scores.tolist()), reverse=True)]
    first = next(point for point in points if point.coverage >= coverage)
    assert operating_point.risk_at_coverage(scores, correct, coverage) == first.selective_risk
    assert operating_point.accuracy_at_coverage(scores, correct, coverage) == 1 - first.selective_risk
    for found, error in (
        (operating_point.coverage_at_risk, "selective_risk"),
        (operating_point.coverage_at_joint_error, "joint_error"),
    ):
        meeting = [point.coverage for point in points if getattr(point, error) <= risk]
        assert found(scores, correct, risk) == max(meeting, default=0.0)


@pytest.mark.parametrize("equal_mass", [False, True])
def test_the_reliability_diagram_is_that_of_scikit_learn(equal_mass: bool) -> None:
    probabilities, correct = realistic(600)  # a multiple of 15: scikit-learn's quantiles then lie between samples
    accuracy, confidence = calibration_curve(
        correct, probabilities, n_bins=15, strategy="quantile" if equal_mass else "uniform"
    )
    found = calibration.reliability(probabilities, correct, equal_mass=equal_mass)
    np.testing.assert_allclose(found.accuracy, accuracy, rtol=1e-12)
    np.testing.assert_allclose(found.confidence, confidence, rtol=1e-12)
    assert found.samples.sum() == 600
    assert calibration.error(found) == pytest.approx(np.sum(found.samples * np.abs(accuracy - confidence)) / 600)


@given(scored, st.integers(1, 9), st.booleans())
def test_calibration_error_is_what_counting_gives(case: Case, bins: int, equal_mass: bool) -> None:
    probabilities, correct = case
    assume(probabilities.dtype == np.float64)
    held: dict[int, list[int]] = {}
    for rank, index in enumerate(np.argsort(probabilities, kind="stable").tolist()):
        share = Fraction(float(probabilities[index])) * bins
        width = max(0, -(-share.numerator // share.denominator) - 1)  # (i / bins, (i + 1) / bins], the first with 0
        size, longer = divmod(len(correct), bins)
        mass = rank // (size + 1) if rank < longer * (size + 1) else longer + (rank - longer * (size + 1)) // size
        held.setdefault(mass if equal_mass else width, []).append(index)
    gaps = [abs(sum(float(probabilities[i]) - bool(correct[i]) for i in part)) for part in held.values()]
    found = calibration.reliability(probabilities, correct, bins, equal_mass=equal_mass)
    assert found.samples.tolist() == [len(held[key]) for key in sorted(held)]
    assert calibration.error(found) == pytest.approx(sum(gaps) / len(correct), abs=1e-12)


def test_a_calibrated_coin_has_no_error_and_a_liar_has_all() -> None:
    assert calibration.error(calibration.reliability(np.full(4, 0.75), np.array([True, True, True, False]))) == 0
    assert calibration.error(calibration.reliability(np.ones(3), np.zeros(3, dtype=bool))) == 1


@given(answered)
def test_a_hybrid_is_what_counting_gives(case: tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    scores, base, large = case
    found = hybrid.curve(scores, base, large)
    limits = [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    assert len(found.coverage) == len(limits)
    for limit, coverage, accuracy in zip(limits, found.coverage, found.accuracy, strict=True):
        right = [b if score >= limit else g for score, b, g in zip(scores, base, large, strict=True)]
        assert coverage == np.mean(scores >= limit)
        assert accuracy == hybrid.accuracy(scores >= limit, base, large) == sum(right) / len(right)
    assert found.accuracy[0] == np.mean(large)
    assert found.accuracy[-1] == np.mean(base)


@given(answered)
def test_no_hybrid_beats_the_oracle(case: tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    """The oracle asks for what only the large model gets right: then P(either is right), at coverage 1 - P(that)."""
    scores, base, large = case
    ideal = hybrid.curve(hybrid.ideal_scores(base, large), base, large)
    found = hybrid.curve(scores, base, large)
    assert ideal.accuracy.max() == np.mean(base | large)
    at = ideal.coverage[ideal.accuracy == ideal.accuracy.max()].max()
    assert at == pytest.approx(1 - np.mean(large & ~base), abs=1e-12)
    assert np.all(found.accuracy <= np.interp(found.coverage, ideal.coverage, ideal.accuracy) + 1e-12)


def test_macs_count_the_router() -> None:
    assert hybrid.macs(np.array([0.0, 0.75, 1.0]), base=100, large=1000, router=20).tolist() == [1120, 370, 120]


@given(st.integers(1, 4000))
def test_bytes_on_the_wire_are_those_of_encoded_frames(codes: int) -> None:
    room = 240 - len(Uplink(0, 0, 0, b"").encode())
    sample = bytes(range(1, 256)) * 16
    frames = [
        Frame(Uplink.TYPE, at, Uplink(7, at, codes, sample[at : min(at + room, codes)]).encode())
        for at in range(0, codes, room)
    ]
    assert latency.wire_bytes(codes) == sum(len(encode(frame)) for frame in frames)


def test_latency_worked_by_hand() -> None:
    """3,072 codes are 14 frames with 21 bytes more each; 11,520 bytes a second at 115,200 baud."""
    assert latency.wire_bytes(3072) == 3072 + 14 * 21
    assert latency.uplink(3072, 115_200) == pytest.approx(3366 / 11_520)
    times = Times(board=0.2, uplink=0.3, large=1.7)
    assert times.mean(np.array([1.0, 0.6, 0.0])).tolist() == pytest.approx([0.2, 1.0, 2.2])


@given(scored, st.integers(0, 5), st.floats(0, 1, exclude_min=True))
def test_a_resampled_figure_is_that_of_the_repeated_samples(case: Case, seed: int, wanted: float) -> None:
    scores, correct = case
    counts = bootstrap.resample(len(scores), seed, resamples=3)
    curves, means = bootstrap.curves(scores, correct, counts), bootstrap.mean(correct, counts)
    for index, row in enumerate(counts):
        assert row.sum() == len(scores)
        drawn = np.repeat(np.arange(len(scores)), row)
        again = scores[drawn], correct[drawn]
        assert curves.aurc()[index] == pytest.approx(risk_coverage.aurc(*again), abs=1e-12)
        for found, expected in (
            (curves.risk_at_coverage, operating_point.risk_at_coverage),
            (curves.coverage_at_risk, operating_point.coverage_at_risk),
            (curves.coverage_at_joint_error, operating_point.coverage_at_joint_error),
        ):
            assert found(wanted)[index] == expected(*again, wanted)
        assert means[index] == pytest.approx(np.mean(again[1]))


def test_intervals_are_those_of_scipy() -> None:
    """Other resamples of the same samples: the ends agree within a tenth of the width."""
    scores, correct = realistic(200)
    found = bootstrap.interval(bootstrap.curves(scores, correct, bootstrap.resample(200, 1, resamples=4000)).aurc())
    theirs = scipy.stats.bootstrap(
        (scores, correct.astype(float)),
        lambda score, right: risk_coverage.aurc(score, right.astype(bool)),
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_the_same_seed_draws_the_same_samples() -> None:
    assert np.array_equal(bootstrap.resample(50, seed=3), bootstrap.resample(50, seed=3))
    assert not np.array_equal(bootstrap.resample(50, seed=3), bootstrap.resample(50, seed=4))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9))
def test_the_spread_is_that_of_numpy(values: list[float]) -> None:
    found = spread(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.deviation == pytest.approx(np.std(values, ddof=1) if len(values) > 1 else 0, abs=1e-9)
    assert (found.least, found.greatest, found.values) == (min(values), max(values), values)
