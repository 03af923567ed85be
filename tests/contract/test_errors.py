"""What every command does about its surroundings: standard descriptors that are closed, readers that have seen
enough."""

import subprocess
import sys

import pytest

from conftest import ROOT

SAY_NEXT = (
    "import os, sys; from contract.errors import run\n"
    "sys.exit(run(lambda: 10 + os.open('/dev/null', os.O_RDONLY)))"  # the number that the next file gets
)


@pytest.mark.parametrize("closed", ["", "<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_number_of_a_standard_one(closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SAY_NEXT]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 13


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    script = (
        "import sys; from contract.errors import run; sys.exit(run(lambda: [print(n) for n in range(10**6)] and 0))"
    )
    command = ["sh", "-c", '"$0" -c "$1" | head -n 1', sys.executable, script]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("0\n", "")
