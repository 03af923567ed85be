"""Models by name, and their checkpoints.

    model = build("cnn", input_shape=(1, 8, 8), classes=10, options={"width": 8})
    model, checkpoint = load(Path("runs/digits/base.pt"))

A new model is one file with a subclass of `train.models.classifier.Classifier`, and one line in `MODELS`. Every cell of
`train.cells` is a model as well: `train.models.recurrent` around it. PyTorch is imported when a model is first asked
for.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

from train.cells import CELLS
from train.heads import LINEAR

if TYPE_CHECKING:
    from train.models.checkpoint import Checkpoint
    from train.models.classifier import Classifier

Option = int | float | str

MODELS: Final[dict[str, str]] = {
    "cnn": "train.models.cnn:Cnn",
    "large_cnn": "train.models.large_cnn:LargeCnn",
    "resnet": "train.models.resnet:Resnet",
    **CELLS,
}
RECURRENT: Final = "train.models.recurrent:Recurrent"


def options(name: str) -> dict[str, Option]:
    """The options of a model with their defaults: the keyword-only arguments of its constructor, and of its cell's."""
    made_by = [RECURRENT, CELLS[name]] if name in CELLS else [MODELS[name]]
    return {option: default for constructor in made_by for option, default in keywords(constructor).items()}


def build(
    name: str, input_shape: tuple[int, int, int], classes: int, options: Mapping[str, Option], head: str = LINEAR
) -> "Classifier":
    """A new model with a head of `train.heads.HEADS`, its weights drawn from torch's global generator.

    Raises TrainError if it cannot take such images, or for an option that makes no sense.
    """
    made: Any = resolve_name(MODELS[name])
    model: Classifier = (
        resolve_name(RECURRENT)(input_shape, classes, made, head, **options)
        if name in CELLS
        else made(input_shape, classes, head, **options)
    )
    return model


def load(path: Path) -> "tuple[Classifier, Checkpoint]":
    """The trained model of a checkpoint file, in eval mode. Raises TrainError if it is missing or damaged."""
    from train.models import checkpoint

    return checkpoint.load(path)


def keywords(constructor: str) -> dict[str, Option]:
    """The keyword-only arguments, all with defaults, of a constructor named as in `MODELS`."""
    parameters = inspect.signature(resolve_name(constructor)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
