"""Fixtures that several suites share, and the profiles of hypothesis: `make fuzz` asks for `fuzz`."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from contract.run_folder import RunFolder

ROOT = Path(__file__).parents[1]

# No deadlines: the time of an example says more about the machine than about the code.
settings.register_profile("test", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
# Two to five minutes; DEMUR_FUZZ=20000 for ten times that.
examples = int(os.environ.get("DEMUR_FUZZ", "2000"))
settings.register_profile("fuzz", deadline=None, suppress_health_check=list(HealthCheck), max_examples=examples)
settings.load_profile("test")


def run_module(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m ...` from the top of the repository, as the make verbs call it; nothing on standard input."""
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The shipped digits run, trained, exported and built for the nucleo board with the commands of `make demo`."""
    return _make("train/configs/digits.toml", RunFolder(tmp_path_factory.mktemp("runs") / "digits"))


TONES = """
name = "tones"
seed = 0
[data]
set = "wav"
file = "{recordings}"
validation = 0.3
test = 0.3
[data.features]
bands = 10
frames = 24
[base]
model = "irnn"
epochs = 8
batch = 16
learning_rate = 0.01
clip = 1.0
options = {{ hidden = 16, eta = 0.1, alpha = 0.5, low = -1.0 }}
[large]
model = "gru"
epochs = 8
batch = 16
learning_rate = 0.01
options = {{ hidden = 16, low = -1.0 }}
[gate]
target = {{ coverage = 0.6 }}
minimum_steps = 3
"""


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A recurrent run on noisy tones of three heights, small enough to train in seconds, built for nucleo.

    The recordings are beside it, in recordings/<class>/.
    """
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "tones")
    recordings, noise = folder.path.parent / "recordings", np.random.default_rng(0)
    for name, hertz in {"high": 2000, "low": 300, "middle": 900}.items():
        (recordings / name).mkdir(parents=True)
        for index in range(40):
            time = np.arange(2000) / 8000  # 0.25 s: two frames less than a sequence
            sound = 0.05 * np.sin(2 * np.pi * hertz * noise.uniform(0.7, 1.5) * time) + noise.normal(0, 0.1, len(time))
            with wave.open(str(recordings / name / f"{index:02}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
    config = folder.path.parent / "tones.toml"
    config.write_text(TONES.format(recordings=recordings))
    return _make(config, folder)


def _make(config: str | Path, folder: RunFolder) -> RunFolder:
    """Train, export and build for nucleo, as `make` does."""
    for arguments in (
        ("train", config, "--out", folder.path),
        ("export", folder.path, "--board", "nucleo"),
        ("firmware", "build", "--run", folder.path, "--board", "nucleo"),
    ):
        result = run_module(*arguments)
        assert result.returncode == 0, f"{arguments}:\n{result.stdout}\n{result.stderr}"
    return folder


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said again only since this machine is busy: for tests that count what is said."""
    monkeypatch.setattr("host.timer.FLOOR", 30.0)
