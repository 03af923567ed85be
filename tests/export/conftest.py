"""One conversion by onnx2tf for all tests of the chain, and one exported run for all tests of its files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.run_folder import RunFolder
from export.convert import to_float_tflite
from export.pipeline import Exported, export_run
from small_models import ThreeOutputs, three_outputs, train_digits

NOTHING_LISTENS = "http://127.0.0.1:9"  # the discard port


@dataclass(frozen=True)
class Converted:
    """The model of three outputs, as converted and before its outputs are put in order; `probe` is [1, 3, 8, 8]."""

    model: ThreeOutputs
    content: bytes
    log: Path
    probe: NDArray[np.float32]


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Converted with every way to the network closed: colour images make onnx2tf want to download some."""
    model, log = three_outputs(), tmp_path_factory.mktemp("converted") / "onnx2tf.log"
    with pytest.MonkeyPatch.context() as patch:
        for scheme in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(scheme, NOTHING_LISTENS)
            patch.setenv(scheme.upper(), NOTHING_LISTENS)
        patch.setenv("PATH", "/usr/bin:/bin")  # a virtual environment that is not activated
        content = to_float_tflite(model, (model.input_name,), model.output_names, (model.input_shape,), log)
    probe = np.random.default_rng(1).random(model.input_shape, dtype=np.float32)
    return Converted(model, content, log, probe)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "digits")
    train_digits(folder)
    return folder


@pytest.fixture(scope="session")
def exported(trained: RunFolder) -> Exported:
    return export_run(trained, "cortex-m4")  # the core of the board that test_command names
