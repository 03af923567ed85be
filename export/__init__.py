"""From a trained model to what a microcontroller runs: int8 .tflite, C, gate, manifest, test vectors.

    python -m export runs/digits

The way of a model: `convert` (PyTorch to float .tflite), `interface` (its inputs and outputs by name), `quantize`
(int8), `carray` (for TensorFlow Lite Micro), `graph` and `aot` (compiled to C), `gate` and `gate_source`, `vectors`.
`pipeline` is that order for a run folder; `report` says how it went.
"""
