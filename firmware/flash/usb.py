"""Which debug probes are plugged in, so that none is picked by chance: `choose(board, probe)`.

Linux lists USB devices under /sys/bus/usb/devices, with one file for each string
(Documentation/ABI/testing/sysfs-bus-usb of the kernel). Elsewhere the list is not known, and the tools find the probe
by their own means.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards import Board
from contract.errors import KNOWN_FAILURE, NO_DEVICE
from firmware.errors import FirmwareError

DEVICES: Final = Path("/sys/bus/usb/devices")

# OpenOCD, tcl/interface/stlink.cfg, all kinds; all have ST's vendor id.
ST_LINK: Final = frozenset(
    f"0483:{product}"
    for product in ("3744", "3748", "374a", "374b", "374d", "374e", "374f", "3752", "3753", "3754", "3755", "3757")
)


@dataclass(frozen=True)
class Device:
    """A USB device: VID:PID, and its strings, empty where it has none."""

    usb: str
    product: str
    serial: str


def is_st_link(usb: str) -> bool:
    return usb in ST_LINK


def devices(folder: Path) -> Iterator[Device]:
    for entry in sorted(folder.glob("*")):
        if (entry / "idVendor").exists():  # the others are interfaces
            vendor, product, name, serial = (
                _read(entry / key) for key in ("idVendor", "idProduct", "product", "serial")
            )
            yield Device(f"{vendor}:{product}", name, serial)


def choose(board: Board, probe: str | None) -> str | None:
    """The serial number to give to a tool, None if it needs none. Raises FirmwareError if several probes could be meant
    and none is named, or the one that is named is not there."""
    assert board.probe is not None
    if not DEVICES.is_dir():
        return probe
    found = tuple(devices(DEVICES))
    probes = [device for device in found if _fits(device, board.probe.usb)]
    listed = ", ".join(device.serial or "one without a serial number" for device in probes)
    if probe is not None:
        if probe not in {device.serial for device in found}:
            raise FirmwareError(
                f"No USB device has the serial number {probe}. Probes for {board.name}: {listed or 'none'}.",
                "Name one of those with PROBE, or plug the other one in.",
                NO_DEVICE,
            )
        return probe
    if len(probes) > 1:
        raise FirmwareError(
            f"{len(probes)} debug probes fit {board.name}: {listed}.",
            f"Name one: PROBE={next((device.serial for device in probes if device.serial), '<serial number>')}.",
            KNOWN_FAILURE,
        )
    return None


def _fits(device: Device, usb: tuple[str, ...]) -> bool:
    """Whether a tool that looks for one of the probes `usb` might take this device: OpenOCD and pyOCD take a CMSIS-DAP
    by its name."""
    if any(map(is_st_link, usb)):
        return is_st_link(device.usb)
    return device.usb in usb or "CMSIS-DAP" in device.product


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it has no such string, or was unplugged
        return ""
