"""Serial ports: which are present, which one is the board's, and opening one.

    port = open_port("/dev/ttyACM0", baud=460_800)
    port = open_port("socket://127.0.0.1:4000", baud=460_800)
    port = open_port(find(("0483:374b",)), baud=460_800)

Every port is a pyserial URL: a device, socket://HOST:PORT (emulators, serial servers), loop://, rfc2217://, or any of
these behind a cable with faults, faulty://... (host.faults).
"""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Any

from contract.errors import KNOWN_FAILURE, NO_DEVICE
from host import faults, permission
from host.errors import HostError

try:
    import serial
    from serial.tools import list_ports
except ModuleNotFoundError as missing:
    raise HostError("pyserial is not installed.", "Install it with `pip install -e '.[host]'`.") from missing

serial.protocol_handler_packages.append("host.faults")


@dataclass(frozen=True)
class Port:
    """A port that is present. `usb` is VID:PID as in the board files, or None for a port that is not on USB;
    `serial_number` tells devices with the same one apart, None where they have none."""

    device: str
    usb: str | None
    description: str
    serial_number: str | None = None

    def __str__(self) -> str:
        known = ", ".join(filter(None, (self.usb, self.description)))
        return f"{self.device} ({known})" if known else self.device


def present() -> tuple[Port, ...]:
    """The ports of this machine, USB ones first."""
    found = [
        Port(
            info.device,
            f"{info.vid:04x}:{info.pid:04x}" if info.vid is not None else None,
            "" if info.description == "n/a" else info.description,  # pyserial's word for none
            info.serial_number or None,
        )
        for info in list_ports.comports()
    ]
    return tuple(sorted(found, key=lambda port: (port.usb is None, port.device)))


def matching(usb: tuple[str, ...]) -> list[Port]:
    """All ports with one of those USB VID:PID, as the board files have them."""
    return [port for port in present() if port.usb in usb]


def find(usb: tuple[str, ...], serial_number: str | None = None) -> str:
    """The device of the only port with one of those USB VID:PID, and that serial number if one is given. Raises
    HostError if there is none, or more than one."""
    ids = " or ".join(usb)
    devices = [port.device for port in matching(usb) if serial_number in (None, port.serial_number)]
    if not devices:
        raise HostError(
            f"No serial port has the USB id {ids}{f' and the serial number {serial_number}' if serial_number else ''} of the board. {_listing()}",
            "Plug the board in, or name its port with --port; `--port emulator` needs no board.",
            NO_DEVICE,
        )
    if len(devices) > 1:
        raise HostError(
            f"{len(devices)} serial ports have the USB id {ids}.",
            f"Name one: --port {' or '.join(devices)}.",
            KNOWN_FAILURE,
        )
    return devices[0]


def open_port(url: str, baud: int) -> Any:
    """An open port (serial.Serial, or pyserial's class for the URL's scheme). Raises HostError naming the cause."""
    try:
        # Created unopened, with the lines preset, for opening would otherwise raise DTR and RTS, which resets boards
        # that wire them to reset. Exclusive, since two programs reading one port each get half of its frames.
        port = serial.serial_for_url(url, do_not_open=True, baudrate=baud, exclusive=True)
        port.dtr = False
        port.rts = False
        port.open()
    except serial.SerialException as error:
        raise _explain(url, error) from None
    except (ValueError, TypeError) as error:  # TypeError: pyserial compares the port that socket://HOST lacks
        raise HostError(
            f"{url}: not a port ({error}).", "Give a device, socket://HOST:PORT, `auto` or `emulator`."
        ) from None
    if faults.unwrap(url).startswith("socket://"):
        # Frames are small and each is waited for: with Nagle's algorithm the second would wait for the first's
        # acknowledgement, which the other side may delay by 40 ms.
        with socket.socket(fileno=os.dup(port.fileno())) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return port


def _usb(url: str) -> str | None:
    return next((port.usb for port in present() if port.device == faults.unwrap(url)), None)


def _explain(url: str, error: Any) -> HostError:
    if error.errno == errno.EACCES:
        return HostError(
            f"{url}: permission denied.",
            f"On Linux: `{permission.cure(_usb(url))}`.",
            NO_DEVICE,
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return HostError(
            f"{url}: in use by another program.",
            f"Close the other monitor, bridge or terminal; `fuser -v {url}` names it.",
            NO_DEVICE,
        )
    if faults.unwrap(url).startswith("socket://"):
        return HostError(
            f"{url}: nothing answers there ({error}).",
            "Start the emulator or serial server first, or use `--port emulator`, which boots QEMU itself.",
            NO_DEVICE,
        )
    cause = "no such port" if error.errno == errno.ENOENT else f"cannot be opened ({error})"
    return HostError(
        f"{url}: {cause}. {_listing()}",
        "Plug the board in, or choose a port that is present; `--port emulator` needs no board.",
        NO_DEVICE,
    )


def _listing() -> str:
    ports = present()
    return f"Ports present: {', '.join(map(str, ports))}." if ports else "No serial port is present."
