"""TensorFlow Lite Micro for ENGINE=tflm: where its sources are, and the flags they share with src/engine_tflm.cc.

There are two ways to have it, and none of it is part of this project:

    DEMUR_TFLM     a folder that TensorFlow Lite Micro's own create_tflm_tree.py wrote (tensorflow/lite/micro/tools/
                   project_generation), with portable kernels or with those of CMSIS-NN. It holds the library for one
                   kind of kernels and nothing else, so all but its audio front end is compiled.
    lib_deps       without the variable: the library that platformio.ini names, which PlatformIO fetches and builds.

Standard library only: PlatformIO's Python reads it too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError

TREE_VARIABLE: Final = "DEMUR_TFLM"

GENERATOR: Final = "tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py"

DEFINES: Final = (
    "TF_LITE_STATIC_MEMORY",  # decides the layout of structures: the same for the library and for who includes it
    "TF_LITE_DISABLE_X86_NEON",
    "TF_LITE_STRIP_ERROR_STRINGS",  # texts and stdio would be linked for them
    "NDEBUG",
)

CMSIS_NN_DEFINES: Final = (
    "CMSIS_NN",  # structures have fields for its kernels
    "KERNELS_OPTIMIZED_FOR_SPEED",
    "ARM_NN_ENABLE_F16=0",
    "ARM_NN_ENABLE_F32=0",
)

SOURCES: Final = "+<*> -<signal/> -<third_party/kissfft/>"
"""What of a tree is compiled: all but the front end for audio, of which no operator of ours is a part."""

FOLDERS: Final = (
    ".",
    "third_party/flatbuffers/include",
    "third_party/gemmlowp",
    "third_party/ruy",
)
"""Where includes are looked for in a tree, as in TensorFlow Lite Micro's Makefile."""

CMSIS_NN_FOLDERS: Final = (
    "third_party/cmsis",
    "third_party/cmsis/CMSIS/Core/Include",
    "third_party/cmsis_nn",
    "third_party/cmsis_nn/Include",
)


def tree(environment: Mapping[str, str]) -> Path | None:
    """The folder that DEMUR_TFLM names, None if it names none. Raises FirmwareError if it is not such a tree."""
    name = environment.get(TREE_VARIABLE)
    if not name:
        return None
    folder = Path(name).expanduser().resolve()
    make = f"Make one with TensorFlow Lite Micro's {GENERATOR}, and name its output folder in {TREE_VARIABLE}."
    if (folder / GENERATOR).is_file():
        raise FirmwareError(
            f"{TREE_VARIABLE}={name}: that is a checkout of TensorFlow Lite Micro, of which most is not for a firmware.",
            make,
        )
    wanted = ("tensorflow/lite/micro/micro_interpreter.h", *(f"{path}/" for path in FOLDERS[1:]))
    if missing := [path for path in wanted if not (folder / path).exists()]:
        raise FirmwareError(
            f"{TREE_VARIABLE}={name}: lacks {', '.join(missing)}, so it is no tree of the library.", make
        )
    return folder


def require(environment: Mapping[str, str]) -> Path:
    """As `tree`. Raises FirmwareError too if the variable is not set."""
    folder = tree(environment)
    if folder is None:
        raise FirmwareError(
            f"The engine tflm needs TensorFlow Lite Micro, and {TREE_VARIABLE} names no tree of it.",
            f"Make one with its {GENERATOR} and name its output folder, or build an environment *_tflm.",
        )
    return folder


def defines(folder: Path | None) -> tuple[str, ...]:
    """Macros, for the library and for what includes it."""
    return (*DEFINES, *(CMSIS_NN_DEFINES if folder and (folder / "third_party/cmsis_nn").is_dir() else ()))


def includes(folder: Path | None) -> tuple[str, ...]:
    """Include folders of a tree. PlatformIO knows those of a library that it has fetched."""
    if folder is None:
        return ()
    return tuple(str(folder / path) for path in (*FOLDERS, *CMSIS_NN_FOLDERS) if (folder / path).is_dir())
