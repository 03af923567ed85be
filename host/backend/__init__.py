"""Large models: what answers the samples that the board abstains from.

    large = load("checkpoint", run, manifest)
    probabilities = large.classify(feed.values(codes))  # host.feed

A new backend is one new file with a function `load(run, manifest) -> LargeModel`, and one line in BACKENDS. Its heavy
libraries are imported only when it is asked for.
"""

import importlib
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.errors import HostError

BACKENDS: Final[dict[str, str]] = {
    "checkpoint": "host.backend.checkpoint",
}


class NoAnswer(Exception):  # noqa: N818 (no error: a session goes on without it)
    """The large model has no answer in time: the board's own stands. The message is the reason, in a few words."""


class LargeModel(Protocol):
    """A classifier of the run's classes, in their order."""

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Real-valued samples to probabilities [N, classes]: images [N, H, W, C], channels last as in the manifest, or
        sequences [N, T, F], whose rows are frames in [0, 1]."""
        ...


def load(name: str, run: RunFolder, manifest: Manifest) -> LargeModel:
    """The large model of a run. `name` is one of BACKENDS. Raises HostError if it or its library is missing."""
    if name not in BACKENDS:
        raise HostError(f"Unknown large model backend {name!r}.", f"Known ones: {', '.join(BACKENDS)}.")
    model: LargeModel = importlib.import_module(BACKENDS[name]).load(run, manifest)
    return model
