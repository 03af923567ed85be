"""Files that are too large to ship: from the folder DEMUR_DATA if they are there, otherwise downloaded once.

    path = find(Download("spoken_digits.zip", url="https://...", bytes=16_419_872))

Downloads are kept in the user's cache (`pooch.os_cache`); one that was interrupted goes on where it was, if the server
can. Without `sha256`, whoever reads a file checks what is in it: an archive that a server packs anew is the same data
in other bytes.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.progress import Progress
from train.errors import TrainError

VARIABLE: Final = "DEMUR_DATA"
KIBIBYTE: Final = 1024
CHUNK: Final = 64 * KIBIBYTE
TIMEOUT: Final = 30  # seconds without an answer
PARTIAL: Final = 206  # HTTP's code for a part of a file, as asked for; 200 is all of it
BEYOND: Final = 416  # that the part asked for begins after the file's end


@dataclass(frozen=True)
class Download:
    """A file on the Internet; `bytes` is about how large it is, for the progress."""

    file: str
    url: str
    bytes: int
    sha256: str | None = None


def find(wanted: Download) -> Path:
    """The file's path. Raises TrainError if it is neither there nor can be downloaded."""
    if local := beside(wanted.file):
        return local
    try:
        import pooch
        import requests
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None

    by_hand = f"Save {wanted.url} as {wanted.file} in a folder, and name that folder in {VARIABLE}."
    pooch.get_logger().setLevel(logging.CRITICAL)  # it reports what the progress and the error show
    cache = Path(pooch.os_cache("demur"))
    part = cache / f"{wanted.file}.part"

    def fetch(url: str, output: str, _: Any) -> None:
        _fetch(url, part, wanted)
        part.replace(output)

    try:
        path = pooch.retrieve(
            wanted.url, known_hash=wanted.sha256 and f"sha256:{wanted.sha256}", fname=wanted.file, path=cache,
            downloader=fetch,
        )  # fmt: skip
    except (OSError, requests.RequestException) as error:
        raise TrainError(
            f"{wanted.file}: not in {VARIABLE} ({os.environ.get(VARIABLE) or 'not set'}) and not to be had from {wanted.url} "
            f"({type(error).__name__}).",
            f"Connect to the Internet and run again, which goes on where it stopped, or: {by_hand}",
        ) from None
    except ValueError as error:  # what pooch raises for another hash
        raise TrainError(f"{wanted.url}: not the file that was expected ({error}).", by_hand) from None
    return Path(path)


def beside(file: str) -> Path | None:
    """The file of that name in the folder that DEMUR_DATA names, if it is there."""
    folder = os.environ.get(VARIABLE)
    local = Path(folder) / file if folder else None
    return local if local and local.exists() else None


def _fetch(url: str, part: Path, wanted: Download) -> None:
    """Write what `part` lacks of the file at `url`. What has come stays in `part`, should this end early."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == BEYOND:  # the part is no part of this file
            part.unlink()
            _fetch(url, part, wanted)
            return
        answer.raise_for_status()
        goes_on = answer.status_code == PARTIAL
        have = have if goes_on else 0
        label, total = f"download {wanted.file}, KiB", -(-wanted.bytes // KIBIBYTE)
        with part.open("ab" if goes_on else "wb") as file, Progress(label, total) as progress:
            shown = have // KIBIBYTE
            progress.advance(min(shown, total))
            for chunk in answer.iter_content(CHUNK):
                have += file.write(chunk)
                progress.advance(min(-(-have // KIBIBYTE), total) - min(shown, total))
                shown = -(-have // KIBIBYTE)
