"""Which boards the ports of a session name, and which cannot be."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import boards
from contract.errors import NO_DEVICE
from contract.run_folder import RunFolder
from host import endpoint, port
from host.endpoint import endpoints
from host.errors import HostError
from host.port import Port

NUCLEO = boards.load("nucleo")
EMULATED = boards.load("mps2")
RUN = RunFolder(Path("runs/none"))


def found(*ports: str, faults: str | None = None) -> list[tuple[str, str]]:
    with endpoints(ports, NUCLEO, RUN, "qemu", faults) as places:
        return [(place.name, place.url()) for place in places]


def plug_in(monkeypatch: pytest.MonkeyPatch, *devices: str, serial_numbers: Sequence[str | None] | None = None) -> None:
    assert NUCLEO.probe is not None
    usb, numbers = NUCLEO.probe.usb[0], serial_numbers or [None] * len(devices)
    ports = tuple(Port(device, usb, "", number) for device, number in zip(devices, numbers, strict=True))
    monkeypatch.setattr(port, "present", lambda: ports)


def test_ports_are_taken_as_they_are_named() -> None:
    named = ("/dev/ttyACM0", "socket://127.0.0.1:4000")
    assert found(*named) == [(name, name) for name in named]


def test_faults_are_put_around_every_port() -> None:
    assert found("/dev/ttyACM0", faults="flip=0.01,seed=7") == [
        ("/dev/ttyACM0", "faulty://flip=0.01,seed=7//dev/ttyACM0")
    ]


def test_auto_is_every_board_that_is_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "/dev/ttyACM0", "/dev/ttyACM3")
    assert [name for name, _ in found("auto")] == ["/dev/ttyACM0", "/dev/ttyACM3"]


def test_one_board_is_found_again_as_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "/dev/ttyACM0")
    with endpoints(("auto",), NUCLEO, RUN, "qemu") as places:
        assert [(place.name, place.url()) for place in places] == [("/dev/ttyACM0", "/dev/ttyACM0")]
        plug_in(monkeypatch, "/dev/ttyACM1")
        assert places[0].url() == "/dev/ttyACM1"
        plug_in(monkeypatch)
        with pytest.raises(HostError) as absent:
            places[0].url()
        assert absent.value.exit_code == NO_DEVICE


def test_boards_that_come_back_as_each_other_are_told_apart_by_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "/dev/ttyACM0", "/dev/ttyACM1", serial_numbers=["A", "B"])
    with endpoints(("auto",), NUCLEO, RUN, "qemu") as places:
        assert [place.url() for place in places] == ["/dev/ttyACM0", "/dev/ttyACM1"]
        plug_in(monkeypatch, "/dev/ttyACM0", "/dev/ttyACM1", serial_numbers=["B", "A"])
        assert [place.url() for place in places] == ["/dev/ttyACM1", "/dev/ttyACM0"]
        plug_in(monkeypatch, "/dev/ttyACM0", serial_numbers=["B"])
        with pytest.raises(HostError, match="serial number A") as absent:
            places[0].url()
        assert absent.value.exit_code == NO_DEVICE


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        (("/dev/ttyACM0", "/dev/ttyACM0"), ("/dev/ttyACM0", "named twice")),
        (("emulator:0",), ("emulator:0", "1 to 64")),
        (("emulator:65",), ("emulator:65", "1 to 64")),
        (("emulator",), ("runs/none", "no firmware image")),
    ],
)
def test_what_is_refused(ports: tuple[str, ...], words: tuple[str, ...]) -> None:
    with pytest.raises(HostError) as refused:
        found(*ports)
    for word in words:
        assert word in str(refused.value)


def test_a_board_without_usb_cannot_be_found_by_it() -> None:
    with pytest.raises(HostError, match="names no USB id"), endpoints(("auto",), EMULATED, RUN, "qemu"):
        pass


def test_an_emulator_that_is_not_known() -> None:
    with pytest.raises(HostError, match="Unknown emulator 'verilator'"):
        endpoint.runner_of("emulator", "verilator")
    assert endpoint.runner_of("/dev/ttyACM0", "verilator") is None
