"""The operators that the compiler translates. A new one is one file here, one kernel header, and one line in `LOWER`.

A file holds a frozen dataclass derived from `Node`, with `emit`, and a function that makes it from a .tflite operator
and raises GraphError for what it cannot translate.
"""

from typing import Final

from export.aot.operators.add import lower_add
from export.aot.operators.concatenation import lower_concatenation
from export.aot.operators.conv_2d import lower_conv_2d
from export.aot.operators.depthwise_conv_2d import lower_depthwise_conv_2d
from export.aot.operators.extremum import lower_extremum
from export.aot.operators.fully_connected import lower_fully_connected
from export.aot.operators.hard_swish import lower_hard_swish
from export.aot.operators.mean import lower_mean
from export.aot.operators.mul import lower_mul
from export.aot.operators.pad import lower_pad
from export.aot.operators.pool_2d import lower_pool_2d
from export.aot.operators.relu import lower_relu, lower_relu6
from export.aot.operators.rescale import lower_quantize
from export.aot.operators.reshape import lower_reshape
from export.aot.operators.sigmoid import lower_sigmoid
from export.aot.operators.softmax import lower_softmax
from export.aot.operators.view import lower_split, lower_strided_slice, lower_transpose
from export.aot.program import Lower

LOWER: Final[dict[str, Lower]] = {
    "ADD": lower_add,
    "AVERAGE_POOL_2D": lower_pool_2d,
    "CONCATENATION": lower_concatenation,
    "CONV_2D": lower_conv_2d,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv_2d,
    "EXPAND_DIMS": lower_reshape,
    "FULLY_CONNECTED": lower_fully_connected,
    "HARD_SWISH": lower_hard_swish,
    "LOGISTIC": lower_sigmoid,
    "MAXIMUM": lower_extremum,
    "MAX_POOL_2D": lower_pool_2d,
    "MEAN": lower_mean,
    "MINIMUM": lower_extremum,
    "MUL": lower_mul,
    "PAD": lower_pad,
    "QUANTIZE": lower_quantize,
    "RELU": lower_relu,
    "RELU6": lower_relu6,
    "RESHAPE": lower_reshape,
    "SOFTMAX": lower_softmax,
    "SPLIT": lower_split,
    "SQUEEZE": lower_reshape,
    "STRIDED_SLICE": lower_strided_slice,
    "SUB": lower_add,
    "TANH": lower_sigmoid,
    "TRANSPOSE": lower_transpose,
}
