"""Deep Gamblers' head: one class more, "abstain", the last; its softmax probability is what the model keeps for
itself."""

from train.heads.linear import Linear


class ExtraClass(Linear):
    """Features [N, F] to logits [N, classes + 1]. The last is never predicted: a class is chosen among the others."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes + 1)
