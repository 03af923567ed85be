"""The error type of the board files."""

from contract.errors import DemurError


class BoardError(DemurError):
    """A board that is not known, or a board file with an unknown key, a wrong type or an impossible value."""


class Implausible(Exception):  # noqa: N818 - names a finding; it becomes a BoardError once the file is known
    """A value that cannot be right: which key, what is wrong with it, and what to do."""

    def __init__(self, key: str, problem: str, next_step: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key = key
        self.problem = problem
        self.next_step = next_step
