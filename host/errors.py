"""The one error type of the host side."""

from contract.errors import DemurError


class HostError(DemurError):
    """A port, an emulator, a board or a large model that is not what the command needs."""
