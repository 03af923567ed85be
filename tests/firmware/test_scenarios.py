"""The scenarios of host/scenarios.py on the board in QEMU; `make renode` plays the same bytes in Renode."""

import contextlib
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boards import load
from contract.run_folder import RunFolder
from host.emulator.qemu import PROGRAM, boot
from host.frame import Frame, encode
from host.link import Link
from host.messages.settings import Settings
from host.messages.statistics import Statistics, StatisticsRequest
from host.port import open_port
from host.renode_suite import SUITE
from host.scenarios import FRAMES, SETTINGS, SETTINGS_NUMBER, UNKNOWN_TYPE, Scenario, scenarios

NAMES = (
    "boots to HELLO",
    "takes the golden frames and sends one",
    "infers the bytes of the vectors",
    "abstains, sends the sample up, takes the answer",
    "counts a damaged frame and goes on",
    "changes its threshold",
    "refuses what is for the other kind of model",
)
NUCLEO = load("nucleo")
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/frames.json").read_text())


@pytest.fixture(params=["digits", "tones"])
def run(request: pytest.FixtureRequest) -> RunFolder:
    """A model that takes whole samples, and a recurrent one."""
    folder: RunFolder = request.getfixturevalue(request.param)
    return folder


def play(port: Any, scenario: Scenario) -> None:
    """Every step; what is expected must come after what was found before, whatever else comes between."""
    heard = b""
    port.timeout = 0.05
    for step in scenario.steps:
        port.write(step.send)
        give_up = time.monotonic() + 120  # only to end a test that has failed
        while (at := heard.find(step.expect)) < 0:
            assert time.monotonic() < give_up, f"{scenario.name}: {step.expect.hex()} did not come, but {heard.hex()}"
            heard += port.read(256)
        heard = heard[at + len(step.expect) :]


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_the_board_does_as_described(name: str, run: RunFolder) -> None:
    elf = run.firmware(NUCLEO.name) / "firmware.elf"
    with boot(NUCLEO, elf) as url, contextlib.closing(open_port(url, NUCLEO.uart.baud)) as port:
        link = Link(port, url)
        link.handshake(NUCLEO.name, None)
        before = link.request(StatisticsRequest(), Statistics)
        before = replace(before, frames_sent=before.frames_sent + 1)  # STATISTICS does not count itself
        found = {scenario.name: scenario for scenario in scenarios(run, NUCLEO, before)}
        play(port, found[name])


class Recording:
    """A port that says what it was given, whatever it is told, and is closed after that."""

    def __init__(self, said: bytes) -> None:
        self.timeout = 0.0
        self._said = said

    def write(self, content: bytes) -> None:
        pass

    def read(self, count: int) -> bytes:
        if not self._said:
            raise EOFError
        said, self._said = self._said[:count], self._said[count:]
        return said


def test_a_scenario_can_fail(run: RunFolder) -> None:
    """It fails if any byte that it expects is another; and no expectation is met by accident."""
    before = Statistics(**dict.fromkeys(Statistics.__dataclass_fields__, 0))
    for scenario in scenarios(run, NUCLEO, before):
        expected = [step.expect for step in scenario.steps if step.expect]
        play(Recording(b"noise".join(expected)), scenario)
        for place, right in enumerate(expected):
            wrong = right[:-1] + bytes([right[-1] ^ 1])
            with pytest.raises(EOFError):
                play(Recording(b"noise".join([*expected[:place], wrong, *expected[place + 1 :]])), scenario)
        assert all(len(each) >= 5 for each in expected)
        assert len(set(expected)) == len(expected)
        assert all(bool(step.send) != bool(step.expect) for step in scenario.steps)


def test_the_golden_frames_are_those_of_the_vectors() -> None:
    golden = {entry["name"]: bytes.fromhex(entry["wire"]) for entry in VECTORS}
    plain = [bytes.fromhex(entry["wire"]) for entry in VECTORS if "message" not in entry]
    assert [encode(Frame(UNKNOWN_TYPE, *of)) for of in FRAMES] == plain
    settings = next(wire for name, wire in golden.items() if name.startswith("settings_"))
    assert encode(Frame(Settings.TYPE, SETTINGS_NUMBER, Settings(*SETTINGS).encode())) == settings


def test_the_robot_suite_plays_every_scenario(run: RunFolder) -> None:
    before = Statistics(**dict.fromkeys(Statistics.__dataclass_fields__, 0))
    names = {scenario.name for scenario in scenarios(run, NUCLEO, before)}
    played = {line.split("    Play    ")[1] for line in SUITE.read_text().splitlines() if "    Play    " in line}
    assert played == names == set(NAMES)
