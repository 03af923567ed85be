"""The applications and the engines, and the generated files of a run folder that an image is made of. Standard library
only: PlatformIO's Python reads it too. A new engine is one line in ENGINES and one file, src/engine_<name>.*; a new
application one line in APPS and one folder.
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

APP_VARIABLE: Final = "DEMUR_APP"
"""Environment variable with the application for `pio run`."""

DEFAULT_APP: Final = "demur"

BAUD_VARIABLE: Final = "DEMUR_BAUD"
"""Environment variable with the baud rate for `pio run`, where it is not the application's own."""

ROUTER: Final = "router.c"
"""A gate's second model: compiled C with every engine, if the run folder has it."""


@dataclass(frozen=True)
class ModelFiles:
    """What an engine or an application takes of the run folder."""

    headers: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class App:
    """An application: its C lies in `folder` of firmware/; `export` is the command that writes its files, but for the run folder;
    `baud` is its rate, None for the board's own, which the host knows."""

    folder: str
    files: ModelFiles
    export: str
    baud: int | None = None


ENGINES: Final[dict[str, ModelFiles]] = {
    "aot": ModelFiles(headers=("model.h",), sources=("model.c",)),
    "tflm": ModelFiles(headers=("model_data.h", "model_ops.h"), sources=("model_data.cc",)),
}

APPS: Final[dict[str, App]] = {
    "demur": App("src", ModelFiles(("model_gate.h", "model_stream.h"), ("model_gate.c",)), "python -m export"),
    "mlperf": App(
        "mlperf",
        ModelFiles(("model_mlperf.h",), ()),
        "python -m export mlperf MODEL.tflite --board BOARD --out",
        115_200,  # the runner's own for all but ad01 (devices_kws_ic_vww.yaml); 921600, its rate for that, not every clock gives
    ),
}


def require(run: Path, engine: str, app: str = DEFAULT_APP) -> ModelFiles:
    """What an image with that engine and application takes. Raises FirmwareError if there is no such engine or
    application, or if the run folder lacks one of the files."""
    if engine not in ENGINES:
        raise FirmwareError(f"Unknown engine {engine!r}.", f"Engines: {', '.join(ENGINES)}.")
    if app not in APPS:
        raise FirmwareError(f"Unknown application {app!r}.", f"Applications: {', '.join(APPS)}.")
    model, own = ENGINES[engine], APPS[app].files
    found = ModelFiles((*model.headers, *own.headers), (*model.sources, *own.sources))
    missing = [name for name in (*found.headers, *found.sources) if not (run / name).is_file()]
    if missing:
        raise FirmwareError(
            f"{run}: lacks {', '.join(missing)}, the model as C code.",
            f"Run `{APPS[app].export} {run}` first, or name another run folder.",
        )
    if app == DEFAULT_APP and (run / ROUTER).is_file():
        return ModelFiles(found.headers, (*found.sources, ROUTER))
    return found
