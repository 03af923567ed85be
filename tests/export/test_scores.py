"""Every score on a model that has all that scores read, from PyTorch to C: logits, a logit of abstaining, an output
"gate"."""

import ctypes
import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import manifest
from contract.gate import ONE, SCORES
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from export import gate, gate_source
from export.errors import ExportError
from export.kind import LOGITS
from export.micro import Micro
from export.pipeline import Exported, export_trained, load
from export.quantize import to_real
from small_models import with_heads
from train.abstain.threshold import Coverage, JointError, SelectiveRisk, Target

GATE_LIBRARY = Path(__file__).parents[2] / "firmware" / "lib" / "gate"
CLASSES = 10
ALONE = [name for name in SCORES if name != "router"]  # which needs a model of its own
every_score = pytest.mark.parametrize("score", ALONE)


class Decision(ctypes.Structure):
    _fields_ = (("score", ctypes.c_uint16), ("class_index", ctypes.c_uint8), ("accepted", ctypes.c_bool))


@pytest.fixture(scope="module")
def headed(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = RunFolder(tmp_path_factory.mktemp("headed") / "digits")
    folder.path.mkdir()
    return export_trained(folder, with_heads(load(trained), "head"), "cortex-m4")


@pytest.fixture(scope="module")
def answers(headed: Exported) -> dict[str, NDArray[np.int8]]:
    with np.load(headed.folder.vectors) as vectors:
        return {"logits": vectors["output"][:, np.newaxis], "gate": vectors["gate"][:, np.newaxis]}


@pytest.fixture(scope="module")
def labels(headed: Exported) -> NDArray[np.int64]:
    with np.load(headed.folder.vectors) as vectors:
        found: NDArray[np.int64] = vectors["label"]
        return found


def reads(described: Manifest, score: str) -> gate.Reads:
    extra = next((tensor for tensor in described.outputs if tensor.name == SCORES[score].extra), None)
    return gate.Reads(score, described.output(LOGITS), extra, CLASSES, 1.4)


def calibrated(headed: Exported, answers: dict[str, NDArray[np.int8]], labels: NDArray[np.int64], score: str,
               per_class: bool = False) -> Manifest:  # fmt: skip
    """The manifest with another gate, chosen on the vectors themselves."""
    codes = gate.read(score, answers, LOGITS, CLASSES)
    made = gate.calibrate(
        reads(headed.manifest, score), Coverage(0.7), {"validation": (codes, labels)}, None, per_class
    )
    return replace(headed.manifest, gate=made)


def decided_in_c(
    described: Manifest, folder: Path, logits: NDArray[np.int8], extra: NDArray[np.int8]
) -> list[tuple[int, int, bool]]:
    """(class, score, accepted) of each sample, by the generated model_gate.c."""
    for name, text in zip(("model_gate.h", "model_gate.c"), gate_source.render(described), strict=True):
        (folder / name).write_text(text)
    library = folder / "gate.so"
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-shared", "-fPIC",
               f"-I{GATE_LIBRARY}", f"-I{folder}", folder / "model_gate.c", *sorted(GATE_LIBRARY.glob("*.c")),
               "-o", library]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    code = ctypes.CDLL(str(library))
    code.gate_decide.restype = Decision
    model_gate = ctypes.byref(ctypes.c_char.in_dll(code, "model_gate"))
    threshold = ctypes.c_uint16(described.gate.threshold)
    found = [
        code.gate_decide(model_gate, threshold, row.tobytes(), more.tobytes())
        for row, more in zip(logits, extra, strict=True)
    ]
    return [(of.class_index, of.score, of.accepted) for of in found]


def test_outputs_keep_their_names_and_order(headed: Exported) -> None:
    described = manifest.load(headed.folder.manifest)
    assert [(tensor.name, tensor.shape) for tensor in described.outputs] == [("logits", (1, 11)), ("gate", (1, 1))]
    assert (described.gate.score, described.gate.output, described.gate.extra) == ("head", "logits", "gate")
    assert described.hash == int.from_bytes(hashlib.sha256(headed.folder.tflite.read_bytes()).digest()[:8], "big")
    header = (headed.folder.path / "model_gate.h").read_text()
    assert "#define MODEL_GATE_EXTRA_OUTPUT 1u" in header and "#define MODEL_GATE_EXTRA_OFFSET 0u" in header
    assert "gate_head" in (headed.folder.path / "model_gate.c").read_text()


def test_vectors_hold_every_output(headed: Exported) -> None:
    vectors = np.load(headed.folder.vectors)
    logits, keep = Micro(headed.folder.tflite.read_bytes()).run(vectors["input"])
    np.testing.assert_array_equal(logits, vectors["output"])
    np.testing.assert_array_equal(keep, vectors["gate"])
    output = headed.manifest.output("gate")
    exact = 1 / (1 + np.exp(-to_real(keep[:, 0], output.scale, output.zero_point).astype(np.float64)))
    assert np.abs(vectors["score"] - ONE * exact).max() < 0.51
    assert len(set(vectors["score"].tolist())) > 30
    np.testing.assert_array_equal(vectors["predicted"], logits[:, :CLASSES].argmax(axis=1))
    np.testing.assert_array_equal(vectors["accepted"], vectors["score"] >= headed.manifest.gate.threshold)


