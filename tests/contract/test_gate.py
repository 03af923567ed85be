"""The integer gate: against the mathematics, and what must hold for any logits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import gate
from contract.gate import softmax_response

logits = st.lists(st.integers(-128, 127), min_size=1, max_size=256)
scales = st.floats(0.005, 1.0)
temperatures = st.floats(0.2, 5.0)


@pytest.mark.fuzz
@given(logits, scales, temperatures)
def test_score_is_the_largest_softmax_probability(row: list[int], scale: float, temperature: float) -> None:
    code = softmax_response.score(row, softmax_response.table(scale, temperature))
    exact = [math.exp((value - max(row)) * scale / temperature) for value in row]
    # Each entry is off by half a code at most, and the division rounds down by less than one.
    assert abs(gate.to_probability(code) - max(exact) / math.fsum(exact)) <= (len(row) / 2 + 1) / gate.ONE


@pytest.mark.fuzz
@given(logits, scales, temperatures)
def test_score_lies_between_chance_and_certainty(row: list[int], scale: float, temperature: float) -> None:
    code = softmax_response.score(row, softmax_response.table(scale, temperature))
    assert gate.ONE // len(row) <= code <= gate.ONE


@pytest.mark.fuzz
@given(logits, scales, temperatures, st.integers(-255, 255), st.randoms())
def test_score_ignores_a_common_offset_and_the_order(
    row: list[int], scale: float, temperature: float, offset: int, shuffle: "st.random_module"
) -> None:
    table = softmax_response.table(scale, temperature)
    moved = [value + offset for value in row]
    shuffle.shuffle(moved)
    assert softmax_response.score(moved, table) == softmax_response.score(row, table)


@pytest.mark.fuzz
@given(logits.filter(lambda row: len(set(row)) > 1), scales, temperatures)
def test_score_never_falls_when_the_winner_grows(row: list[int], scale: float, temperature: float) -> None:
    table = softmax_response.table(scale, temperature)
    winner = gate.predicted_class(row)
    surer = [value + (index == winner) for index, value in enumerate(row)]
    assert softmax_response.score(surer, table) >= softmax_response.score(row, table)


@pytest.mark.fuzz
@given(scales, temperatures)
def test_table_starts_at_one_falls_and_ends_before_zero(scale: float, temperature: float) -> None:
    table = softmax_response.table(scale, temperature)
    assert table[0] == gate.ONE
    assert list(table) == sorted(table, reverse=True)
    assert 1 <= len(table) <= 256
    assert table[-1] > 0
    if len(table) < 256:
        assert round(math.exp(-len(table) * scale / temperature) * gate.ONE) == 0


def test_scores_worked_by_hand() -> None:
    # scale / temperature = ln 2: every code below the largest halves the weight.
    table = softmax_response.table(math.log(2), 1.0)
    assert table[:4] == (32768, 16384, 8192, 4096)
    assert len(table) == 17  # 2^-16 in Q15 is a half, which rounds to even: 0
    assert softmax_response.score([5], table) == 32768
    assert softmax_response.score([5, 5], table) == 16384
    assert softmax_response.score([5, 4, 3, 3], table) == 16384  # 1 / (1 + 1/2 + 1/4 + 1/4)
    assert softmax_response.score([127, -128], table) == 32768


@pytest.mark.fuzz
@given(logits)
def test_predicted_class_is_the_first_of_the_largest(row: list[int]) -> None:
    assert gate.predicted_class(row) == row.index(max(row))


@given(st.integers(0, gate.ONE))
def test_codes_and_probabilities(code: int) -> None:
    assert gate.to_code(gate.to_probability(code)) == code


def test_every_score_is_listed_by_its_name() -> None:
    assert {"softmax_response": softmax_response.score} == gate.SCORES
