"""`pio test -e native`: the C tests of this folder, compiled for this PC with sanitizers and run, as PlatformIO's test
cases.

Each folder here is driven by a suite of ../../tests, in DRIVERS, which gives the C its vectors from Python, compiles it
with the project's warnings and judges what it says; this runner calls those suites and reports what became of each
test. fuzz/ is for `make fuzz`. Words after -a go to pytest's -k: `pio test -e native -a ring -a ticks`.

Without a pytest in the Python that runs PlatformIO, that of ../../.venv is taken, which `make setup` makes.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from platformio.public import TestCase, TestCaseSource, TestRunnerBase, TestStatus

ROOT = Path(__file__).resolve().parents[2]

DRIVERS = {
    "frame": "tests/host/test_frame_c.py",
    "gate": "tests/firmware/test_gate.py",
    "mlperf": "tests/firmware/test_mlperf.py::test_parser_and_decimals",
    "ring": "tests/firmware/test_hal.py",
    "rp2040": "tests/firmware/test_hal.py",
    "stm32": "tests/firmware/test_hal.py",
    "ticks": "tests/firmware/test_hal.py",
}
"""The suite that compiles what is in each folder."""


class CustomTestRunner(TestRunnerBase):  # type: ignore[misc]
    """PlatformIO derives the class name from `test_framework = custom`."""

    def stage_building(self) -> None:
        """Nothing: a suite compiles what it tests."""

    def stage_uploading(self) -> None:
        """Nothing: it runs here."""

    def stage_testing(self) -> None:
        if self.options.without_testing:
            return
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            words = " or ".join(self.options.program_args or ())
            command = [_python(), "-m", "pytest", "-q", *sorted(set(DRIVERS.values())), f"--junit-xml={report}"]
            result = subprocess.run(
                [*command, *(["-k", words] if words else [])],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=None if self.options.verbose else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if not report.exists():
                raise RuntimeError(f"pytest gave no report (exit code {result.returncode}): {result.stdout or ''}")
            for case in ElementTree.parse(report).iter("testcase"):
                self._add(case)
        if not self.test_suite.cases:
            raise RuntimeError(f"no test is called {words!r}")

    def _add(self, case: ElementTree.Element) -> None:
        status, message = TestStatus.PASSED, None
        for tag, meaning in (
            ("failure", TestStatus.FAILED),
            ("error", TestStatus.FAILED),
            ("skipped", TestStatus.SKIPPED),
        ):
            if (found := case.find(tag)) is not None:
                status, message = meaning, found.text or found.get("message")
        suite = case.get("classname", "").replace(".", "/") + ".py"
        added = TestCase(
            name=case.get("name", ""),
            status=status,
            message=message,
            source=TestCaseSource(suite) if status == TestStatus.FAILED else None,
            duration=float(case.get("time", 0)),
        )
        self.test_suite.add_case(added)
        if status == TestStatus.FAILED or self.options.verbose:
            print(f"{added.name} [{status.name}] {message or ''}")


def _python() -> str:
    """A Python with pytest."""
    if importlib.util.find_spec("pytest"):
        return sys.executable
    for name in ("bin/python", "Scripts/python.exe"):
        if (ROOT / ".venv" / name).exists():
            return str(ROOT / ".venv" / name)
    raise RuntimeError("The tests need pytest, which is in no Python at hand. Run `make setup` in the folder above.")