def test_the_logit_of_abstaining_is_never_predicted(
    headed: Exported, answers: dict[str, NDArray[np.int8]], labels: NDArray[np.int64], tmp_path: Path
) -> None:
    described = calibrated(headed, answers, labels, "reservation")
    logits = np.full((1, CLASSES + 1), -100, np.int8)
    logits[0, CLASSES], logits[0, 4] = 127, -90
    decisions = gate.decide(described.gate, gate.read("reservation", {LOGITS: logits[:, np.newaxis]}, LOGITS, CLASSES))
    assert decisions.predicted.tolist() == [4] and not decisions.accepted[0]
    assert decided_in_c(described, tmp_path, logits, logits[:, CLASSES:]) == [(4, int(decisions.score[0]), False)]


@every_score
@pytest.mark.parametrize("per_class", [False, True], ids=["one threshold", "a threshold a class"])
def test_generated_c_decides_the_same(headed: Exported, answers: dict[str, NDArray[np.int8]], labels: NDArray[np.int64],
                                      tmp_path: Path, score: str, per_class: bool) -> None:  # fmt: skip
    described = calibrated(headed, answers, labels, score, per_class)
    noise = np.random.default_rng(0)
    said = {
        name: np.concatenate([of, noise.integers(-128, 128, (1000, *of.shape[1:])).astype(np.int8)])
        for name, of in answers.items()
    }
    codes = gate.read(score, said, LOGITS, CLASSES)
    decisions = gate.decide(described.gate, codes)
    expected = list(
        zip(decisions.predicted.tolist(), decisions.score.tolist(), decisions.accepted.tolist(), strict=True)
    )
    assert decided_in_c(described, tmp_path, codes.logits[:, 0], codes.extra[:, 0]) == expected
    assert 0 < decisions.accepted.sum() < len(expected)
    functions = {name for name in ALONE if f".score = gate_{name}," in (tmp_path / "model_gate.c").read_text()}
    assert functions == {score}
    assert described.gate.measured[0].coverage >= 0.7
    manifest.save(described, tmp_path / "manifest.json")
    assert manifest.load(tmp_path / "manifest.json") == described


@pytest.mark.parametrize("target", [Coverage(0.7), SelectiveRisk(0.02), JointError(0.01)])
def test_thresholds_of_classes_meet_the_target_and_beat_a_common_one(
    headed: Exported, answers: dict[str, NDArray[np.int8]], labels: NDArray[np.int64], target: Target
) -> None:
    codes = gate.read("softmax_response", answers, LOGITS, CLASSES)
    of = reads(headed.manifest, "softmax_response")
    one, made = (gate.calibrate(of, target, {"validation": (codes, labels)}, None, apart) for apart in (False, True))
    scores, decisions = gate.decide(one, codes).score.astype(int), gate.decide(made, codes)
    assert len(made.offsets) == CLASSES and len(set(made.offsets)) > 1 and max(made.offsets) <= 1
    assert one.offsets == ()
    own = made.threshold - np.array(made.offsets)  # nothing that saturates changes a decision
    np.testing.assert_array_equal(decisions.accepted, scores >= own[decisions.predicted])
    ((common,), (found,)) = one.measured, made.measured
    assert found.coverage == decisions.accepted.mean()
    if isinstance(target, Coverage):
        assert found.coverage >= target.value
        assert found.coverage * found.selective_risk <= common.coverage * common.selective_risk
    else:
        met = found.selective_risk * (found.coverage if isinstance(target, JointError) else 1)
        assert met <= target.value
        assert found.coverage >= common.coverage


@pytest.mark.parametrize(
    ("score", "problem"),
    [("head", "an output 'gate'"), ("reservation", "a logit of abstaining"), ("router", "an output 'features'")],
)
def test_refuses_a_score_that_the_model_cannot_give(score: str, problem: str) -> None:
    with pytest.raises(ExportError, match=problem) as caught:
        gate.read(score, {LOGITS: np.zeros((1, 1, CLASSES), np.int8)}, LOGITS, CLASSES)
    assert "Choose another score" in caught.value.next_step


def ordered(scores: Sequence[int]) -> list[int]:
    return sorted(range(len(scores)), key=lambda index: (scores[index], index))


def test_scores_rank_samples_each_in_its_own_way(
    headed: Exported, answers: dict[str, NDArray[np.int8]], labels: NDArray[np.int64]
) -> None:
    orders = set()
    for score in ALONE:
        described = calibrated(headed, answers, labels, score)
        orders.add(
            tuple(ordered(gate.decide(described.gate, gate.read(score, answers, LOGITS, CLASSES)).score.tolist()))
        )
    assert len(orders) == len(ALONE)
