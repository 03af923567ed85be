"""Errors with a next step, and the one place that turns them into a message and an exit code.

A stage raises its own subclass of `DemurError` (`TrainError`, `ExportError`, `BoardError`, `FirmwareError`,
`HostError`); its `__main__` ends with

    if __name__ == "__main__":
        sys.exit(run(main))

Exit codes, for every command of the project:

    0    done
    1    a check or a test failed
    2    usage, or a known and explained failure
    3    a device is absent or silent
    130  interrupted
"""

import os
import sys
from collections.abc import Callable
from typing import Final

DONE: Final = 0
CHECK_FAILED: Final = 1
KNOWN_FAILURE: Final = 2
NO_DEVICE: Final = 3
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells report it


class DemurError(Exception):
    """A foreseeable failure.

    `problem` names the file or port, the value found and what was expected; `next_step` is what to do about it.
    """

    def __init__(self, problem: str, next_step: str, exit_code: int = KNOWN_FAILURE) -> None:
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.problem} {self.next_step}"


def run(main: Callable[[], int]) -> int:
    """Call `main`; print a `DemurError` as one paragraph on stderr and return the exit code."""
    _occupy_standard_descriptors()
    try:
        return main()
    except DemurError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output, `head` for one, has seen enough; keep the interpreter's last flush from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _occupy_standard_descriptors() -> None:
    """Open what of standard input, output and error was closed when the program was started. The next file or socket
    would get its number, and a child process that is handed it would take it for its own input or output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
