"""Processor cores and the compiler flags they need.

A core is one line in CORES: the floating-point units Arm offers with it, by the names GCC's -mfpu takes.
"""

from typing import Final

NO_FPU: Final = "none"

CORES: Final[dict[str, tuple[str, ...]]] = {
    "cortex-m0": (NO_FPU,),
    "cortex-m0plus": (NO_FPU,),
    "cortex-m3": (NO_FPU,),
    "cortex-m4": (NO_FPU, "fpv4-sp-d16"),  # Arm Cortex-M4 technical reference manual, 1.3: the FPU is an option
    "cortex-m7": (NO_FPU, "fpv5-sp-d16", "fpv5-d16"),  # Cortex-M7 technical reference manual, 1.2: single or double
    "cortex-m33": (NO_FPU, "fpv5-sp-d16"),  # Cortex-M33 technical reference manual, 1.3: the FPU is an option
    "cortex-m55": (NO_FPU, "fpv5-d16"),  # Cortex-M55 technical reference manual, 2.1: half, single and double, or none
}

EXTENSIONS: Final[dict[str, str]] = {
    # No vector instructions (MVE): the kernels are written for the DSP extension, which the Cortex-M55 has as well, and
    # an interrupt then has no vector state to save.
    "cortex-m55": "+nomve",
}
"""What -mcpu is given beside the core's name."""

CACHED: Final = frozenset({"cortex-m7"})
"""Cores with caches of their own: an option of the Cortex-M7 (technical reference manual, 1.3) that every chip here
took."""


def flags(core: str, fpu: str) -> tuple[str, ...]:
    """Flags that compiler and linker must be given alike."""
    float_flags = ("-mfloat-abi=soft",) if fpu == NO_FPU else (f"-mfpu={fpu}", "-mfloat-abi=hard")
    return (f"-mcpu={core}{EXTENSIONS.get(core, '')}", "-mthumb", *float_flags)
