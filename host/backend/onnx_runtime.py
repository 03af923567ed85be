"""A large model in an ONNX file, run by ONNX Runtime on one thread of the CPU: `--large large.onnx`.

Options (host.backend.spec) follow a question mark: `large.onnx?output=logits`. `python -m export large RUN` writes the
run's own as ONNX. If the file's metadata has `classes`, a JSON list of names, they must be the manifest's.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.backend import NoAnswer, foreign, spec
from host.backend.foreign import Foreign, Tensor
from host.errors import HostError

try:
    import onnxruntime
except ModuleNotFoundError as missing:
    raise HostError(
        "ONNX Runtime is not installed, and the large model is an ONNX file.",
        "Install it with `pip install -e '.[serve]'`.",
    ) from missing

DTYPES: Final = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
ERRORS_ONLY: Final = 3  # severity: its warnings about a graph are for who wrote it


def load(name: str, run: RunFolder, manifest: Manifest) -> Foreign:
    """Raises HostError unless that is an ONNX file of a model of these samples and classes."""
    location, options = spec.split(name)
    path = Path(location)
    if not path.is_file():
        raise HostError(
            f"{path}: no such file.",
            f"Write the run's large model as ONNX with `python -m export large {run.path} --onnx {path}`, or correct the path.",
        )
    settings = onnxruntime.SessionOptions()
    # One sample at a time gives threads nothing to share, and beside an emulator they take its core.
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class in common
        raise HostError(
            f"{path}: ONNX Runtime cannot load it ({_line(error)}).",
            "Take an ONNX file with opset and operators that it has.",
        ) from None
    classes = session.get_modelmeta().custom_metadata_map.get("classes")
    if classes is not None and classes != json.dumps(list(manifest.classes)):
        raise HostError(
            f"{path}: its classes {classes} are not the manifest's {json.dumps(list(manifest.classes))}.",
            "Take the large model of this run, or of one with the same classes in the same order.",
        )

    def infer(source: Tensor, output: Tensor, values: NDArray[Any]) -> NDArray[Any]:
        try:
            return np.asarray(session.run([output.name], {source.name: values})[0])
        except Exception as error:  # see above
            raise NoAnswer(f"ONNX Runtime: {_line(error)}") from None

    return foreign.load(
        str(path), _tensors(session.get_inputs()), _tensors(session.get_outputs()), infer, options, manifest
    )


def _tensors(declared: Any) -> list[Tensor]:
    return [
        Tensor(
            node.name,
            # A size is a number, or a name, if it may be any.
            tuple(size if isinstance(size, int) else None for size in node.shape),
            node.type,
            DTYPES.get(node.type),
        )
        for node in declared
    ]


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
