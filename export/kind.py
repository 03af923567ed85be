"""What the pipeline asks of a model, whichever kind it is: images at once (`export.still`), sequences frame by frame
(`export.stream`).

An image is a sequence of one frame here: outputs are int8 [N, T, size], with T = 1 for images.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Quantisation, State, Stream, Tensor
from export.graph import Graph, parse

if TYPE_CHECKING:
    from train.config import Gate as GateSettings
    from train.config import RunConfig
    from train.data import DataSet
    from train.models.checkpoint import Checkpoint
    from train.models.classifier import Classifier
    from train.routers.router import Router

LOGITS = "logits"  # the output that the gate reads, in PyTorch and in the manifest
FEATURES = "features"  # one that only a router reads

Activations = Mapping[str, NDArray[Any]]  # by tensor name, after one inference
Answers = Mapping[str, NDArray[np.int8]]  # by output: codes [N, T, size]


@dataclass(frozen=True)
class Part:
    """A split in PyTorch's layout: `images` float32 [N, C, H, W] in [0, 1], `labels` int64 [N]."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """What training left behind; `parts` are the splits by name, `router` is for a gate whose score is "router"."""

    config: "RunConfig"
    gate: "GateSettings"
    data: "DataSet"
    model: "Classifier"
    checkpoint: "Checkpoint"
    parts: dict[str, Part]
    router: "Router | None" = None

    @property
    def classes(self) -> int:
        """How many classes there are; an output of logits may have one more, of abstaining."""
        return len(self.checkpoint.classes)

    def run(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name of the PyTorch model for images [N, C, H, W]."""
        import torch

        with torch.inference_mode():
            results = self.model(torch.from_numpy(images))
        results = results if isinstance(results, tuple) else (results,)
        return {name: result.numpy() for name, result in zip(self.model.output_names, results, strict=True)}


@dataclass(frozen=True)
class Quantized:
    """The model as .tflite, in float and in integers."""

    floating: bytes
    content: bytes
    graph: Graph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    quantisation: Quantisation

    def output(self, name: str) -> Tensor:
        """The output of that name."""
        return next(tensor for tensor in self.outputs if tensor.name == name)

    def find(self, name: str | None) -> Tensor | None:
        """The output of that name, None if there is none."""
        return next((tensor for tensor in self.outputs if tensor.name == name), None)


class Kind(ABC):
    """One trained model on its way."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained

    @property
    def states(self) -> tuple[State, ...]:
        return ()

    @property
    def stream(self) -> Stream | None:
        return None

    @abstractmethod
    def quantize(self, log: Path, activations: str | None) -> Quantized:
        """Convert and quantise, `activations` as `export.quantize.RECIPES` has them, None for what suits. What the
        converter prints goes to `log`."""

    @abstractmethod
    def codes(self, quantized: Quantized, part: Part) -> NDArray[np.int8]:
        """The samples as the board gets them: images [N, H, W, C], or sequences [N, T, frame]."""

    @abstractmethod
    def answers(self, quantized: Quantized, codes: NDArray[np.int8]) -> Answers:
        """What TensorFlow Lite Micro says to `codes`: [N, T, size] of each output that is no state, after each
        frame."""

    @abstractmethod
    def inputs(self, quantized: Quantized, codes: NDArray[np.int8]) -> tuple[NDArray[Any], ...]:
        """`codes` as an array [M, ...] for each input of the .tflite, for single inferences."""

    @abstractmethod
    def activations(self, quantized: Quantized, part: Part) -> Iterator[tuple[Activations, Activations]]:
        """All activations, real numbers of the float .tflite and codes of the quantised one, inference by inference."""

    @abstractmethod
    def float_logits(self, floating: bytes, part: Part) -> NDArray[np.float32]:
        """Logits of the float .tflite for each sample, after its last frame: [N, classes or more]."""

    def accuracy(self, logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
        """Top-1 accuracy of logits [N, classes or more]; argmax takes the lowest index of a tie, as the board does."""
        return float(np.mean(logits[:, : self.trained.classes].argmax(axis=1) == labels))


def described(floating: bytes, content: bytes, path: Path, quantisation: Quantisation) -> Quantized:
    """The quantised model with what the manifest says of its interface; `path` names it in errors."""
    graph = parse(content, str(path))
    inputs, outputs = (
        tuple(Tensor(tensor.name, tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point) for tensor in tensors)
        for tensors in (
            [graph.tensors[index] for index in graph.inputs],
            [graph.tensors[index] for index in graph.outputs],
        )
    )
    return Quantized(floating, content, graph, inputs, outputs, quantisation)
