"""PyTorch to a float .tflite: torch.onnx.export, then onnx2tf and TensorFlow's converter in a child process.

    content = to_float_tflite(model, ("image",), ("logits",), ((1, 1, 8, 8),), log=Path("runs/digits/onnx2tf.log"))

The child (`export.onnx_to_tflite`) keeps TensorFlow, its start-up noise and onnx2tf's calls of sys.exit() out of this
process; all that it prints goes to `log`. Nothing is downloaded.

torch.onnx.export is used with dynamo=False: it keeps our names, writes one file, takes a tenth of a second instead of
three, and needs no onnxscript. Both give the same operators after onnx2tf. torch is pinned, so the announced removal of
this path is a decision for the day the pin moves.
"""

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from export.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

OPSET: Final = 17  # the newest that torch's dynamo=False exporter and onnx2tf 1.29 have in common
TIMEOUT_SECONDS: Final = 300  # a conversion takes about 10 s; longer than this is a hang
LOG_LINES_SHOWN: Final = 3  # of a failed child's output, in the error

_ROOT: Final = Path(__file__).resolve().parent.parent
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")


def to_float_tflite(
    model: "nn.Module",
    input_names: Sequence[str],
    output_names: Sequence[str],
    input_shapes: Sequence[Sequence[int]],
    log: Path,
) -> bytes:
    """Convert a module in eval mode. `input_shapes` are torch's, batch of one first: (1, C, H, W) for images.

    Returns the content of a float32 .tflite: images as NHWC, order of inputs and outputs unspecified (see
    `export.interface`). Raises ExportError if the conversion fails.
    """
    with TemporaryDirectory(prefix="demur-export-") as folder:
        onnx = Path(folder) / "model.onnx"
        to_onnx(model, input_names, output_names, input_shapes, onnx)
        return to_tflite(onnx, log)


def to_onnx(
    model: "nn.Module",
    input_names: Sequence[str],
    output_names: Sequence[str],
    input_shapes: Sequence[Sequence[int]],
    path: Path,
    any_batch: bool = False,
) -> None:
    """Write `model` as ONNX with those names of inputs and outputs; with `any_batch` their first dimension may be
    any."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # dynamo=False: see above
        torch.onnx.export(
            model,
            tuple(torch.zeros(*shape) for shape in input_shapes),
            str(path),
            input_names=list(input_names),
            output_names=list(output_names),
            opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in (*input_names, *output_names)} if any_batch else None,
            dynamo=False,
        )


def to_tflite(onnx: Path, log: Path) -> bytes:
    """Convert an ONNX file in a child process; its whole output goes to `log`. The file may be rewritten in place.

    Raises ExportError with the end of the output if the child fails.
    """
    written = onnx.with_suffix(".tflite")
    command = [sys.executable, "-m", "export.onnx_to_tflite", str(onnx), str(written)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
        # onnx2tf calls `onnxsim` by name, which is only found by itself in an activated virtual environment.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors only
        "TF_ENABLE_ONEDNN_OPTS": "0",  # so that constants are folded in the same order of additions everywhere
    }
    with log.open("wb") as output:
        try:
            child = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=onnx.parent,
                env=environment, timeout=TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
            outcome = f"exit code {child.returncode}"
        except subprocess.TimeoutExpired:
            outcome = f"no result within {TIMEOUT_SECONDS} s"
    if written.is_file() and outcome == "exit code 0":
        return written.read_bytes()
    lines = [line.strip() for line in _ANSI.sub("", log.read_text(errors="replace")).splitlines()]
    shown = " | ".join([line for line in lines if line.strip("^~")][-LOG_LINES_SHOWN:]) or "nothing printed"
    raise ExportError(
        f"onnx2tf could not convert the model ({outcome}; last lines: {shown}).",
        f"Read {log} for the whole output. If it names an operator, use one that onnx2tf converts.",
    )
