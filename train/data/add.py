"""The add task: which two of T numbers are marked, and what is their sum? A test of memory over T steps.

Each step has a value, uniform in [0, 1], and a mark, 1 at one step of each half and 0 elsewhere; the label is the sum
of the two marked values. To answer 1 always has a mean squared error of 1/6 = 0.167. Below 0.01 the task counts as
solved. Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, section 5.4, in the form of Arjovsky, Shah
and Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016, section 5.2.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from train.data.dataset import DataSet

if TYPE_CHECKING:
    from train.config import Data

SOLVED: Final = 0.01  # mean squared error


def load(config: "Data") -> DataSet:
    """Draw `config.samples` sequences of `config.steps` steps from `config.seed`."""
    assert config.steps is not None and config.samples is not None  # train.config fills them in
    random = np.random.default_rng(config.seed)
    half, every = config.steps // 2, np.arange(config.samples)
    values = random.random((config.samples, config.steps), dtype=np.float32)
    marks = np.zeros_like(values)
    marks[every, random.integers(0, half, config.samples)] = 1
    marks[every, random.integers(half, config.steps, config.samples)] = 1
    return DataSet(
        name=config.set,
        images=np.stack([values, marks], axis=2)[:, None],  # [N, 1, T, 2]
        labels=(values * marks).sum(axis=1),
        classes=("sum",),
    )
