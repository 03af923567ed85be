"""Large models: what answers the samples that the board abstains from.

    large = load("checkpoint", run, manifest)
    probabilities = large.classify(feed.values(codes))  # host.feed

What `--large` takes says by its form which backend it is for:

    checkpoint                                   the run's own, as training left it
    runs/other/large.pt                          any checkpoint of `python -m train` with the same samples and classes
    large.onnx                                   an ONNX file
    http://127.0.0.1:8080/v2/models/digits       a model on a server of the Open Inference Protocol v2

What may follow the last two is in host.backend.spec. A new backend is one new file with a function `load(spec, run,
manifest) -> LargeModel`, and one line in BACKENDS. Its heavy libraries are imported only when it is asked for.
"""

import importlib
import re
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.errors import HostError

OWN: Final = "checkpoint"

BACKENDS: Final[dict[str, str]] = {  # the first whose form is that of the whole of it
    rf"{OWN}|(?!\w+://).+\.pt": "host.backend.checkpoint",
    r"(?!\w+://).+\.onnx(\?.*)?": "host.backend.onnx_runtime",
    r"https?://.*": "host.backend.open_inference",
}


class NoAnswer(Exception):  # noqa: N818 (no error: a session goes on without it)
    """The large model has no answer in time: the board's own stands. The message is the reason, in a few words."""


class LargeModel(Protocol):
    """A classifier of the run's classes, in their order."""

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Real-valued samples to probabilities [N, classes]: images [N, H, W, C], channels last as in the manifest, or
        sequences [N, T, F], whose rows are frames in [0, 1]. Raises NoAnswer if there is none; the next call may have
        one."""
        ...


def load(spec: str, run: RunFolder, manifest: Manifest) -> LargeModel:
    """The large model that `spec` names. Raises HostError if it or its library is missing, or if it is none for the
    run's samples and classes."""
    for form, module in BACKENDS.items():
        if re.fullmatch(form, spec):
            model: LargeModel = importlib.import_module(module).load(spec, run, manifest)
            return model
    raise HostError(
        f"Unknown large model {spec!r}.",
        f"Give {OWN!r} (the run's own), a file *.pt or *.onnx, or the URL of a server's model, http://HOST:PORT/v2/models/NAME.",
    )
