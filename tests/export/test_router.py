"""A gate's second model, from PyTorch to C: what it reads, what it says, and that its C decides the same."""

import ctypes
import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from contract import manifest
from contract.gate import ONE
from contract.gate.statistics import SCALE, STATISTICS, ZERO_POINT
from contract.run_folder import RunFolder
from export import graph, router
from export.errors import ExportError
from export.kind import FEATURES, Part
from export.micro import Micro
from export.pipeline import Exported, export_trained, load
from export.quantize import to_real
from small_models import with_router
from train import models
from train.routers.small import SmallRouter

GATE_LIBRARY = Path(__file__).parents[2] / "firmware" / "lib" / "gate"


class Decision(ctypes.Structure):
    _fields_ = (("score", ctypes.c_uint16), ("class_index", ctypes.c_uint8), ("accepted", ctypes.c_bool))


@pytest.fixture(scope="module", params=["small", "full"])
def routed(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Exported:
    folder = RunFolder(tmp_path_factory.mktemp("routed") / "digits")
    folder.path.mkdir()
    return export_trained(folder, with_router(load(trained), request.param), "cortex-m4")


def test_manifest_describes_both_models(routed: Exported, trained: RunFolder) -> None:
    described = manifest.load(routed.folder.manifest)
    assert described == routed.manifest
    second = described.gate.router
    assert second is not None and described.gate.extra == "features"
    content = routed.folder.router_tflite.read_bytes()
    assert (second.file, second.sha256, second.bytes) == (
        "router.tflite", hashlib.sha256(content).hexdigest(), len(content),
    )  # fmt: skip
    both = hashlib.sha256(hashlib.sha256(routed.folder.tflite.read_bytes()).digest() + hashlib.sha256(content).digest())
    assert described.hash == int.from_bytes(both.digest()[:8], "big")
    statistics, features = second.inputs
    assert statistics.shape == (1, STATISTICS[second.statistics].count(10))
    assert (statistics.scale, statistics.zero_point) == (pytest.approx(SCALE), ZERO_POINT)
    base = described.output(FEATURES)
    assert (features.shape, features.scale, features.zero_point) == (
        base.shape,
        pytest.approx(base.scale),
        base.zero_point,
    )
    found = graph.read(routed.folder.router_tflite)
    assert [found.tensors[index].name for index in (*found.inputs, *found.outputs)] == [
        "statistics",
        "features",
        "gate",
    ]
    module = with_router(load(trained), second.statistics).router
    assert module is not None and sum(operator.macs for operator in second.operators) == module.macs()
    assert second.ram_bytes < 300


def test_vectors_are_what_fresh_interpreters_say(routed: Exported) -> None:
    vectors, second = np.load(routed.folder.vectors), routed.manifest.gate.router
    assert second is not None
    logits, features = Micro(routed.folder.tflite.read_bytes()).run(vectors["input"])
    np.testing.assert_array_equal(logits, vectors["output"])
    np.testing.assert_array_equal(features, vectors["features"])
    statistics = [STATISTICS[second.statistics].codes(row, second.table) for row in logits.tolist()]
    np.testing.assert_array_equal(statistics, vectors["statistics"])
    (said,) = Micro(routed.folder.router_tflite.read_bytes()).run(vectors["statistics"], features)
    np.testing.assert_array_equal(said, vectors["routed"])
    exact = 1 / (1 + np.exp(-to_real(said[:, 0], second.output.scale, second.output.zero_point).astype(np.float64)))
    assert np.abs(vectors["score"] - ONE * exact).max() < 0.51
    assert len(set(said.ravel().tolist())) > 20 and 0.5 < vectors["accepted"].mean() < 0.9


def test_the_integers_follow_the_float_router(routed: Exported, trained: RunFolder) -> None:
    """From PyTorch's own logits and features, through softmax and the router as it was trained."""
    run = load(trained)
    run = with_router(run, routed.manifest.gate.router.statistics)  # type: ignore[union-attr]
    part, kind = run.parts["test"], routed.manifest.gate.router.statistics  # type: ignore[union-attr]
    with torch.inference_mode():
        features = run.model.features(torch.from_numpy(part.images))
        odds = torch.softmax(run.model.head(features) / run.checkpoint.temperature, dim=1)
        largest = odds.sort(dim=1, descending=True).values
        unsure = -(odds * odds.clamp_min(1e-12).log()).sum(dim=1, keepdim=True) / np.log(10)
        figures = torch.cat([unsure, largest[:, :1] - largest[:, 1:2], largest[:, :1]], 1)
        if kind == "full":
            figures = torch.cat([unsure, largest[:, :10]], 1)
        assert run.router is not None
        wanted = torch.sigmoid(run.router(figures, features))[:, 0].numpy()
    found = np.load(routed.folder.vectors)["score"] / ONE
    assert np.abs(found - wanted).mean() < 0.03
    assert np.corrcoef(found, wanted)[0, 1] > 0.98


def test_generated_c_decides_the_same(routed: Exported, tmp_path: Path) -> None:
    folder, vectors = routed.folder.path, np.load(routed.folder.vectors)
    library = tmp_path / "gate.so"
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-shared", "-fPIC",
               f"-I{GATE_LIBRARY}", f"-I{folder}", *(folder / name for name in ("model.c", "router.c", "model_gate.c")),
               *sorted(GATE_LIBRARY.glob("*.c")), "-o", library]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)  # both models' names in one program
    code = ctypes.CDLL(str(library))
    code.gate_decide.restype = Decision
    code.model_input.restype = code.model_output.restype = ctypes.c_void_p
    model_gate = ctypes.byref(ctypes.c_char.in_dll(code, "model_gate"))
    threshold = ctypes.c_uint16(routed.manifest.gate.threshold)
    found = []
    for sample in vectors["input"]:
        ctypes.memmove(code.model_input(0), sample.tobytes(), sample.nbytes)
        code.model_invoke()
        outputs = (ctypes.c_void_p(code.model_output(index)) for index in (0, 1))
        decision = code.gate_decide(model_gate, threshold, *outputs)
        found.append((decision.class_index, decision.score, decision.accepted))
    expected = zip(vectors["predicted"].tolist(), vectors["score"].tolist(), vectors["accepted"].tolist(), strict=True)
    assert found == list(expected)


