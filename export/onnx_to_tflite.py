"""The child process of `export.convert`: ONNX to a float .tflite, with the names of the ONNX file in its signature.

    python -m export.onnx_to_tflite model.onnx model.tflite

Works in the current directory, which should be a temporary one, and rewrites `model.onnx` (onnx2tf simplifies it in
place). Needs no network.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np

# onnx2tf compares every operator with ONNX Runtime on a probe. For inputs of three channels it downloads photographs
# for that, unless it finds an array of this name and shape in the current directory.
PROBE_FILE: Final = "calibration_image_sample_data_20x128x128x3_float32.npy"
PROBE_SHAPE: Final = (20, 128, 128, 3)


def main() -> int:
    onnx, written = (Path(argument).resolve() for argument in sys.argv[1:])
    np.save(PROBE_FILE, np.random.default_rng(0).random(PROBE_SHAPE, dtype=np.float32))

    import onnx2tf
    import tensorflow

    # The .tflite that onnx2tf writes by itself loses the names; TensorFlow's converter keeps those of the Keras model.
    model = onnx2tf.convert(input_onnx_file_path=str(onnx), output_folder_path="onnx2tf", disable_model_save=True)
    written.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())
    return 0


if __name__ == "__main__":
    sys.exit(main())
