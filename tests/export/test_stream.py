"""Recurrent models exported as one time step: every cell's C against TensorFlow Lite Micro over whole sequences, with
the state fed back; tied scales; the choice between int8 and 16x8; the decision in time."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import boards
from contract.gate import SCORES, in_time
from contract.manifest import Measured, State, Stream, Tensor
from contract.run_folder import RunFolder
from export import gate
from export.aot import compile_model
from export.bench import bench
from export.errors import ExportError
from export.kind import LOGITS, Part, Quantized, Trained
from export.micro import Micro
from export.pipeline import Exported, export_run
from export.quantize import to_real
from export.stream import Sequences
from native_c import build
from train import config, models
from train.abstain.threshold import Coverage, SelectiveRisk
from train.cells import CELLS
from train.data.dataset import DataSet
from train.errors import TrainError
from train.models import checkpoint
from train.run import train as train_run

FRAMES, FRAME, CLASSES = 12, 7, 4
OPTIONS = {"irnn": {"euler_steps": 2, "eta": 0.2}, "tarnn": {"euler_steps": 2, "eta": 0.2}, "rnn": {"rank_u": 5}}
ROWS = """
name = "rows"
[data]
set = "digits"
[base]
model = "irnn"
epochs = 6
batch = 64
options = { hidden = 16, eta = 0.2, low = -1.0 }
[large]
model = "cnn"
epochs = 1
[gate]
target = { coverage = 0.6 }
minimum_steps = 3
"""
ADD = """
name = "add"
[data]
set = "add"
steps = 5
samples = 100
[base]
model = "rnn"
epochs = 1
options = { hidden = 4 }
"""
CORES = (None, "cortex-m3", "cortex-m4")


def untrained(cell: str, frame: int = FRAME, **chosen: float) -> Sequences:
    """A model of random weights, enlarged so that its state moves, and random images."""
    torch.manual_seed(0)
    options = {"hidden": 11, "low": -1.0, **OPTIONS.get(cell, {}), **chosen}
    model = models.build(cell, (1, FRAMES, frame), CLASSES, options).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim == 2:
                weights *= 2
    rng = np.random.default_rng(1)
    parts = {
        name: Part(rng.random((count, 1, FRAMES, frame), np.float32), rng.integers(0, CLASSES, count))
        for name, count in (("train", 30), ("validation", 20), ("test", 6))
    }
    data = DataSet("noise", parts["train"].images, parts["train"].labels, ("a", "b", "c", "d"))
    about = checkpoint.describe(cell, model, options, data.classes, 1.0)
    settings = config.Gate(target=Coverage(0.5), minimum_steps=3)
    return Sequences(Trained(None, settings, data, model, about, parts))  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=list(CELLS))
def sequences(request: pytest.FixtureRequest) -> Sequences:
    return untrained(request.param)


@pytest.fixture(scope="module")
def candidates(sequences: Sequences, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Quantized]:
    """Both widths, from one conversion."""
    return sequences.candidates(tmp_path_factory.mktemp("stream") / "onnx2tf.log", ["int8", "int16"])


def test_state_scales_are_tied_and_edges_are_int8(sequences: Sequences, candidates: dict[str, Quantized]) -> None:
    for activations, made in candidates.items():
        assert [tensor.name for tensor in made.inputs] == list(sequences.step.input_names)
        assert [tensor.name for tensor in made.outputs] == list(sequences.step.output_names)
        assert made.inputs[0].dtype == made.output(LOGITS).dtype == "int8"
        assert made.inputs[0].scale == pytest.approx(2 / 255)  # -1 .. 1, known from the model's options
        for before, after in zip(made.inputs[1:], made.outputs[1:], strict=True):
            assert before.dtype == activations
            assert (before.scale, before.zero_point) == (after.scale, after.zero_point)


def rollout(step: Callable[..., Sequence[NDArray[Any]]], frames: NDArray[np.int8], start: list[NDArray[Any]]) -> bytes:
    """All outputs after each frame, the state fed back by copying."""
    state, said = start, b""
    for frame in frames:
        outputs = step(frame[np.newaxis], *state)
        said += b"".join(output.tobytes() for output in outputs)
        state = list(outputs[1:])
    return said


def test_compiled_rollouts_equal_the_interpreters(
    sequences: Sequences, candidates: dict[str, Quantized], tmp_path: Path
) -> None:
    """Every byte of logits and state, on test frames and on codes that no frame has; for all cores, in both widths."""
    for activations, made in candidates.items():
        models = [(made.graph, compile_model(made.graph, "step", core=core)) for core in CORES]
        frames = [*sequences.codes(made, sequences.trained.parts["test"])]
        frames += [*np.random.default_rng(3).integers(-128, 128, (2, 40, FRAME)).astype(np.int8)]
        start = sequences._start(made)
        for entries in build(models, tmp_path / activations):
            for sequence in frames:
                assert rollout(entries.run, sequence, start) == rollout(Micro(made.content).call, sequence, start)


def test_16x8_follows_the_float_model_more_closely(sequences: Sequences, candidates: dict[str, Quantized]) -> None:
    part = sequences.trained.parts["test"]
    with torch.inference_mode():
        expected = sequences.model.running(torch.from_numpy(part.images))[0].numpy()
    error = {}
    for activations, made in candidates.items():
        output = made.output(LOGITS)
        codes = sequences.answers(made, sequences.codes(made, part))[LOGITS]
        real = to_real(codes, output.scale, output.zero_point)
        error[activations] = float(np.sqrt(np.mean((real - expected) ** 2)) / np.ptp(expected))
        np.testing.assert_allclose(sequences.float_logits(made.floating, part), expected[:, -1], rtol=1e-3, atol=1e-4)
    assert error["int16"] < 0.01
    assert error["int16"] <= error["int8"] < 0.2


MOST_PER_MAC = {"int8": 1.6, "int16": 2.4}  # executed instructions on a Cortex-M4, everything included


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_the_instructions_of_a_step(tmp_path: Path) -> None:
    """An iRNN of 64 units on frames of 32 values."""
    sequences = untrained("irnn", frame=32, hidden=64, euler_steps=1)
    for activations, made in sequences.candidates(tmp_path / "onnx2tf.log", list(MOST_PER_MAC)).items():
        path = tmp_path / f"{activations}.tflite"
        path.write_bytes(made.content)
        report = bench(path, boards.load("nucleo"), 2)
        macs = 64 * 64 + 32 * 64 + 64 * CLASSES
        assert report.differing_outputs == 0
        assert macs / 2 < report.instructions <= MOST_PER_MAC[activations] * macs


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A small iRNN that reads digits row by row, trained for some seconds."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "rows")
    settings = tmp_path_factory.mktemp("config") / "rows.toml"
    settings.write_text(ROWS)
    train_run(config.load(settings), folder, restart=True)
    return export_run(folder, "cortex-m4")


def test_the_manifest_describes_the_stream(exported: Exported) -> None:
    described = exported.manifest
    assert described.stream == Stream(8, 3, -1.0, 1.0, None)
    assert described.states == (State("h", "h_next"),)
    chosen, candidates = described.quantisation, {c.activations: c for c in described.quantisation.candidates}
    assert set(candidates) == {"int8", "int16"} and chosen.activations in candidates
    assert 1 > candidates["int8"].frozen > candidates["int16"].frozen >= 0
    assert "points below float on the validation split" in chosen.reason
    header = (exported.folder.path / "model_stream.h").read_text()
    assert "#define MODEL_STEPS 8u" in header and "#define MODEL_MINIMUM_STEPS 3u" in header
    assert "#define MODEL_FRAME_BYTES 8u" in header
    state = described.inputs[1]
    assert f"{{1, 1, {state.zero_point}, {state.bytes}}}, // h" in header


def test_vectors_hold_every_running_decision(exported: Exported) -> None:
    described, vectors = exported.manifest, np.load(exported.folder.vectors)
    micro, (_, state) = Micro(exported.folder.tflite.read_bytes()), described.inputs
    assert vectors["input"].shape[1:] == (8, 8) and vectors["output"].shape[1:] == (8, 10)
    gate = described.gate
    for index in range(0, len(vectors["input"]), 29):
        h = np.full(state.shape, state.zero_point, state.dtype)
        scores = []
        for place, frame in enumerate(vectors["input"][index]):
            logits, h = micro.call(frame[np.newaxis], h)
            assert logits[0].tolist() == vectors["output"][index, place].tolist()
            scores.append(SCORES[gate.score].code(logits[0].tolist(), gate.table, ()))
        assert scores == vectors["scores"][index].tolist()
        steps, accepted = in_time.decide(scores, gate.threshold, 3)
        assert (steps, accepted) == (vectors["steps"][index], vectors["accepted"][index])
        assert vectors["predicted"][index] == vectors["classes"][index, steps - 1]
        assert vectors["score"][index] == scores[steps - 1]
    measured = next(measured for measured in gate.measured if measured.split == "test")
    assert measured.mean_steps == vectors["steps"].mean() < 8
    assert measured.coverage == vectors["accepted"].mean()
    wrong = (vectors["predicted"] != vectors["label"])[vectors["accepted"]]
    assert measured.selective_risk == wrong.mean()


def test_a_risk_is_that_of_the_answers_in_time() -> None:
    """A threshold decides when a sequence is answered, so the same sequence is right at one and wrong at another."""
    unsure, right, wrong = [0, 0, 0], [0, 60, 0], [90, 0, 0]
    logits = np.array([[wrong, right, right], [unsure, right, right], [unsure, unsure, right]] * 10, np.int8)
    labels = np.ones(30, np.int64)
    codes = gate.Codes(logits, logits[..., :0])
    reads = gate.Reads("softmax_response", Tensor("logits", (1, 3), "int8", 0.1, 0), None, 3, 1.0)
    found = gate.calibrate(reads, SelectiveRisk(0.0), {"validation": (codes, labels)}, minimum_steps=2)
    assert found.measured[0] == Measured("validation", 30, 1.0, 0.0, pytest.approx(7 / 3))
    with pytest.raises(TrainError, match="no threshold reaches a selective risk"):
        gate.calibrate(reads, SelectiveRisk(0.0), {"validation": (codes, labels * 2)}, minimum_steps=1)


@pytest.mark.parametrize(
    ("scores", "minimum", "expected"),
    [
        ([5, 9, 1], 1, (2, True)),
        ([9, 9, 9], 1, (1, True)),
        ([9, 1, 9], 2, (3, True)),
        ([9, 9, 8], 3, (3, False)),
        ([1, 2, 3], 1, (3, False)),
        ([9], 1, (1, True)),
    ],
)
def test_the_decision_in_time(scores: list[int], minimum: int, expected: tuple[int, bool]) -> None:
    assert in_time.decide(scores, threshold=9, minimum_steps=minimum) == expected


def test_a_model_of_numbers_is_refused(tmp_path: Path) -> None:
    settings = tmp_path / "add.toml"
    settings.write_text(ADD)
    folder = RunFolder(tmp_path / "add")
    train_run(config.load(settings), folder, restart=True)
    with pytest.raises(ExportError, match="numbers to be predicted"):
        export_run(folder)
