"""MLPerf Tiny's runner as a device sees it, written from the facts of https://github.com/mlcommons/tiny,
benchmark/runner: what device_under_test.py and serial_device.py send, and the lines that script.py looks for."""

import re
import time
from dataclasses import dataclass
from typing import Any, Final

BYTES_A_COMMAND: Final = 31
READY: Final = "m-ready"


@dataclass(frozen=True)
class Inference:
    """What the runner takes from the answer to `infer`: the vector in m-results-[], and the time between both
    m-lap-us."""

    results: str
    microseconds: int


class Runner:
    """Talks over an open serial port."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def lines(self) -> list[str]:
        """Lines up to the next m-ready, which is not among them."""
        found: list[str] = []
        while READY not in found:
            line = self.port.readline().decode("ascii")
            assert line.endswith("\r\n"), (found, line)
            found.append(line[:-2])
        return found[:-1]

    def wake(self) -> None:
        """Ask until the board answers, and take all its answers."""
        wait, self.port.timeout = self.port.timeout, 0.5
        give_up = time.monotonic() + wait
        while not self.port.readline().startswith(b"m-"):
            assert time.monotonic() < give_up, "the board is silent"
            self.port.write(b"name%")
        self.port.timeout = wait
        self.port.write(b"awake%")
        while self.lines() != ["e-[Unknown command: awake]"]:
            pass

    def ask(self, command: str | bytes) -> list[str]:
        self.port.write((command.encode() if isinstance(command, str) else command) + b"%")
        return self.lines()

    def told(self, command: str, form: str) -> str:
        """What the one line of that form says in the answer."""
        found = [match[1] for line in self.ask(command) if (match := re.fullmatch(form, line))]
        assert len(found) == 1, found
        return found[0]

    def name(self) -> str:
        return self.told("name", r"m-name-dut-\[([^]]+)]")

    def model(self) -> str:
        return self.told("profile", r"m-model-\[([^]]+)]")

    def profile(self) -> str:
        return self.told("profile", r"m-profile-\[([^]]+)]")

    def load(self, sample: bytes) -> None:
        assert self.ask(f"db load {len(sample)}") == [f"m-[Expecting {len(sample)} bytes]"]
        for at in range(0, len(sample), BYTES_A_COMMAND):
            said = self.ask(f"db {sample[at : at + BYTES_A_COMMAND].hex()}")
            assert said == (["m-load-done"] if at + BYTES_A_COMMAND >= len(sample) else [])

    def infer(self, inferences: int, warmups: int) -> Inference:
        said = self.ask(f"infer {inferences} {warmups}")
        laps = [int(match[1]) for line in said if (match := re.fullmatch(r"m-lap-us-([0-9]+)", line))]
        results = [match[1] for line in said if (match := re.fullmatch(r"m-results-\[([^]]+)]", line))]
        assert said == [
            f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{inferences}",
            f"m-lap-us-{laps[0]}", f"m-lap-us-{laps[1]}", "m-infer-done", f"m-results-[{results[0]}]",
        ]  # fmt: skip
        return Inference(results[0], laps[1] - laps[0])
