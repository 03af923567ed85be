"""The error types of the firmware build and of flashing."""

from typing import Final

from contract.errors import NO_DEVICE, DemurError

INSTALL: Final = "Run `pip install -e '.[firmware]'`."
"""What to do about a missing Python package of the build."""


class FirmwareError(DemurError):
    """An image that cannot be built, measured or flashed."""


class Unreachable(FirmwareError):  # noqa: N818  (an event)
    """No way to the board by this means: no probe, no permission, no volume. Another means may find one."""

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(problem, next_step, NO_DEVICE)
