"""The command that opens a serial port which this user may not: `cure("0483:374b")`."""

from pathlib import Path
from typing import Final

from boards import by_probe
from boards.render import udev

RULES: Final = Path("/etc/udev/rules.d/99-demur.rules")


def cure(usb: str | None, rules: Path = RULES) -> str:
    """Of a port with that USB VID:PID: our udev rules, if they name it."""
    if usb not in by_probe():
        return "sudo usermod -aG dialout $USER && newgrp dialout"
    if rules.exists():
        return "sudo udevadm control --reload && sudo udevadm trigger"
    return udev.INSTALL
