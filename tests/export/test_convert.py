"""PyTorch to float .tflite through onnx2tf, in a child process without network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contract.errors import KNOWN_FAILURE
from export import graph
from export.convert import to_onnx, to_tflite
from export.errors import ExportError


def test_converts_without_network_and_without_activated_environment(converted: Any) -> None:
    found = graph.parse(converted.content, "converted")
    assert [found.tensors[index].shape for index in found.inputs] == [(1, 8, 8, 3)]
    assert [found.tensors[index].shape for index in found.outputs] == [(1, 4)] * 3
    log = converted.log.read_text()
    assert "Model optimizing complete" in log, "onnxsim was not found"
    assert "Failed to optimize" not in log


def test_batch_normalisation_and_relu_are_folded(converted: Any) -> None:
    found = graph.parse(converted.content, "converted")
    assert [operator.op for operator in found.operators if operator.op not in ("PAD", "FULLY_CONNECTED")] == [
        "CONV_2D", "CONV_2D", "MEAN", "LOGISTIC",
    ]  # fmt: skip


def test_failed_conversion_names_the_cause_and_keeps_the_log(tmp_path: Path) -> None:
    onnx, log = tmp_path / "model.onnx", tmp_path / "onnx2tf.log"
    onnx.write_bytes(b"this is not ONNX")
    with pytest.raises(ExportError) as caught:
        to_tflite(onnx, log)
    assert caught.value.exit_code == KNOWN_FAILURE
    assert "exit code 1" in caught.value.problem
    assert "Error parsing message" in caught.value.problem  # what ONNX says of such a file
    assert str(log) in caught.value.next_step
    assert "Traceback" in log.read_text()
    assert "\n" not in str(caught.value)


def test_onnx_keeps_names_and_values(converted: Any, tmp_path: Path) -> None:
    """ONNX Runtime, which shares no code with PyTorch's kernels, computes the same from the file."""
    import onnxruntime

    model = converted.model
    to_onnx(model, (model.input_name,), model.output_names, (model.input_shape,), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert [item.name for item in session.get_inputs()] == [model.input_name]
    assert tuple(item.name for item in session.get_outputs()) == model.output_names
    found = session.run(None, {model.input_name: converted.probe})
    for value, expected in zip(found, model.answers(converted.probe).values(), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)
    assert torch.is_grad_enabled()  # exporting leaves PyTorch as it was
