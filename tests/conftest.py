"""Fixtures that several suites share, and the profiles of hypothesis: `make fuzz` asks for `fuzz`."""

import os
import subprocess
import sys
from pathlib import Path

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
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "digits")
    for arguments in (
        ("train", "train/configs/digits.toml", "--out", folder.path),
        ("export", folder.path, "--board", "nucleo"),
        ("firmware", "build", "--run", folder.path, "--board", "nucleo"),
    ):
        result = run_module(*arguments)
        assert result.returncode == 0, f"{arguments}:\n{result.stdout}\n{result.stderr}"
    return folder
