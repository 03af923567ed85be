"""What an export says: tables for people on stdout, or one JSON object for machines.

show(result, board)             # rich tables
print(json.dumps(to_json(result, board), indent=2))
"""

import dataclasses
from itertools import pairwise
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from boards import Board, load_all
from boards.fit import Part, advice, excess
from contract.gate import ONE
from contract.manifest import Gate, Router
from export.layer_errors import LayerError
from export.pipeline import Exported

# One point of accuracy: beyond it, quantisation has changed the model rather than its number format.
ACCURACY_LOSS_ALLOWED: Final = 0.01

IDEAL_SQNR_DB: Final = 49.9  # 6.02 * 8 + 1.76, of a sine that fills the range of 8 bits


def warnings(result: Exported, board: Board | None) -> list[str]:
    """Checks that failed, one paragraph each: accuracy lost by quantisation, a board that is too small."""
    found = []
    accuracy = result.manifest.accuracy
    if accuracy.float32 - accuracy.quantised > ACCURACY_LOSS_ALLOWED:
        culprit = _steepest_fall(result.layers)
        found.append(
            f"{result.manifest.quantisation.activations} accuracy on the test split is {accuracy.quantised:.2%}, {accuracy.float32 - accuracy.quantised:.2%} "
            f"below float ({accuracy.float32:.2%}); at most {ACCURACY_LOSS_ALLOWED:.0%} is expected. The SQNR falls most "
            f"at {culprit.name}. Train with less extreme activations (weight decay, batch normalisation), or use a "
            "larger model."
        )
    if board:
        parts = (Part("weights", result.weights, 0), Part("arena", 0, result.manifest.memory.arena_bytes))
        for kind, too_much in excess(parts, board).items():
            found.append(
                f"weights and arena take {too_much:,} bytes of {kind} more than {board.title} has, the firmware not yet counted. "
                f"Use a smaller model or another board. {advice(parts, load_all())}"
            )
    return found


def _steepest_fall(layers: tuple[LayerError, ...]) -> LayerError:
    """The layer that adds most noise: noise is passed on, so it is not simply the one of least SQNR."""
    levels = [IDEAL_SQNR_DB]
    for layer in layers:
        levels.append(IDEAL_SQNR_DB if layer.sqnr_db is None else min(layer.sqnr_db, IDEAL_SQNR_DB))
    falls = [before - after for before, after in pairwise(levels)]
    return layers[falls.index(max(falls))]


def to_json(result: Exported, board: Board | None) -> dict[str, Any]:
    """The same figures as `show`; ratios in [0, 1]."""
    described = result.manifest
    return {
        "run": described.name,
        "model": dataclasses.asdict(described.model),
        "weights_bytes": result.weights,
        "arena_bytes": described.memory.arena_bytes,
        "macs": sum(operator.macs for operator in described.operators),
        "accuracy": {
            "samples": described.accuracy.samples,
            "float": described.accuracy.float32,
            "float_tflite": result.float_tflite_accuracy,
            "quantised": described.accuracy.quantised,
        },
        "quantisation": dataclasses.asdict(described.quantisation),
        "gate": {
            "score": described.gate.score,
            "target": described.gate.target,
            "threshold": described.gate.threshold,
            "measured": [dataclasses.asdict(measured) for measured in described.gate.measured],
            "router": _router_figures(described.gate.router),
        },
        "layers": [dataclasses.asdict(layer) for layer in result.layers],
        "files": [str(path) for path in result.files],
        "warnings": warnings(result, board),
    }


