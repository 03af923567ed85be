"""The router of a gate: a second, small PyTorch model to int8 .tflite and C, beside the base model that it routes.

    made = make(module, base, temperature, classes, some, log, core)
    codes = made.read(codes)                        # what the gate reads: the router's answers in place of features

It reads statistics of the base's int8 logits, which the gate makes in integers (contract.gate.statistics), and the
base's output "features"; its output "gate" is a logit, high to keep the sample on the board. Its input "features" gets
the scale of that output, so that the board copies codes.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import entropy
from contract.gate.statistics import SCALE, STATISTICS, ZERO_POINT
from contract.manifest import Quantisation, Router, Tensor
from export import interface
from export.aot import Compiled, compile_model
from export.convert import to_float_tflite
from export.errors import ExportError
from export.float_model import FloatModel
from export.gate import Codes
from export.kind import FEATURES, LOGITS, Quantized, described
from export.micro import Micro
from export.quantize import calibrate, quantize, range_of, to_real

if TYPE_CHECKING:
    from train.routers.router import Router as TrainedRouter

INPUTS: Final = ("statistics", FEATURES)
OUTPUT: Final = "gate"
CALIBRATED_ON: Final = 1000  # samples of the train split: more do not move the extremes of a few units

LEAST_RANGE: Final = 1e-6  # of activations: a bias in units of a smaller scale would not fit in 32 bits


@dataclass(frozen=True)
class Made:
    """The router for the board. `content` is the .tflite, `description` what the manifest says of it."""

    content: bytes
    compiled: Compiled
    description: Router

    def statistics(self, logits: NDArray[np.int8]) -> NDArray[np.int8]:
        """Codes [N, T, S] of the logits of the classes [N, T, classes]."""
        return _statistics(self.description.statistics, self.description.table, logits)

    def read(self, codes: Codes) -> Codes:
        """What the gate reads, the router's answers [N, T, 1] in place of features, by TensorFlow Lite Micro."""
        frames = codes.logits.shape[:2]
        inputs = (_flat(self.statistics(codes.logits)), _flat(codes.extra))
        (said,) = Micro(self.content).run(*inputs)
        return Codes(codes.logits, said.reshape(*frames, 1))


def make(module: "TrainedRouter", base: Quantized, temperature: float, classes: int, some: Codes, log: Path, core: str | None,
         flash: int | None, title: str) -> Made:  # fmt: skip
    """Convert, quantise and compile. `some` are codes of the train split, extra being features, which give the ranges.

    Raises ExportError if the router does not fit the base model or cannot be quantised to fit it.
    """
    logits, features = base.output(LOGITS), base.output(FEATURES)
    table = entropy.table(logits.scale, temperature, classes)
    floating = _convert(module, STATISTICS[module.statistics].count(classes), features.shape[-1], log)
    statistics = _flat(_statistics(module.statistics, table, some.logits))
    real = (to_real(statistics, SCALE, ZERO_POINT), to_real(_flat(some.extra), features.scale, features.zero_point))
    ranges = {name: _wide_enough(*extremes) for name, extremes in calibrate(FloatModel(floating).run(*real)).items()}
    ranges[INPUTS[0]], ranges[INPUTS[1]] = (0.0, 1.0), range_of(features)
    content = quantize(floating, ranges)
    made = described(floating, content, log.with_name("router.tflite"), Quantisation("int8", "", ()))
    for found, scale, zero_point in zip(
        made.inputs, (SCALE, features.scale), (ZERO_POINT, features.zero_point), strict=True
    ):
        _check(found, scale, zero_point)
    compiled = compile_model(made.graph, f"{title}, router", keep_inputs=False, core=core, flash=flash, prefix="router")
    description = Router(
        file="router.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        statistics=module.statistics,
        table=table,
        inputs=made.inputs,
        output=made.output(OUTPUT),
        ram_bytes=compiled.memory.arena_bytes,
        operators=compiled.operators,
    )
    return Made(content, compiled, description)


def _wide_enough(least: float, largest: float) -> tuple[float, float]:
    """A range that can be quantised: where hidden units never say anything, any will do."""
    return (least, largest) if max(-least, largest) > LEAST_RANGE else (0.0, 1.0)


def _convert(module: "TrainedRouter", statistics: int, features: int, log: Path) -> bytes:
    import torch

    shapes = ((1, statistics), (1, features))
    folded = module.folded().eval()
    noise = np.random.default_rng(0)
    probe = {name: noise.random(shape, dtype=np.float32) for name, shape in zip(INPUTS, shapes, strict=True)}
    tensors = [torch.from_numpy(value) for value in probe.values()]
    with torch.inference_mode():
        answer, whole = folded(*tensors).numpy(), module(*tensors).numpy()
    if not np.allclose(answer, whole, rtol=1e-4, atol=1e-4):
        raise ExportError(
            f"the router says {whole.item():g} and its folded form {answer.item():g} to the same inputs.",
            "This is a fault in train/routers: report it with the run's configuration.",
        )
    return interface.arrange(to_float_tflite(folded, INPUTS, (OUTPUT,), shapes, log), probe, {OUTPUT: answer})


def _statistics(kind: str, table: tuple[int, ...], logits: NDArray[np.int8]) -> NDArray[np.int8]:
    codes = [STATISTICS[kind].codes(row, table) for row in _flat(logits).tolist()]
    return np.array(codes, np.int8).reshape(*logits.shape[:2], -1)


def _flat(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """[N, T, size] to [N * T, size]."""
    return codes.reshape(-1, codes.shape[-1])


def _check(found: Tensor, scale: float, zero_point: int) -> None:
    if not math.isclose(found.scale, scale, rel_tol=1e-6) or found.zero_point != zero_point:
        raise ExportError(
            f"the router's input {found.name!r} has scale {found.scale:g} and zero point {found.zero_point}, expected "
            f"{scale:g} and {zero_point}.",
            "This is a fault in export/router.py: report it with the model.",
        )
