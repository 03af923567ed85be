"""One run from checkpoint to everything that the firmware and the host read.

    result = export_run(RunFolder(Path("runs/digits")), "cortex-m4")

The order is that of the function: load, convert, quantise, compile, calibrate the gate, describe, write. Nothing is
written before all of it is there, so a failed export leaves the files of the last good one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from contract import manifest
from contract.manifest import Accuracy, Manifest, Model, Tensor
from contract.progress import Progress
from contract.run_folder import RunFolder
from export import arena, carray, gate, gate_source, interface, layer_errors, resolver, vectors
from export.aot import compile_model
from export.convert import to_float_tflite
from export.errors import ExportError
from export.float_model import FloatModel
from export.graph import Graph, parse
from export.layer_errors import LayerError
from export.micro import Micro
from export.quantize import calibrate, quantize, to_codes

if TYPE_CHECKING:
    from train.config import Gate as GateSettings
    from train.config import RunConfig
    from train.models.checkpoint import Checkpoint
    from train.models.classifier import Classifier

LOGITS: Final = "logits"  # the output that the gate reads, in PyTorch and in the manifest


@dataclass(frozen=True)
class Exported:
    """What was made. `weights` are the bytes of weights and biases, which go to flash.

    `float_tflite_accuracy` belongs between the two of the manifest: it tells conversion from quantisation.
    """

    folder: RunFolder
    manifest: Manifest
    weights: int
    float_tflite_accuracy: float
    layers: tuple[LayerError, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _Part:
    """A split in PyTorch's layout: `images` float32 [N, C, H, W], `labels` int64 [N]."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def channels_last(self) -> NDArray[np.float32]:
        """The images as the .tflite takes them: [N, H, W, C]."""
        return np.ascontiguousarray(interface.channels_last(self.images))


