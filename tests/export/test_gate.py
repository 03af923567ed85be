"""The gate of an int8 model: against PyTorch's softmax, and against its twin in C."""

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from contract import manifest
from contract.gate import ONE
from contract.manifest import Gate, Tensor
from export import gate, gate_source
from export.pipeline import Exported
from train.abstain.threshold import Coverage, SelectiveRisk
from train.errors import TrainError

GATE_LIBRARY = Path(__file__).parents[2] / "firmware" / "lib" / "gate"
LOGITS = Tensor("logits", (1, 10), "int8", 0.15, 12)
SOFTMAX = gate.Reads("softmax_response", LOGITS, None, 10, 1.3)


def _random(seed: int, samples: int = 400, classes: int = 10) -> tuple[gate.Codes, np.ndarray]:
    """Codes of a model that is right more often the surer it is, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    logits = rng.normal(0, 20, (samples, classes))
    logits[np.arange(samples), labels] += rng.normal(45, 30, samples)
    return _codes(np.clip(logits, -128, 127).astype(np.int8)), labels


def _codes(logits: np.ndarray) -> gate.Codes:
    """Logits [N, classes], and nothing else, after one frame."""
    return gate.Codes(logits[:, np.newaxis], logits[:, np.newaxis, :0])


def _calibrate(target: Coverage | SelectiveRisk, validation: int = 0, test: int = 1) -> Gate:
    return gate.calibrate(SOFTMAX, target, {"validation": _random(validation), "test": _random(test)})


@given(
    st.lists(st.integers(-128, 127), min_size=2, max_size=256),
    st.floats(0.005, 1.0),
    st.floats(0.2, 5.0),
)
def test_score_codes_are_pytorchs_softmax(logits: list[int], scale: float, temperature: float) -> None:
    reads = gate.Reads("softmax_response", replace(LOGITS, scale=scale), None, len(logits), temperature)
    code = gate._running(reads.score, gate.TABLES[reads.score](reads), (), _codes(np.array([logits], np.int8)))[1][0, 0]
    expected = torch.softmax(torch.tensor(logits, dtype=torch.float64) * scale / temperature, dim=0).max().item()
    # Each of the n entries summed is off by half a code at most, and the division rounds down by up to one.
    assert abs(int(code) / ONE - expected) <= (len(logits) / 2 + 1) / ONE


def test_threshold_comes_from_validation_alone() -> None:
    first, second = _calibrate(Coverage(0.8), test=1), _calibrate(Coverage(0.8), test=2)
    assert (first.threshold, first.table) == (second.threshold, second.table)
    assert first.measured[0] == second.measured[0]
    assert first.measured[1] != second.measured[1]
    assert _calibrate(Coverage(0.8), validation=3).threshold != first.threshold


@pytest.mark.parametrize("wanted", [0.5, 0.8, 1.0])
def test_coverage_is_met_on_validation_and_no_higher_code_would_do(wanted: float) -> None:
    found = _calibrate(Coverage(wanted))
    assert found.target == {"coverage": wanted}
    scores = gate.decide(found, _random(0)[0]).score
    assert np.mean(scores >= found.threshold) == found.measured[0].coverage >= wanted
    assert np.mean(scores > found.threshold) < wanted


def test_selective_risk_is_met_on_validation() -> None:
    found = _calibrate(SelectiveRisk(0.05))
    assert found.measured[0].selective_risk <= 0.05
    assert 0 < found.measured[0].coverage < 1


def test_a_risk_that_cannot_be_met_is_an_error() -> None:
    codes, labels = _random(0)
    wrong = np.where(labels == codes.logits[:, 0].argmax(axis=1), (labels + 1) % 10, labels)
    with pytest.raises(TrainError, match="selective risk"):
        gate.calibrate(SOFTMAX, SelectiveRisk(0.01), {"validation": (codes, wrong)})


def test_decisions_are_what_was_measured() -> None:
    found = _calibrate(Coverage(0.7))
    for measured, seed in zip(found.measured, (0, 1), strict=True):
        codes, labels = _random(seed)
        decisions = gate.decide(found, codes)
        assert np.array_equal(decisions.accepted, decisions.score >= found.threshold)
        assert np.array_equal(decisions.predicted, codes.logits[:, 0].argmax(axis=1))
        assert (measured.samples, measured.coverage) == (len(labels), decisions.accepted.mean())
        assert measured.selective_risk == np.mean((decisions.predicted != labels)[decisions.accepted])


class Decision(ctypes.Structure):
    _fields_ = (("score", ctypes.c_uint16), ("class_index", ctypes.c_uint8), ("accepted", ctypes.c_bool))


def test_generated_c_decides_the_same(exported: Exported, tmp_path: Path) -> None:
    """model_gate.c with the firmware's gate, on real logits and on random ones."""
    described = manifest.load(exported.folder.manifest)
    library = tmp_path / "gate.so"
    sources = [exported.folder.path / "model_gate.c", *sorted(GATE_LIBRARY.glob("*.c"))]
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-shared", "-fPIC",
               f"-I{GATE_LIBRARY}", f"-I{exported.folder.path}", *sources, "-o", library]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    code = ctypes.CDLL(str(library))
    code.gate_decide.restype = Decision
    model_gate = ctypes.byref(ctypes.c_char.in_dll(code, "model_gate"))
    logits = np.concatenate([
        np.load(exported.folder.vectors)["output"],
        np.random.default_rng(0).integers(-128, 128, (2000, 10)).astype(np.int8),
        np.full((1, 10), 127, np.int8), np.full((1, 10), -128, np.int8),  # ties: the lowest index wins
    ])  # fmt: skip
    decisions = gate.decide(described.gate, _codes(logits))
    for row, *expected in zip(logits, decisions.predicted, decisions.score, decisions.accepted, strict=True):
        found = code.gate_decide(model_gate, ctypes.c_uint16(described.gate.threshold), row.tobytes(), None)
        assert [found.class_index, found.score, found.accepted] == expected


def test_generated_header_carries_the_manifest(exported: Exported) -> None:
    described = manifest.load(exported.folder.manifest)
    header, source = gate_source.render(described)
    assert (header, source) == tuple((exported.folder.path / f"model_gate.{kind}").read_text() for kind in "hc")
    assert f"#define MODEL_HASH 0x{described.model.sha256[:16]}ull" in header
    assert "#define MODEL_GATE_OUTPUT 0u" in header
    assert "#define MODEL_CLASSES 10u" in header
    assert f".threshold = {described.gate.threshold}," in source
