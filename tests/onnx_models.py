"""ONNX files for the tests of large models: the run's own in other layouts, and small ones that are wrong in one
respect."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from export.convert import to_onnx
from train import models


class Rearranged(nn.Module):
    """A classifier of images [N, 1, 8, 8] that takes them in another layout, and answers with logits or
    probabilities."""

    def __init__(self, checkpoint: Path, layout: str, logits: bool) -> None:
        super().__init__()
        self.model, described = models.load(checkpoint)
        self.temperature = described.temperature
        self.layout, self.logits = layout, logits

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.layout == "nhwc":
            image = image.permute(0, 3, 1, 2)
        if self.layout == "flat":
            image = image.reshape(-1, 1, 8, 8)
        logits = self.model(image) / self.temperature
        return logits if self.logits else torch.softmax(logits, dim=1)


def rearranged(checkpoint: Path, path: Path, layout: str, logits: bool, any_batch: bool) -> None:
    """Write that model."""
    shape = {"nchw": (1, 1, 8, 8), "nhwc": (1, 8, 8, 1), "flat": (1, 64)}[layout]
    to_onnx(Rearranged(checkpoint, layout, logits).eval(), ("x",), ("y",), (shape,), path, any_batch)


def linear(
    path: Path,
    shape: Sequence[int | str],
    columns: Sequence[int] = (10,),
    kind: int = TensorProto.FLOAT,
    classes: Sequence[str] | None = None,
    inputs: int = 1,
    values: int = 64,
    factor: float = 1.0,
) -> None:
    """A linear model of so many `values` with an output for each of `columns`, whose weights are `factor` times
    pseudo-random ones."""
    sources = [helper.make_tensor_value_info(f"x{index}", kind, shape) for index in range(inputs)]
    outputs, nodes, weights = [], [], []
    nodes.append(helper.make_node("Cast", ["x0"], ["real"], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Flatten", ["real"], ["flat"]))
    for index, size in enumerate(columns):
        drawn = factor * np.random.default_rng(index).standard_normal((values, size)).astype(np.float32)
        weights.append(numpy_helper.from_array(drawn.astype(np.float32), f"w{index}"))
        nodes.append(helper.make_node("MatMul", ["flat", f"w{index}"], [f"y{index}"]))
        outputs.append(helper.make_tensor_value_info(f"y{index}", TensorProto.FLOAT, ["batch", size]))
    graph = helper.make_graph(nodes, "linear", sources, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if classes is not None:
        helper.set_model_props(model, {"classes": json.dumps(list(classes))})
    onnx.save(model, str(path))
