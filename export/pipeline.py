"""One run from checkpoint to everything that the firmware and the host read.

    result = export_run(RunFolder(Path("runs/digits")), "cortex-m4")

The order is that of the function: load, convert, quantise, compile, calibrate the gate, describe, write. Nothing is
written before all of it is there, so a failed export leaves the files of the last good one. What differs between images
and sequences is in `export.still` and `export.stream`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from contract import manifest
from contract.gate import SCORES
from contract.gate.router import NAME as ROUTER
from contract.manifest import Accuracy, Manifest, Model
from contract.progress import Progress
from contract.run_folder import RunFolder
from export import arena, carray, gate, gate_source, layer_errors, resolver, router, stream_source, vectors
from export.aot import compile_model
from export.errors import ExportError
from export.kind import LOGITS, Kind, Part, Trained
from export.layer_errors import LayerError
from export.still import Still
from export.stream import Sequences


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


def export_run(
    folder: RunFolder, core: str | None = None, activations: str | None = None, flash: int | None = None
) -> Exported:
    """Export `base.pt` of a run, the C with the kernels for `core` (portable ones by default) and a flash of so many
    bytes.

    `activations` is one of `export.quantize.RECIPES`, or None for what suits the model. Raises ExportError, or the
    error of the stage whose file is missing or damaged."""
    return export_trained(folder, load(folder), core, activations, flash)


def export_trained(
    folder: RunFolder,
    trained: Trained,
    core: str | None = None,
    activations: str | None = None,
    flash: int | None = None,
) -> Exported:
    """Likewise for what `load` made of a run."""
    with Progress("export", total=4) as progress:
        kind = _kind(trained)
        quantized = kind.quantize(folder.conversion_log, activations)
        content, graph = quantized.content, quantized.graph
        progress.advance(note="converted and quantised")

        compiled = compile_model(graph, trained.config.name, core=core, flash=flash)
        data_header, data_source = carray.render(content)
        validation, test = trained.parts["validation"], trained.parts["test"]
        codes = {name: kind.codes(quantized, part) for name, part in (("validation", validation), ("test", test))}
        carray.verify(data_source, content, *kind.inputs(quantized, codes["validation"]))
        set_up = resolver.render(graph, arena.measure(graph, content), trained.config.name)
        progress.advance(note="compiled")

        minimum_steps = kind.stream.minimum_steps if kind.stream else None
        score, classes, temperature = trained.gate.score, trained.classes, trained.checkpoint.temperature
        answers = {name: dict(kind.answers(quantized, samples)) for name, samples in codes.items()}
        read = {name: gate.read(score, said, LOGITS, classes) for name, said in answers.items()}
        extra, routing = quantized.find(SCORES[score].extra), None
        if trained.router is not None:
            some = gate.read(score, kind.answers(quantized, kind.codes(quantized, _some(trained))), LOGITS, classes)
            routing = router.make(
                trained.router, quantized, temperature, classes, some, folder.conversion_log.with_name("router_onnx2tf.log"),
                core, flash, trained.config.name,
            )  # fmt: skip
            answers["test"]["statistics"] = routing.statistics(read["test"].logits)
            read = {name: routing.read(of) for name, of in read.items()}
            answers["test"]["routed"] = read["test"].extra
            extra = routing.description.output
        reads = gate.Reads(score, quantized.output(LOGITS), extra, classes, temperature)
        labelled = {name: (of, trained.parts[name].labels) for name, of in read.items()}
        second = routing.description if routing else None
        per_class = trained.gate.thresholds == "per_class"
        the_gate = gate.calibrate(reads, trained.gate.target, labelled, minimum_steps, per_class, second)
        described = Manifest(
            format=manifest.FORMAT,
            name=trained.config.name,
            model=Model(folder.tflite.name, hashlib.sha256(content).hexdigest(), len(content)),
            inputs=quantized.inputs,
            outputs=quantized.outputs,
            states=kind.states,
            stream=kind.stream,
            quantisation=quantized.quantisation,
            classes=trained.checkpoint.classes,
            gate=the_gate,
            memory=compiled.memory,
            operators=compiled.operators,
            accuracy=Accuracy(
                samples=len(test.labels),
                float32=kind.accuracy(trained.run(test.images)[LOGITS], test.labels),
                quantised=kind.accuracy(answers["test"][LOGITS][:, -1], test.labels),
            ),
            large_checkpoint=folder.large_checkpoint.name if folder.large_checkpoint.exists() else None,
        )
        progress.advance(note="gate calibrated")

        layers = layer_errors.measure(graph, kind.activations(quantized, validation))
        gate_header, gate_code = gate_source.render(described)
        decisions = gate.decide(the_gate, read["test"], minimum_steps)
        files: dict[Path, str | bytes] = {
            folder.tflite: content,
            folder.path / "model_data.h": data_header,
            folder.path / "model_data.cc": data_source,
            folder.path / "model_ops.h": set_up,
            folder.path / "model.h": compiled.header,
            folder.path / "model.c": compiled.source,
            folder.path / "model_gate.h": gate_header,
            folder.path / "model_gate.c": gate_code,
            folder.path / "model_stream.h": stream_source.render(described),
            folder.vectors: vectors.render(
                codes["test"], answers["test"], test.labels, decisions, in_time=kind.stream is not None
            ),
        }
        second_model: dict[Path, str | bytes | None] = {
            folder.router_tflite: routing.content if routing else None,
            folder.path / "router.h": routing.compiled.header if routing else None,
            folder.path / "router.c": routing.compiled.source if routing else None,
        }
        for path, of_router in second_model.items():
            if of_router is None:
                path.unlink(missing_ok=True)  # of an earlier export
            else:
                files[path] = of_router
        for path, text in files.items():
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        manifest.save(described, folder.manifest)
        progress.advance(note="written")
    return Exported(
        folder=folder,
        manifest=described,
        weights=sum(tensor.bytes for tensor in graph.tensors if tensor.data is not None),
        float_tflite_accuracy=kind.accuracy(kind.float_logits(quantized.floating, test), test.labels),
        layers=layers,
        files=(*files, folder.manifest),
    )


def _some(trained: Trained) -> Part:
    """Samples of the train split, evenly spread, for the ranges of a router."""
    train = trained.parts["train"]
    step = max(1, len(train.labels) // router.CALIBRATED_ON)
    return Part(train.images[::step], train.labels[::step])


def _kind(trained: Trained) -> Kind:
    from train.models.recurrent import Recurrent

    return Sequences(trained) if isinstance(trained.model, Recurrent) else Still(trained)


def load(folder: RunFolder) -> Trained:
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
    from train import data, models, routers
    from train.abstain.threshold import Coverage
    from train.data.unit import real

    config = configs.load(folder.config)
    # A run that nothing abstains in, for a comparison of models, still has a gate on the board: one that accepts
    # everything.
    settings = config.gate or configs.Gate(target=Coverage(1.0))
    model, checkpoint = models.load(folder.base_checkpoint)
    samples, splits = data.load(config.data), data.load_splits(folder.splits)
    indices = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    again = "The data set is not the one that the run was trained on: put that back, or train again with --restart."
    if samples.predicts_number:
        raise ExportError(f"data set {samples.name} is of numbers to be predicted, expected classes.",
                          "Export a classifier.")  # fmt: skip
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
    parts = {name: Part(real(samples.images[index]), samples.labels[index]) for name, index in indices.items()}
    routed = routers.load(folder.router_checkpoint) if settings.score == ROUTER else None
    return Trained(config, settings, samples, model, checkpoint, parts, routed)
