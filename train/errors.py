"""The one error type of this package."""

from contract.errors import DemurError


class TrainError(DemurError):
    """A run cannot start, continue or reach its target, for a reason that is known and can be put right."""
