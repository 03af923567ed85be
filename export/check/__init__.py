"""Proof that a model's C gives the same bytes as the TensorFlow Lite Micro interpreter, over many inputs.

    result = check(Path("model.tflite"), inputs=1000)                # on this PC
    result = check(Path("model.tflite"), inputs=1000, emulated=20)   # and in the emulators of the boards
    assert result.differing == 0

The C for every core and board is compiled with GCC and its sanitizers; the kernels for the DSP extension have C beside
their instructions, so they run here too. What the instructions themselves do shows in the emulators.
"""

from export.check.run import Check, Emulated, Variant, check

__all__ = ["Check", "Emulated", "Variant", "check"]
