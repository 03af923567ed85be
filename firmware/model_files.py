"""The engines, and the generated files of a run folder that an image is made of. Standard library only: PlatformIO's Python
reads it too. A new engine is one line in ENGINES and one file, src/engine_<name>.*.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError

RUN_VARIABLE: Final = "DEMUR_RUN"
"""Environment variable with the run folder for `pio run`: absolute, or relative to firmware/."""

ENGINE_VARIABLE: Final = "DEMUR_ENGINE"
"""Environment variable with the engine for `pio run`, where platformio.ini names none."""

DEFAULT_ENGINE: Final = "aot"

ROUTER: Final = "router.c"
"""A gate's second model: compiled C with every engine, if the run folder has it."""


@dataclass(frozen=True)
class Engine:
    """The model as this engine takes it. `headers` and `sources` lie in the run folder."""

    headers: tuple[str, ...]
    sources: tuple[str, ...]


ENGINES: Final[dict[str, Engine]] = {
    "aot": Engine(headers=("model.h", "model_gate.h", "model_stream.h"), sources=("model.c", "model_gate.c")),
    "tflm": Engine(
        headers=("model_data.h", "model_ops.h", "model_gate.h", "model_stream.h"),
        sources=("model_data.cc", "model_gate.c"),
    ),
}


def require(run: Path, engine: str) -> Engine:
    """The engine of that name. Raises FirmwareError if there is none, or if the run folder lacks one of its files."""
    if engine not in ENGINES:
        raise FirmwareError(f"Unknown engine {engine!r}.", f"Engines: {', '.join(ENGINES)}.")
    found = ENGINES[engine]
    missing = [name for name in (*found.headers, *found.sources) if not (run / name).is_file()]
    if missing:
        raise FirmwareError(
            f"{run}: lacks {', '.join(missing)}, the model as C code.",
            f"Run `python -m export {run}` first, or name another run folder.",
        )
    if (run / ROUTER).is_file():
        return Engine(found.headers, (*found.sources, ROUTER))
    return found