@dataclass(frozen=True)
class _Trained:
    """What training left behind; `parts` are the splits by name."""

    config: "RunConfig"
    gate: "GateSettings"
    model: "Classifier"
    checkpoint: "Checkpoint"
    parts: dict[str, _Part]

    def run(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name of the PyTorch model for images [N, C, H, W]."""
        import torch

        with torch.inference_mode():
            results = self.model(torch.from_numpy(images))
        results = results if isinstance(results, tuple) else (results,)
        return {name: result.numpy() for name, result in zip(self.model.output_names, results, strict=True)}


@dataclass(frozen=True)
class _Quantized:
    """The model as .tflite, in float and in int8."""

    floating: bytes
    content: bytes
    graph: Graph
    image: Tensor
    outputs: tuple[Tensor, ...]

    @property
    def logits(self) -> Tensor:
        return next(tensor for tensor in self.outputs if tensor.name == LOGITS)


def export_run(folder: RunFolder, core: str | None = None) -> Exported:
    """Export `base.pt` of a run, the C with the kernels for `core` (portable ones by default).

    Raises ExportError, or the error of the stage whose file is missing or damaged."""
    with Progress("export", total=5) as progress:
        trained = _load(folder)
        progress.advance(note="loaded")
        quantized = _quantize(trained, folder)
        content, graph, logits = quantized.content, quantized.graph, quantized.logits
        progress.advance(note="converted and quantised")

        compiled = compile_model(graph, trained.config.name, core=core)
        data_header, data_source = carray.render(content)
        validation, test = trained.parts["validation"], trained.parts["test"]
        codes = {name: to_codes(part.channels_last, quantized.image)
                 for name, part in (("validation", validation), ("test", test))}  # fmt: skip
        carray.verify(data_source, content, codes["validation"])
        set_up = resolver.render(graph, arena.measure(graph, content), trained.config.name)
        progress.advance(note="compiled")

        interpreter, place = Micro(content), quantized.outputs.index(logits)
        answers = {name: interpreter.run(samples)[place] for name, samples in codes.items()}
        the_gate = gate.calibrate(
            trained.gate.score, logits, trained.checkpoint.temperature, trained.gate.target,
            {name: (answer, trained.parts[name].labels) for name, answer in answers.items()},
        )  # fmt: skip
        described = Manifest(
            format=manifest.FORMAT,
            name=trained.config.name,
            model=Model(folder.tflite.name, hashlib.sha256(content).hexdigest(), len(content)),
            inputs=(quantized.image,),
            outputs=quantized.outputs,
            states=(),
            classes=trained.checkpoint.classes,
            gate=the_gate,
            memory=compiled.memory,
            operators=compiled.operators,
            accuracy=Accuracy(
                samples=len(test.labels),
                float32=_accuracy(trained.run(test.images)[LOGITS], test.labels),
                quantised=_accuracy(answers["test"], test.labels),
            ),
            large_checkpoint=folder.large_checkpoint.name if folder.large_checkpoint.exists() else None,
        )
        progress.advance(note="gate calibrated")

        layers = layer_errors.measure(
            quantized.floating, content, validation.channels_last, codes["validation"]
        )  # fmt: skip
        float_logits = [values[LOGITS][0] for values in FloatModel(quantized.floating).run(test.channels_last)]
        gate_header, gate_code = gate_source.render(described)
        files: dict[Path, str | bytes] = {
            folder.tflite: content,
            folder.path / "model_data.h": data_header,
            folder.path / "model_data.cc": data_source,
            folder.path / "model_ops.h": set_up,
            folder.path / "model.h": compiled.header,
            folder.path / "model.c": compiled.source,
            folder.path / "model_gate.h": gate_header,
            folder.path / "model_gate.c": gate_code,
            folder.vectors: vectors.render(
                codes["test"], answers["test"], test.labels, gate.decide(the_gate, answers["test"])
            ),
        }
        for path, text in files.items():
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        manifest.save(described, folder.manifest)
        progress.advance(note="written")
    return Exported(
        folder=folder,
        manifest=described,
        weights=sum(tensor.bytes for tensor in graph.tensors if tensor.data is not None),
        float_tflite_accuracy=_accuracy(np.array(float_logits), test.labels),
        layers=layers,
        files=(*files, folder.manifest),
    )


def _load(folder: RunFolder) -> _Trained:
    """Read what training wrote. Raises ExportError or TrainError if something is missing, damaged, or does not fit."""
    if not folder.path.is_dir():
        raise ExportError(f"{folder.path}: no such run folder.", "Train the run first: python -m train <config>.")
    for path, what in (
        (folder.base_checkpoint, "the trained base model"),
        (folder.config, "the run's configuration"),
        (folder.splits, "the run's splits"),
    ):
        if not path.is_file():
            raise ExportError(
                f"{path} is missing: it holds {what}.",
                f"Train the run first: python -m train <config> --out {folder.path}.",
            )
    from train import config as configs
    from train import data, models

    config = configs.load(folder.config)
    if config.gate is None:
        raise ExportError(
            f"{folder.config} has no [gate], expected one: the board decides by it when to abstain.",
            "Add [gate] and [large] to the run's configuration and train it again with --restart.",
        )
    model, checkpoint = models.load(folder.base_checkpoint)
    samples, splits = data.load(config.data), data.load_splits(folder.splits)
    indices = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    again = "The data set is not the one that the run was trained on: put that back, or train again with --restart."
    if samples.input_shape != checkpoint.input_shape:
        raise ExportError(
            f"data set {samples.name} has images of {samples.input_shape}, but {folder.base_checkpoint} takes "
            f"{checkpoint.input_shape} (channels, height, width).",
            again,
        )
    if (used := sum(map(len, indices.values()))) != len(samples.labels):
        raise ExportError(
            f"data set {samples.name} has {len(samples.labels)} samples, but {folder.splits} splits {used}.", again
        )
    parts = {name: _Part(samples.images[index], samples.labels[index]) for name, index in indices.items()}
    return _Trained(config, config.gate, model, checkpoint, parts)


def _quantize(trained: _Trained, folder: RunFolder) -> _Quantized:
    """Convert, and quantise with ranges from the train split."""
    model = trained.model
    shape = (1, *trained.checkpoint.input_shape)
    converted = to_float_tflite(model, (model.input_name,), model.output_names, (shape,), folder.conversion_log)
    probe = np.random.default_rng(0).random(shape, dtype=np.float32)
    floating = interface.arrange(converted, {model.input_name: probe}, trained.run(probe))
    ranges = calibrate(floating, trained.parts["train"].channels_last)
    ranges[model.input_name] = trained.checkpoint.input_range  # known, not estimated
    content = quantize(floating, ranges)
    graph = parse(content, str(folder.tflite))
    image, *outputs = (
        Tensor(tensor.name, tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point)
        for tensor in (graph.tensors[index] for index in (*graph.inputs, *graph.outputs))
    )
    return _Quantized(floating, content, graph, image, tuple(outputs))


def _accuracy(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Top-1 accuracy; argmax takes the lowest index of a tie, as the board does."""
    return float(np.mean(logits.argmax(axis=1) == labels))
