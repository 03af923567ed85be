"""The operators that the compiler translates. A new one is one file here, one kernel header, and one line in `LOWER`.

A file holds a frozen dataclass derived from `Node`, with `emit`, and a function that makes it from a .tflite operator and
raises GraphError for what it cannot translate.
"""

from typing import Final

from export.aot.operators.add import lower_add
from export.aot.operators.conv_2d import lower_conv_2d
from export.aot.operators.depthwise_conv_2d import lower_depthwise_conv_2d
from export.aot.operators.fully_connected import lower_fully_connected
from export.aot.operators.mean import lower_mean
from export.aot.operators.pad import lower_pad
from export.aot.operators.pool_2d import lower_pool_2d
from export.aot.operators.reshape import lower_reshape
from export.aot.operators.softmax import lower_softmax
from export.aot.program import Lower

LOWER: Final[dict[str, Lower]] = {
    "ADD": lower_add,
    "AVERAGE_POOL_2D": lower_pool_2d,
    "CONV_2D": lower_conv_2d,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv_2d,
    "FULLY_CONNECTED": lower_fully_connected,
    "MAX_POOL_2D": lower_pool_2d,
    "MEAN": lower_mean,
    "PAD": lower_pad,
    "RESHAPE": lower_reshape,
    "SOFTMAX": lower_softmax,
}
