"""The test vectors of a run: its test split, with what the TensorFlow Lite Micro interpreter and the gate made of each
sample.

vectors = load(run, manifest)
vectors.samples[0].codes, vectors.expected(0, threshold).accepted
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.gate import in_time
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.errors import HostError


@dataclass(frozen=True)
class Expected:
    """What the TensorFlow Lite Micro interpreter made of a sample, and the gate at the threshold in force.

    `steps` is after how many frames the gate decides, 0 without a stream.
    """

    board_class: int
    score: int
    accepted: bool
    steps: int = 0


@dataclass(frozen=True)
class Vectors:
    """N samples: `inputs` their codes, `labels` [N], and class and score, a Q15 code, after each step [N, T]; T is 1 of
    a model without state, and the gate decides after no fewer than `least` steps."""

    inputs: NDArray[np.generic]
    labels: NDArray[np.int64]
    classes: NDArray[np.uint8]
    scores: NDArray[np.uint16]
    least: int
    recurrent: bool

    def __len__(self) -> int:
        return len(self.inputs)

    def samples(self) -> Iterator[Sample]:
        for index, (codes, label) in enumerate(zip(self.inputs, self.labels, strict=True)):
            yield Sample(index, int(label), codes.tobytes())

    def expected(self, index: int, threshold: int) -> Expected:
        """What the board must make of sample `index` at a threshold, a score code."""
        said, scored = self.classes[index].tolist(), self.scores[index].tolist()
        steps, accepted = in_time.decide(scored, threshold, self.least)
        return Expected(said[steps - 1], scored[steps - 1], accepted, steps if self.recurrent else 0)

    def best(self) -> list[int]:
        """The score of each sample up to which a threshold accepts it: of a sequence, the best in time."""
        return [int(score) for score in self.scores[:, self.least - 1 :].max(axis=1)]


def load(run: RunFolder, manifest: Manifest) -> Vectors:
    """Raises HostError unless the run has test vectors."""
    names = ("classes", "scores") if manifest.stream else ("predicted", "score")
    try:
        with np.load(run.vectors) as file:
            inputs, labels, classes, scores = (file[name] for name in ("input", "label", *names))
    except (OSError, KeyError, IndexError, ValueError, zipfile.BadZipFile) as error:
        raise HostError(
            f"{run.vectors}: no test vectors to be read ({error}).", f"Write them with `python -m export {run.path}`."
        ) from None
    if manifest.stream is None:
        return Vectors(inputs, labels, classes[:, np.newaxis], scores[:, np.newaxis], least=1, recurrent=False)
    return Vectors(inputs, labels, classes, scores, manifest.stream.minimum_steps, recurrent=True)
