"""Trained models as files that `torch.load(path, weights_only=True)` reads: a dict of

format       2
model        name in train.models.MODELS
head         name in train.heads.HEADS
config       arguments of its constructor
state_dict   its weights
input_shape  [C, H, W]
input_range  [0.0, 1.0], least and greatest value of a pixel; of a frame's values, if the model is recurrent
classes      their names, in the order of the logits
temperature  softmax(logits / temperature) is calibrated on the validation split
features     the fields of `contract.log_mel.LogMel` that make frames of sound; None, or absent, if the data is no sound
"""

import dataclasses
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from contract.log_mel import LogMel
from train import models
from train.errors import TrainError
from train.models import Option
from train.models.classifier import Classifier

FORMAT: Final = 2
# What torch.load, and taking its result apart, raise for a file that is empty, cut short or of another kind.
DAMAGED: Final = (
    OSError,
    EOFError,
    RuntimeError,
    TypeError,
    KeyError,
    ValueError,
    IndexError,
    AttributeError,
    struct.error,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Checkpoint:
    """Everything in the file but the weights; the fields are described above."""

    model: str
    head: str
    config: dict[str, Any]
    input_shape: tuple[int, int, int]
    input_range: tuple[float, float]
    classes: tuple[str, ...]
    temperature: float
    features: LogMel | None


def describe(name: str, model: Classifier, options: dict[str, Option], classes: tuple[str, ...], temperature: float,
             features: LogMel | None = None) -> Checkpoint:  # fmt: skip
    """The checkpoint of a model that `train.models.build` made from `name` and `options`."""
    config = {"input_shape": list(model.input_shape), "classes": model.classes, **options}
    return Checkpoint(
        name, model.head_name, config, model.input_shape, model.input_range, classes, temperature, features
    )


def save(model: Classifier, checkpoint: Checkpoint, path: Path) -> None:
    """Write model and description."""
    fields = dataclasses.asdict(checkpoint)
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
    torch.save({"format": FORMAT, **lists, "state_dict": model.state_dict()}, path)


def load(path: Path) -> tuple[Classifier, Checkpoint]:
    """The model in eval mode and its description. Raises TrainError if the file is missing or is not such a file."""
    again = "Train the run again with --restart."
    try:
        value = torch.load(path, weights_only=True)
        if value["format"] != FORMAT:
            raise TrainError(f"{path}: format is {value['format']!r}, expected {FORMAT}.", again)
        shape, config = tuple(value["input_shape"]), dict(value["config"])
        features = LogMel(**value["features"]) if value.get("features") else None
        checkpoint = Checkpoint(
            value["model"], value["head"], config, shape, tuple(value["input_range"]), tuple(value["classes"]), value["temperature"],
            features,
        )  # fmt: skip
        options = {key: config[key] for key in config.keys() - {"input_shape", "classes"}}
        model = models.build(checkpoint.model, shape, len(checkpoint.classes), options, checkpoint.head)
        model.load_state_dict(value["state_dict"])
    except FileNotFoundError:
        raise TrainError(f"{path}: no such checkpoint.", "Train the run first: python -m train <config>.") from None
    except DAMAGED as error:
        raise TrainError(f"{path}: not a checkpoint ({reason(error)}).", again) from None
    return model.eval(), checkpoint


def reason(error: Exception) -> str:
    """One of DAMAGED in a line: torch explains itself in paragraphs, or not at all."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