def show(result: Exported, board: Board | None) -> None:
    """Print the tables on stdout."""
    console = Console(highlight=False)
    accuracy, gate = result.manifest.accuracy, result.manifest.gate
    quantisation = result.manifest.quantisation
    console.print(f"{_kind(result)} against float, layer by layer (validation split)")
    console.print(_layer_table(result.layers))
    console.print(f"Accuracy (test split, {accuracy.samples} samples)")
    console.print(_accuracy_table(result))
    console.print(f"Activations: {quantisation.activations}; {quantisation.reason}.", soft_wrap=True)
    for candidate in quantisation.candidates:
        console.print(
            f"  {candidate.activations}: {candidate.accuracy:.2%} on the validation split; {candidate.frozen:.1%} of the state's "
            "changes are less than half a step",
            soft_wrap=True,
        )
    ((target, wanted),) = gate.target.items()
    console.print(f"Gate: {gate.score} of at least {gate.threshold} / {ONE}, for a {target} of {wanted:g}")
    console.print(_gate_table(gate))
    if figures := _router_figures(gate.router):
        console.print(
            f"Router: reads {figures['statistics']} statistics and {figures['features']} features; {figures['macs']:,} "
            f"multiply-accumulates, {figures['bytes']:,} bytes of .tflite, {figures['ram_bytes']:,} bytes of arena.",
            soft_wrap=True,
        )
    described = result.manifest
    macs = sum(operator.macs for operator in described.operators)
    size = f"{described.model.bytes:,} bytes of .tflite; compiled: {result.weights:,} bytes of weights, "
    size += f"{described.memory.arena_bytes:,} bytes of arena, {macs:,} multiply-accumulates"
    if board:
        size += f"; {board.title} has {board.budget.flash:,} bytes of flash and {board.budget.ram:,} of RAM for all"
    console.print(f"Model {described.model.sha256[:16]}: {size}.", soft_wrap=True)
    console.print(f"Written to {result.folder.path}: {', '.join(path.name for path in result.files)}.", soft_wrap=True)
    for warning in warnings(result, board):
        console.print(f"\nwarning: {warning}", style="bold red", markup=False, soft_wrap=True)


def _router_figures(router: Router | None) -> dict[str, Any] | None:
    """What a router costs; None without one."""
    if router is None:
        return None
    return {
        "statistics": router.statistics,
        "features": router.inputs[1].shape[-1],
        "macs": sum(operator.macs for operator in router.operators),
        "bytes": router.bytes,
        "ram_bytes": router.ram_bytes,
    }


def _table(*columns: str) -> Table:
    """A table whose first column is text and whose others are figures."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", overflow="fold")
    return table


def _layer_table(layers: tuple[LayerError, ...]) -> Table:
    table = _table("layer", "shape", "scale", "SQNR dB", "max error", "clipped")
    for layer in layers:
        # Names follow operators (`conv_2d_0`), but for the inputs and outputs of the model.
        name = layer.name if layer.op.lower() in layer.name else f"{layer.name} ({layer.op})"
        shape = "x".join(map(str, layer.shape[1:]))
        sqnr = "exact" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}"
        table.add_row(name, shape, f"{layer.scale:.4g}", sqnr, f"{layer.max_error:.3g}", f"{layer.clipped:.2%}")
    return table


def _accuracy_table(result: Exported) -> Table:
    accuracy = result.manifest.accuracy
    table = _table("model", "accuracy")
    for name, value in (
        ("PyTorch, float", accuracy.float32),
        (".tflite, float", result.float_tflite_accuracy),
        (f".tflite, {_kind(result)}, TensorFlow Lite Micro", accuracy.quantised),
    ):
        table.add_row(name, f"{value:.2%}")
    return table


def _kind(result: Exported) -> str:
    return {"int8": "int8", "int16": "16x8"}[result.manifest.quantisation.activations]


def _gate_table(gate: Gate) -> Table:
    in_time = any(measured.mean_steps is not None for measured in gate.measured)
    table = _table("split", "samples", "coverage", "selective risk", *(["mean frames"] if in_time else []))
    for measured in gate.measured:
        row = [measured.split, str(measured.samples), f"{measured.coverage:.2%}", f"{measured.selective_risk:.2%}"]
        table.add_row(*row, *([f"{measured.mean_steps:.1f}"] if measured.mean_steps is not None else []))
    return table
