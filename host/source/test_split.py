"""The test split of the run, with the answers of the TensorFlow Lite Micro interpreter: `--source test`."""

from collections.abc import Iterator

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import vectors
from host.bridge import Outcome, Sample
from host.source import TEST, Source
from host.vectors import Expected, Vectors


class TestSplit(Source):
    """The samples of the test vectors, in their order."""

    __test__ = False  # is no test, whatever pytest makes of the name

    def __init__(self, split: Vectors) -> None:
        super().__init__("test split", len(split))
        self._vectors = split

    def samples(self) -> Iterator[Sample]:
        for sample in self._vectors.samples():
            if self._closed.is_set():
                return
            yield sample

    def expected(self, outcome: Outcome) -> Expected:
        return self._vectors.expected(outcome.sample, outcome.threshold or 0)


def load(detail: str, run: RunFolder, manifest: Manifest) -> TestSplit:
    """Raises HostError unless the run has test vectors."""
    assert detail == TEST
    return TestSplit(vectors.load(run, manifest))
