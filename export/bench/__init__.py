"""Exact instruction counts, modelled cycles, flash and RAM of a compiled model, and proof that its outputs are right.

    report = bench(Path("model.tflite"), boards.load("nucleo"), inputs=3)

The model is compiled, linked with a bare harness and run by QEMU on pseudo-random inputs; a plugin counts executed
instructions by address. The outputs are compared with the TensorFlow Lite Micro interpreter byte by byte.
"""

from export.bench.report import Function, Layer, Report
from export.bench.run import TooLargeError, bench, with_core

__all__ = ["Function", "Layer", "Report", "TooLargeError", "bench", "with_core"]
