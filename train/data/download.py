"""Files that are too large to ship: from the folder DEMUR_DATA if they are there, otherwise downloaded once.

    path = find(Download("spoken_digits.zip", url="https://...", bytes=16_419_872))

Downloads are kept in the user's cache (`pooch.os_cache`). Whoever reads a file checks what is in it: an archive that a server
packs anew is the same data in other bytes.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.progress import Progress
from train.errors import TrainError

VARIABLE: Final = "DEMUR_DATA"
KIBIBYTE: Final = 1024  # pooch counts in chunks of this size, the last one whole as well
TIMEOUT: Final = 30  # seconds without an answer


@dataclass(frozen=True)
class Download:
    """A file on the Internet; `bytes` is about how large it is, for the progress."""

    file: str
    url: str
    bytes: int


def find(wanted: Download) -> Path:
    """The file's path. Raises TrainError if it is neither there nor can be downloaded."""
    if folder := os.environ.get(VARIABLE):
        local = Path(folder) / wanted.file
        if local.exists():
            return local
    try:
        import pooch
        import requests
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None

    by_hand = f"Save {wanted.url} as {wanted.file} in a folder, and name that folder in {VARIABLE}."
    pooch.get_logger().setLevel(logging.WARNING)  # it reports what the progress shows
    try:
        path = pooch.retrieve(
            wanted.url,
            known_hash=None,
            fname=wanted.file,
            path=pooch.os_cache("demur"),
            downloader=pooch.HTTPDownloader(progressbar=_Bar(wanted), timeout=TIMEOUT),
        )
    except (OSError, requests.RequestException) as error:
        raise TrainError(
            f"{wanted.file}: not in {VARIABLE} ({folder or 'not set'}) and not to be had from {wanted.url} "
            f"({type(error).__name__}).",
            f"Connect to the Internet and run again, or: {by_hand}",
        ) from None
    return Path(path)


class _Bar:
    """Our progress in the form that pooch wants of a progress bar: tqdm's."""

    def __init__(self, wanted: Download) -> None:
        self.total = 0  # what the server says, which some leave out
        self._label, self._left = f"download {wanted.file}, KiB", -(-wanted.bytes // KIBIBYTE)
        self._progress: Progress | None = None

    def update(self, count: int) -> None:
        """Count a chunk. At the end pooch counts the total once more, for bars that start anew: that is too much."""
        if self._progress is None:
            self._progress = Progress(self._label, self._left).__enter__()
        steps = min(count // KIBIBYTE, self._left)
        self._left -= steps
        self._progress.advance(steps)

    def reset(self) -> None:
        """Called before the total is counted once more."""

    def close(self) -> None:
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
