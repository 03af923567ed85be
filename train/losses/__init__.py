"""What training makes small: cross-entropy for classes, the mean squared error for a number.

    loss = of(data, label_smoothing=0.1)
    loss(outputs, targets)                            # at the end of a sequence
    loss.part(outputs, targets, part=2, parts=10)     # after part 2 of 0 .. 9, before the sequence has ended

A new loss is one file with a subclass of `train.losses.loss.Loss`. PyTorch is imported when one is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.data import DataSet
    from train.losses.loss import Loss


def of(data: "DataSet", label_smoothing: float = 0.0) -> "Loss":
    """The loss for what the data set's labels are; `label_smoothing` is for classes."""
    if data.predicts_number:
        from train.losses.mean_squared_error import MeanSquaredError

        return MeanSquaredError()
    from train.losses.cross_entropy import CrossEntropy

    return CrossEntropy(len(data.classes), label_smoothing)
