"""The gate in C, under sanitizers, against its Python twin: random logits and tables, and the corners."""

import random
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from contract.gate import SCORES, predicted_class
from contract.gate.softmax_response import table

ROOT = Path(__file__).parents[2]
GATE = ROOT / "firmware/lib/gate"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

FULL = table(0.01, 1.0)  # no entry is zero within 256 differences
SHORT = table(0.5, 1.0)  # ends after some twenty
ONLY_ITSELF = (1 << 15,)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gate") / "test_gate"
    sources = [*GATE.glob("*.c"), ROOT / "firmware/test/gate/test_gate.c"]
    subprocess.run(["gcc", *WARNINGS, *SANITIZE, "-I", GATE, "-o", path, *sources], check=True)
    return path


def vector(logits: Sequence[int], entries: Sequence[int], threshold: int) -> str:
    """One line of firmware/test/gate/test_gate.c's input, with what the Python twin says."""
    score = SCORES["softmax_response"](logits, entries)
    expected = (predicted_class(logits), score, int(score >= threshold))
    return " ".join(map(str, (len(logits), threshold, len(entries), *entries, *logits, *expected)))


def run(program: Path, vectors: Iterable[str]) -> int:
    result = subprocess.run([program], input="\n".join(vectors), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_the_tables_are_what_their_names_say() -> None:
    assert len(FULL) == 256 and 1 < len(SHORT) < 64


@pytest.mark.parametrize("entries", [FULL, SHORT, ONLY_ITSELF], ids=["full", "short", "only itself"])
def test_corners(program: Path, entries: Sequence[int]) -> None:
    logits = [
        [0], [-128], [127],  # one class: certain
        [5] * 10, [-128] * 256, [127] * 256,  # all equal: the lowest index, 1 / classes
        [-128, 127], [127, -128], [127, -128, 127],  # the largest difference, and a tie across it
        [127] + [-128] * 255, [-128] * 255 + [127],
        [127, 128 - len(entries)], [127, 127 - len(entries)],  # the table's last entry, and one beyond
        list(range(-128, 128)), list(range(127, -129, -1)),
    ]  # fmt: skip
    valid = [row for row in logits if min(row) >= -128]
    vectors = [
        vector(row, entries, threshold) for row in valid for threshold in (0, 1, 16384, 32767, 32768, 32769, 65535)
    ]
    assert run(program, vectors) == len(vectors) > 80


def test_the_threshold_is_inclusive(program: Path) -> None:
    logits = [3, 1, 0, -7]
    score = SCORES["softmax_response"](logits, SHORT)
    assert [vector(logits, SHORT, threshold)[-1] for threshold in (score - 1, score, score + 1)] == ["1", "1", "0"]
    assert run(program, [vector(logits, SHORT, threshold) for threshold in (score - 1, score, score + 1)]) == 3


def test_random_logits_tables_and_thresholds(program: Path) -> None:
    random.seed(20)
    vectors = []
    for _ in range(5000):
        entries = table(random.uniform(0.002, 1.0), random.uniform(0.5, 4.0))
        spread = random.choice((1, 4, 40, 256))  # close logits make ties and low scores
        low = random.randint(-128, 128 - spread)
        logits = [random.randint(low, low + spread - 1) for _ in range(random.choice((1, 2, 10, 12, 35, 256)))]
        vectors.append(vector(logits, entries, random.randint(0, 32768)))
    assert run(program, vectors) == len(vectors)


def test_the_program_can_fail(program: Path) -> None:
    good = vector([1, 2, 3], SHORT, 100).split()
    for position, wrong in ((-3, "0"), (-2, "1"), (-1, "0")):
        bad = list(good)
        bad[position] = wrong
        result = subprocess.run([program], input=" ".join(bad), capture_output=True, text=True, check=False)
        assert result.returncode == 1 and "vector 0" in result.stderr
