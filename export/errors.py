"""The error of this stage."""

from contract.errors import DemurError


class ExportError(DemurError):
    """A run cannot be exported: a file is missing, a tool failed, or a model is not what was expected."""
