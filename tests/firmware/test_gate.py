"""The gate in C, under sanitizers, against its Python twin: shared vectors, random logits and tables, and the
corners."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from contract.gate import SCORES, entropy, exponentials, head, normalised_max_logit, predicted_class, with_offset
from contract.gate.statistics import STATISTICS

ROOT = Path(__file__).parents[2]
GATE = ROOT / "firmware/lib/gate"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
every_score = pytest.mark.parametrize("score", [name for name in SCORES if name != "router"])  # which is apart


def table(score: str, classes: int, scale: float, temperature: float) -> tuple[int, ...]:
    match score:
        case "entropy":
            return entropy.table(scale, temperature, classes)
        case "normalised_max_logit":
            return normalised_max_logit.table(classes)
        case "head":
            return head.table(scale, 3)
        case _:
            return exponentials.table(scale, temperature)


FULL = exponentials.table(0.01, 1.0)  # no entry is zero within 256 differences
SHORT = exponentials.table(0.5, 1.0)  # ends after some twenty


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gate") / "test_gate"
    sources = [*GATE.glob("*.c"), ROOT / "firmware/test/gate/test_gate.c"]
    subprocess.run(["gcc", *WARNINGS, *SANITIZE, "-I", GATE, "-o", path, *sources], check=True)
    return path


def vector(score: str, logits: Sequence[int], entries: Sequence[int], threshold: int, extra: Sequence[int] = (),
           offsets: Sequence[int] = ()) -> str:  # fmt: skip
    """One line of firmware/test/gate/test_gate.c's input, with what the Python twin says."""
    said = predicted_class(logits)
    code = with_offset(SCORES[score].code(logits, entries, extra), offsets[said] if offsets else 0)
    head_of = (len(logits), threshold, len(entries), len(offsets), len(extra))
    return " ".join(
        map(str, (score, *head_of, *entries, *offsets, *extra, *logits, said, code, int(code >= threshold)))
    )


def run(program: Path, vectors: Iterable[str]) -> int:
    result = subprocess.run([program], input="\n".join(vectors), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_the_tables_are_what_their_names_say() -> None:
    assert len(FULL) == 256 and 1 < len(SHORT) < 64


@every_score
@pytest.mark.parametrize("scale", [0.01, 0.5, 1e6], ids=["full", "short", "only itself"])
def test_corners(program: Path, score: str, scale: float) -> None:
    length = len(exponentials.table(scale, 1.0))
    logits = [
        [0], [-128], [127],  # one class: certain
        [5] * 10, [-128] * 256, [127] * 256,  # all equal: the lowest index, 1 / classes
        [-128, 127], [127, -128], [127, -128, 127],  # the largest difference, and a tie across it
        [127] + [-128] * 255, [-128] * 255 + [127], [127] * 128 + [-128] * 128,
        [127, 128 - length], [127, 127 - length],  # the table's last entry, and one beyond
        list(range(-128, 128)), list(range(127, -129, -1)),
    ]  # fmt: skip
    valid = [row for row in logits if min(row) >= -128]
    extras: Sequence[Sequence[int]] = [[-128], [0], [127]] if SCORES[score].extra else [[]]
    vectors = [
        vector(score, row, table(score, len(row), scale, 1.0), threshold, extra)
        for row in valid
        for threshold in (0, 1, 16384, 32767, 32768, 32769, 65535)
        for extra in extras
    ]
    assert run(program, vectors) == len(vectors) > 80


def test_the_threshold_is_inclusive(program: Path) -> None:
    logits = [3, 1, 0, -7]
    score = SCORES["softmax_response"].code(logits, SHORT, ())
    vectors = [vector("softmax_response", logits, SHORT, threshold) for threshold in (score - 1, score, score + 1)]
    assert [of[-1] for of in vectors] == ["1", "1", "0"]
    assert run(program, vectors) == 3


def test_offsets_move_the_threshold_of_their_class_and_saturate(program: Path) -> None:
    logits = [3, 1, 0, -7]
    score = SCORES["softmax_response"].code(logits, SHORT, ())
    vectors = [
        vector("softmax_response", logits, SHORT, threshold, offsets=(offset, 5, -32768, 32767))
        for offset in (-32768, -score - 1, -score, -1, 0, 1, 32768 - score, 32767)
        for threshold in (0, 1, score, score + 1, 32768)
    ]
    assert run(program, vectors) == len(vectors)
    assert {int(of.split()[-2]) for of in vectors} == {0, score - 1, score, score + 1, 32768}


@every_score
def test_random_logits_tables_offsets_and_thresholds(program: Path, score: str) -> None:
    random.seed(20)
    vectors = []
    for _ in range(2000):
        classes = random.choice((1, 2, 10, 12, 35, 256))
        entries = table(score, classes, random.uniform(0.002, 1.0), random.uniform(0.5, 4.0))
        spread = random.choice((1, 4, 40, 256))  # close logits make ties and low scores
        low = random.randint(-128, 128 - spread)
        logits = [random.randint(low, low + spread - 1) for _ in range(classes)]
        extra = [random.randint(-128, 127)] if SCORES[score].extra else []
        offsets = [random.randint(-32768, 32767) // 4 for _ in range(classes)] if random.random() < 0.5 else []
        vectors.append(vector(score, logits, entries, random.randint(0, 32768), extra, offsets))
    assert run(program, vectors) == len(vectors)


@pytest.mark.parametrize("kind", STATISTICS)
def test_router_reads_the_same_statistics(program: Path, kind: str) -> None:
    """The program's router says a quarter of the sum of all that it reads, along a straight line instead of a
    sigmoid."""
    random.seed(21)
    vectors, said = [], set()
    for _ in range(2000):
        classes = random.choice((1, 2, 9, 10, 11, 35, 256))
        entries = entropy.table(random.uniform(0.002, 1.0), random.uniform(0.5, 4.0), classes)
        spread = random.choice((1, 4, 40, 256))
        low = random.randint(-128, 128 - spread)
        logits = [random.randint(low, low + spread - 1) for _ in range(classes)]
        features = [random.randint(-128, 127) for _ in range(random.choice((1, 7, 32)))]
        statistics = STATISTICS[kind].codes(logits, entries)
        assert len(statistics) == STATISTICS[kind].count(classes)
        answer = min(max(int((sum(statistics) + sum(features)) / 4), -128), 127)
        said.add(answer)
        code = SCORES["router"].code(logits, [128 * index for index in range(256)], [answer])
        numbers = (classes, 5000, len(entries), 0, len(features), *entries, *features, *logits)
        vectors.append(
            f"router_{kind} {' '.join(map(str, (*numbers, predicted_class(logits), code, int(code >= 5000))))}"
        )
    assert run(program, vectors) == len(vectors) and len(said) > 100


def test_shared_vectors(program: Path) -> None:
    cases = json.loads((ROOT / "tests/vectors/gate.json").read_text())
    vectors = [vector(case["score"], case["logits"], case["table"], 0, case["extra"]) for case in cases]
    assert [line.split()[-3:-1] for line in vectors] == [[str(case["class"]), str(case["code"])] for case in cases]
    assert run(program, vectors) == len(cases) >= 36


def test_the_program_can_fail(program: Path) -> None:
    good = vector("softmax_response", [1, 2, 3], SHORT, 100).split()
    for position, wrong in ((-3, "0"), (-2, "1"), (-1, "0")):
        bad = list(good)
        bad[position] = wrong
        result = subprocess.run([program], input=" ".join(bad), capture_output=True, text=True, check=False)
        assert result.returncode == 1 and "vector 0" in result.stderr
