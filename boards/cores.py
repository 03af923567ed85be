"""Processor cores and the compiler flags they need.

A core is one line in CORES: the floating-point units Arm offers with it, by the names GCC's -mfpu takes.
"""

from typing import Final

NO_FPU: Final = "none"

CORES: Final[dict[str, tuple[str, ...]]] = {
    "cortex-m0": (NO_FPU,),
    "cortex-m3": (NO_FPU,),
    "cortex-m4": (NO_FPU, "fpv4-sp-d16"),  # Arm Cortex-M4 technical reference manual, 1.3: the FPU is an option
    "cortex-m7": (NO_FPU, "fpv5-sp-d16", "fpv5-d16"),  # Cortex-M7 technical reference manual, 1.2: single or double
    "cortex-m33": (NO_FPU, "fpv5-sp-d16"),  # Cortex-M33 technical reference manual, 1.3: the FPU is an option
}


def flags(core: str, fpu: str) -> tuple[str, ...]:
    """Flags that compiler and linker must be given alike."""
    float_flags = ("-mfloat-abi=soft",) if fpu == NO_FPU else (f"-mfpu={fpu}", "-mfloat-abi=hard")
    return (f"-mcpu={core}", "-mthumb", *float_flags)
