"""The files of one run, `runs/<name>/`: each arrow between two stages is one of these.

train     config splits base_checkpoint large_checkpoint router_checkpoint training metrics report risk_coverage
export    tflite model_data.{h,cc} model_ops.h model.{h,c} model_gate.{h,c} model_stream.h manifest vectors conversion_log,
          of a gate with a router router_tflite router.{h,c}, of a .tflite for MLPerf Tiny's runner model_mlperf.h
firmware  firmware/<board>/firmware.{elf,bin,map} firmware/<board>/size.json
host      session summary sweep bench
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run folder. Nothing is created by naming it."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's configuration as resolved (defaults filled in), TOML."""
        return self.path / "run.toml"

    @property
    def splits(self) -> Path:
        """Indices of the fixed splits: JSON with `data_set`, `seed`, `train`, `validation`, `test`."""
        return self.path / "splits.json"

    @property
    def base_checkpoint(self) -> Path:
        return self.path / "base.pt"

    @property
    def large_checkpoint(self) -> Path:
        return self.path / "large.pt"

    @property
    def router_checkpoint(self) -> Path:
        """The second model of a gate whose score is "router"."""
        return self.path / "router.pt"

    @property
    def training(self) -> Path:
        """Results of training: accuracies, parameters, temperature, float threshold, curve (JSON)."""
        return self.path / "training.json"

    @property
    def ordinary_base_checkpoint(self) -> Path:
        """The base model as it was before it was tuned to a router; absent if it was not."""
        return self.path / "ordinary_base.pt"

    @property
    def ordinary_large_checkpoint(self) -> Path:
        return self.path / "ordinary_large.pt"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, one line an epoch and model."""
        return self.path / "metrics.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def risk_coverage(self) -> Path:
        return self.path / "risk_coverage.png"

    @property
    def tflite(self) -> Path:
        return self.path / "model.tflite"

    @property
    def router_tflite(self) -> Path:
        return self.path / "router.tflite"

    @property
    def conversion_log(self) -> Path:
        """All that the last conversion to .tflite printed."""
        return self.path / "onnx2tf.log"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def vectors(self) -> Path:
        """Test vectors: the test split with the answers of the TensorFlow Lite Micro interpreter (NPZ)."""
        return self.path / "vectors.npz"

    @property
    def session(self) -> Path:
        """One JSON object a line, one line an event of the last session (host.events)."""
        return self.path / "session.jsonl"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def sweep(self) -> Path:
        """The risk-coverage curve of a board beside that of the vectors (JSON)."""
        return self.path / "sweep.json"

    @property
    def bench(self) -> Path:
        """Operating points of a board beside each other (JSON)."""
        return self.path / "bench.json"

    def firmware(self, board: str) -> Path:
        """Folder of the image built for a board (its full name, not an alias)."""
        return self.path / "firmware" / board
