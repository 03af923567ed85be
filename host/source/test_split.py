"""The test split of the run, with the answers of the TensorFlow Lite Micro interpreter: `--source test`."""

import zipfile
from collections.abc import Iterator, Sequence

import numpy as np

from contract.gate import in_time
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.errors import HostError
from host.source import TEST, Source
from host.summary import Expected


class Vectors(Source):
    """Inputs, labels, and class and score after each step [N, T] (T is 1 without a stream), as the vectors have them."""

    def __init__(self, run: RunFolder, manifest: Manifest) -> None:
        path = run.vectors
        try:
            with np.load(path) as vectors:
                self._inputs, self._labels = vectors["input"], vectors["label"]
                if manifest.stream is None:
                    self._classes, self._scores = vectors["predicted"][:, np.newaxis], vectors["score"][:, np.newaxis]
                else:
                    self._classes, self._scores = vectors["classes"], vectors["scores"]
        except (OSError, KeyError, IndexError, ValueError, zipfile.BadZipFile) as error:
            raise HostError(
                f"{path}: no test vectors to be read ({error}).", f"Write them with `python -m export {run.path}`."
            ) from None
        super().__init__("test split", len(self._inputs))
        self._stream = manifest.stream

    def samples(self) -> Iterator[Sample]:
        for index, (codes, label) in enumerate(zip(self._inputs, self._labels, strict=True)):
            if self._closed.is_set():
                return
            yield Sample(index, int(label), codes.tobytes())

    def expected(self, index: int, threshold: int) -> Expected:
        said, scored = self._classes[index].tolist(), self._scores[index].tolist()
        steps, accepted = in_time.decide(scored, threshold, self._stream.minimum_steps if self._stream else 1)
        return Expected(said[steps - 1], scored[steps - 1], accepted, steps if self._stream else 0)


def load(detail: str, run: RunFolder, manifest: Manifest) -> Vectors:
    """Raises HostError unless the run has test vectors."""
    assert detail == TEST
    return Vectors(run, manifest)


def load_vectors(
    run: RunFolder, manifest: Manifest, threshold: int | Sequence[int]
) -> tuple[list[Sample], list[Expected]]:
    """Samples of the test split, and what the board must make of each of them at `threshold`, or of the first of them at one
    each."""
    source = Vectors(run, manifest)
    samples = list(source.samples())
    thresholds = [threshold] * len(samples) if isinstance(threshold, int) else threshold
    return samples, [source.expected(index, least) for index, least in enumerate(thresholds)]
