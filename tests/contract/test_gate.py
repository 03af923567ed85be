"""The integer gate: against the mathematics, and what must hold for any logits."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import gate
from contract.gate import entropy, exponentials, head, margin, normalised_max_logit, reservation, softmax_response
from contract.gate.statistics import SCALE, STATISTICS, ZERO_POINT

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "gate.json").read_text())

codes = st.integers(-128, 127)
logits = st.lists(codes, min_size=1, max_size=256)
scales = st.floats(0.005, 1.0)
temperatures = st.floats(0.2, 5.0)


def softmax(row: list[int], factor: float) -> list[float]:
    exact = [math.exp((value - max(row)) * factor) for value in row]
    return [value / math.fsum(exact) for value in exact]


def certainty(row: list[int], factor: float) -> float:
    """1 - H / log C."""
    found = -math.fsum(p * math.log(p) for p in softmax(row, factor) if p > 0)
    return 1 - found / math.log(len(row)) if len(row) > 1 else 1.0


def centred(row: list[int]) -> float:
    mean = math.fsum(row) / len(row)
    norm = math.sqrt(math.fsum((value - mean) ** 2 for value in row))
    return (max(row) - mean) / norm if norm > 1e-9 else 0.0


def gap(row: list[int], factor: float) -> float:
    first, second = sorted([*softmax(row, factor), 0.0], reverse=True)[:2]
    return first - second


# Of a score of the logits alone: its code, its definition, and how many codes of 1 / 32768 they may be apart. Entries
# of tables are off by half a code at most, each division and shift rounds by less than one, and log2 is up to 6 too
# small.
BY_LOGITS: dict[str, tuple[Callable[..., int], Callable[..., float], Callable[[int], float]]] = {
    "softmax_response": (
        lambda row, scale, t: softmax_response.score(row, exponentials.table(scale, t)),
        lambda row, factor: max(softmax(row, factor)),
        lambda classes: classes / 2 + 1,
    ),
    "margin": (
        lambda row, scale, t: margin.score(row, exponentials.table(scale, t)),
        gap,
        lambda classes: classes / 2 + 2,
    ),
    "entropy": (
        lambda row, scale, t: entropy.score(row, entropy.table(scale, t, len(row))),
        certainty,
        lambda classes: 1.5 * classes / math.log(max(2, classes)) + classes / 2 + 12,
    ),
    "normalised_max_logit": (
        lambda row, scale, t: normalised_max_logit.score(row, normalised_max_logit.table(len(row))),
        lambda row, factor: centred(row),
        lambda classes: math.sqrt(classes) / 2 + 3,
    ),
}
every_score = pytest.mark.parametrize("name", BY_LOGITS)


@every_score
@pytest.mark.fuzz
@given(logits, scales, temperatures)
def test_a_score_is_what_it_is_defined_as(name: str, row: list[int], scale: float, temperature: float) -> None:
    code, exact, bound = BY_LOGITS[name]
    found = code(row, scale, temperature)
    assert 0 <= found <= gate.ONE
    assert abs(found - exact(row, scale / temperature) * gate.ONE) <= bound(len(row))


@every_score
@pytest.mark.fuzz
@given(logits, scales, temperatures, st.integers(-255, 255), st.randoms())
def test_a_score_ignores_a_common_offset_and_the_order(
    name: str, row: list[int], scale: float, temperature: float, offset: int, shuffle: "st.random_module"
) -> None:
    code, _, _ = BY_LOGITS[name]
    moved = [value + offset for value in row]
    shuffle.shuffle(moved)
    assert code(moved, scale, temperature) == code(row, scale, temperature)


@pytest.mark.parametrize("name", ["softmax_response", "margin"])
@pytest.mark.fuzz
@given(logits.filter(lambda row: len(set(row)) > 1), scales, temperatures)
def test_a_score_never_falls_when_the_winner_grows(name: str, row: list[int], scale: float, temperature: float) -> None:
    code, _, _ = BY_LOGITS[name]
    winner = gate.predicted_class(row)
    surer = [value + (index == winner) for index, value in enumerate(row)]
    assert code(surer, scale, temperature) >= code(row, scale, temperature)


@every_score
@pytest.mark.parametrize("classes", [1, 2, 10, 256])
def test_corners(name: str, classes: int) -> None:
    """No division by zero, no code out of range, for tables that are as short and as long as can be."""
    code, _, _ = BY_LOGITS[name]
    rows = [[0] * classes, [127] * classes, [-128] * classes, [127] + [-128] * (classes - 1),
            [-128] * (classes - 1) + [127], [127] * (classes // 2) + [-128] * (classes - classes // 2)]  # fmt: skip
    for row in rows:
        for factor in (1e-6, 0.01, 1.0, 1e6):
            assert 0 <= code(row, factor, 1.0) <= gate.ONE


@pytest.mark.fuzz
@given(logits.filter(lambda row: len(row) > 1), scales, temperatures)
def test_softmax_response_lies_between_chance_and_certainty(row: list[int], scale: float, temperature: float) -> None:
    code = softmax_response.score(row, exponentials.table(scale, temperature))
    assert gate.ONE // len(row) <= code <= gate.ONE


@pytest.mark.fuzz
@given(logits, codes, scales, temperatures)
def test_reservation_is_the_rest_of_the_abstaining_class(
    row: list[int], abstain: int, scale: float, temperature: float
) -> None:
    found = reservation.score(row, exponentials.table(scale, temperature), [abstain])
    exact = 1 - softmax([*row, abstain], scale / temperature)[-1]
    assert 0 <= found <= gate.ONE
    assert abs(found - exact * gate.ONE) <= len(row) / 2 + 2


@pytest.mark.fuzz
@given(codes, st.floats(1e-5, 10.0), codes)
def test_head_is_the_sigmoid(code: int, scale: float, zero_point: int) -> None:
    table = head.table(scale, zero_point)
    assert len(table) == 256 and list(table) == sorted(table)
    exact = 1 / (1 + math.exp(min(700.0, -scale * (code - zero_point))))
    assert abs(head.score([0], table, [code]) - exact * gate.ONE) <= 0.501


@pytest.mark.fuzz
@given(st.integers(1 << 15, 1 << 23))
def test_log2(value: int) -> None:
    exact = math.log2(value / gate.ONE) * gate.ONE
    assert exact - 6 <= entropy.log2(value) <= exact


@pytest.mark.fuzz
@given(scales, temperatures)
def test_table_starts_at_one_falls_and_ends_before_zero(scale: float, temperature: float) -> None:
    table = exponentials.table(scale, temperature)
    assert table[0] == gate.ONE
    assert list(table) == sorted(table, reverse=True)
    assert 1 <= len(table) <= 256
    assert table[-1] > 0
    if len(table) < 256:
        assert round(math.exp(-len(table) * scale / temperature) * gate.ONE) == 0


def test_scores_worked_by_hand() -> None:
    # scale / temperature = ln 2: every code below the largest halves the weight.
    table = exponentials.table(math.log(2), 1.0)
    assert table[:4] == (32768, 16384, 8192, 4096)
    assert len(table) == 17  # 2^-16 in Q15 is a half, which rounds to even: 0
    assert softmax_response.score([5], table) == 32768
    assert softmax_response.score([5, 5], table) == 16384
    assert softmax_response.score([5, 4, 3, 3], table) == 16384  # 1 / (1 + 1/2 + 1/4 + 1/4)
    assert softmax_response.score([127, -128], table) == 32768
    assert margin.score([5], table) == 32768
    assert margin.score([5, 5], table) == 0
    assert margin.score([3, 4, 3, 5], table) == 8192  # (1 - 1/2) / 2
    assert reservation.score([5, 4, 3], table, [3]) == 32768 - 4096  # 1/8 of the whole
    assert reservation.score([5, 5], table, [127]) == 0
    for row, code in (([5, 5], 0), ([5, 4, 3, 3], 4096), ([7], 32768), ([127, -128], 32768)):
        assert entropy.score(row, entropy.table(math.log(2), 1.0, len(row))) == pytest.approx(
            code, abs=1
        )  # 1.75 of 2 bits
    third = 32768 / math.sqrt(6)  # (1, -1/2, -1/2) is 2/3 of (2, -1, -1) / sqrt(6)
    assert normalised_max_logit.score([3, 0, 0], normalised_max_logit.table(3)) == pytest.approx(2 * third, abs=2)
    assert normalised_max_logit.score([3, 3, 3], normalised_max_logit.table(3)) == 0
    assert head.table(math.log(3), 0)[127:130] == (8192, 16384, 24576)


@pytest.mark.fuzz
@given(logits)
def test_predicted_class_is_the_first_of_the_largest(row: list[int]) -> None:
    assert gate.predicted_class(row) == row.index(max(row))


@given(st.integers(0, gate.ONE))
def test_codes_and_probabilities(code: int) -> None:
    assert gate.to_code(gate.to_probability(code)) == code


@given(st.integers(0, gate.ONE), st.integers(-(1 << 15), (1 << 15) - 1), st.integers(1, gate.ONE))
def test_an_offset_moves_the_threshold_of_its_class(code: int, offset: int, threshold: int) -> None:
    assert 0 <= gate.with_offset(code, offset) <= gate.ONE
    assert (gate.with_offset(code, offset) >= threshold) == (code + offset >= threshold)
    assert gate.with_offset(code, 0) == code


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['score']}-{len(case['logits'])}")
def test_shared_vectors(case: dict[str, object]) -> None:
    row, table, extra = case["logits"], case["table"], case["extra"]
    assert isinstance(row, list) and isinstance(table, list) and isinstance(extra, list)
    code = gate.SCORES[str(case["score"])].code(row, table, extra)
    assert (code, gate.predicted_class(row)) == (case["code"], case["class"])


def test_every_score_has_shared_vectors() -> None:
    assert {case["score"] for case in VECTORS} == gate.SCORES.keys() - {"router"}  # that of head, behind a model


@pytest.mark.fuzz
@given(logits.filter(lambda row: len(row) > 1), scales, temperatures)
def test_statistics_are_what_they_are_defined_as(row: list[int], scale: float, temperature: float) -> None:
    factor = scale / temperature
    largest = sorted(softmax(row, factor), reverse=True)
    unsure = 1 - certainty(row, factor)
    exact = {"small": [unsure, gap(row, factor), largest[0]], "full": [unsure, *largest[:10]]}
    table = entropy.table(scale, temperature, len(row))
    bound = BY_LOGITS["entropy"][2](len(row)) / gate.ONE + 0.5 / 255 + 1e-6
    for kind, wanted in exact.items():
        codes = STATISTICS[kind].codes(row, table)
        assert len(codes) == STATISTICS[kind].count(len(row)) == len(wanted)
        assert all(-128 <= code <= 127 for code in codes)
        found = [(code - ZERO_POINT) * SCALE for code in codes]
        assert found == pytest.approx(wanted, abs=bound)


def test_statistics_worked_by_hand() -> None:
    table = entropy.table(math.log(2), 1.0, 4)
    assert STATISTICS["small"].codes([5, 4, 3, 3], table) == [95, -64, 0]  # 0.875, 1/4, 1/2 of 255, less 128
    assert STATISTICS["full"].codes([3, 3, 5, 4], table) == [95, 0, -64, -96, -96]
    assert STATISTICS["full"].codes([0] * 300, entropy.table(1.0, 1.0, 300))[:2] == [127, -127]  # 1, and 1/300 of 255