def test_an_export_without_a_router_removes_that_of_an_earlier_one(routed: Exported, trained: RunFolder) -> None:
    made = {"router.tflite", "router.h", "router.c"}
    assert {path.name for path in routed.files} >= made
    again = load(trained)
    copy = RunFolder(routed.folder.path.parent / "again")
    copy.path.mkdir()
    for name in made:
        (copy.path / name).write_bytes((routed.folder.path / name).read_bytes())
    plain = export_trained(copy, again, "cortex-m4")
    assert plain.manifest.gate.router is None
    assert not made & {path.name for path in copy.path.iterdir()}


def test_a_folded_form_that_is_another_function_is_refused(routed: Exported, tmp_path: Path) -> None:
    class Wrong(SmallRouter):
        def folded(self) -> nn.Module:
            return SmallRouter(4, 10)  # of other weights

    with pytest.raises(ExportError, match="folded form"):
        router._convert(Wrong(4, 10).eval(), 3, 4, tmp_path / "log")


def test_tensors_that_do_not_fit_are_refused(routed: Exported) -> None:
    tensor = routed.manifest.output(FEATURES)
    router._check(tensor, tensor.scale, tensor.zero_point)
    for other in (replace(tensor, scale=tensor.scale * 1.01), replace(tensor, zero_point=tensor.zero_point + 1)):
        with pytest.raises(ExportError, match="'features' has scale"):
            router._check(other, tensor.scale, tensor.zero_point)


def test_a_recurrent_base_routes_after_each_frame(trained: RunFolder, tmp_path: Path) -> None:
    """A head with a gate, a state of two tensors: the features are the first of them, in int8 as one more output."""
    torch.manual_seed(3)
    run = load(trained)
    model = models.build("lstm", (1, 8, 8), 10, {"hidden": 6, "low": -1.0}, "keep").eval()
    run = with_router(replace(run, model=model), "small")
    few = {name: Part(part.images[:60], part.labels[:60]) for name, part in run.parts.items()}
    folder = RunFolder(tmp_path / "rows")
    folder.path.mkdir()
    made = export_trained(folder, replace(run, parts=few), "cortex-m4", "int16")
    described, vectors = made.manifest, np.load(folder.vectors)
    assert [tensor.name for tensor in described.outputs] == ["logits", "gate", "features", "h_next", "c_next"]
    assert [tensor.dtype for tensor in described.outputs] == ["int8"] * 3 + ["int16"] * 2
    second = described.gate.router
    assert second is not None and described.stream is not None
    base, ask = Micro(folder.tflite.read_bytes()), Micro(folder.router_tflite.read_bytes())
    for index in range(5):
        state = [np.full(tensor.shape, tensor.zero_point, tensor.dtype) for tensor in described.inputs[1:]]
        for place, frame in enumerate(vectors["input"][index]):
            logits, _, features, *state = base.call(frame[np.newaxis], *state)
            statistics = np.array([STATISTICS["small"].codes(logits[0].tolist(), second.table)], np.int8)
            (said,) = ask.call(statistics, features)
            assert described.gate.table[int(said[0, 0]) + 128] == vectors["scores"][index, place]
            assert np.array_equal(features[0], vectors["features"][index, place])
            inside = to_real(state[0], described.outputs[3].scale, 0)
            outside = to_real(features, described.outputs[2].scale, described.outputs[2].zero_point)
            assert np.abs(inside - outside).max() <= 0.51 * described.outputs[2].scale
    header = (folder.path / "model_gate.h").read_text()
    assert "#define MODEL_GATE_EXTRA_OUTPUT 2u" in header
