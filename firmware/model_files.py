"""The generated C of a run folder that an image is made of. Standard library only: PlatformIO's Python reads it too."""

from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError

SOURCES: Final = ("model.c", "model_gate.c")
HEADERS: Final = ("model.h", "model_gate.h")

RUN_VARIABLE: Final = "DEMUR_RUN"
"""Environment variable with the run folder for `pio run`: absolute, or relative to firmware/."""


def require(run: Path) -> None:
    """Raises FirmwareError unless the run folder holds all generated C files."""
    missing = [name for name in (*HEADERS, *SOURCES) if not (run / name).is_file()]
    if missing:
        raise FirmwareError(
            f"{run}: lacks {', '.join(missing)}, the model as C code.",
            f"Run `python -m export {run}` first, or name another run folder.",
        )
