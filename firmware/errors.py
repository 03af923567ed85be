"""The error type of the firmware build."""

from typing import Final

from contract.errors import DemurError

INSTALL: Final = "Run `pip install -e '.[firmware]'`."
"""What to do about a missing Python package of the build."""


class FirmwareError(DemurError):
    """An image that cannot be built, measured or flashed."""
