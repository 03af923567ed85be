"""The error type of the firmware build."""

from contract.errors import DemurError


class FirmwareError(DemurError):
    """An image that cannot be built, measured or flashed."""
