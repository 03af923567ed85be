"""Large models: what answers the samples that the board abstains from.

    large = load("checkpoint", run, manifest)
    probabilities = large.classify(dequantise(codes, manifest.inputs[0]))

A new backend is one new file with a function `load(run, manifest) -> LargeModel`, and one line in BACKENDS. Its heavy
libraries are imported only when it is asked for.
"""

import importlib
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Tensor
from contract.run_folder import RunFolder
from host.errors import HostError

BACKENDS: Final[dict[str, str]] = {
    "checkpoint": "host.backend.checkpoint",
}


class LargeModel(Protocol):
    """A classifier of the run's classes, in their order."""

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Real-valued samples [N, ...], channels last as in the manifest, to probabilities [N, classes]."""
        ...


def load(name: str, run: RunFolder, manifest: Manifest) -> LargeModel:
    """The large model of a run. `name` is one of BACKENDS. Raises HostError if it or its library is missing."""
    if name not in BACKENDS:
        raise HostError(f"Unknown large model backend {name!r}.", f"Known ones: {', '.join(BACKENDS)}.")
    model: LargeModel = importlib.import_module(BACKENDS[name]).load(run, manifest)
    return model


def dequantise(codes: bytes, tensor: Tensor) -> NDArray[np.float32]:
    """Input codes of one or more samples to real values [N, ...]: scale * (code - zero_point)."""
    numbers = np.frombuffer(codes, dtype=tensor.dtype).reshape(-1, *tensor.shape[1:])
    return (np.float32(tensor.scale) * (numbers.astype(np.float32) - np.float32(tensor.zero_point))).astype(np.float32)
