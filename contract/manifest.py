"""`manifest.json`: the one contract that every stage after export reads.

    manifest = load(Path("runs/digits/manifest.json"))

Written by `python -m export`, read by the firmware build, the host bridge and the tests. `FORMAT` is raised whenever a
field changes meaning; `load` refuses any other format, unknown fields and missing ones.
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.errors import DemurError
from contract.log_mel import LogMel

FORMAT: Final = 3


class ManifestError(DemurError):
    """The manifest is missing, not JSON, or not of this format."""


@dataclass(frozen=True)
class Model:
    """The quantised model. `file` is relative to the manifest; `bytes` is its size."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Tensor:
    """An input or output. real = scale * (code - zero_point)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * {"int8": 1, "int16": 2}[self.dtype]


@dataclass(frozen=True)
class State:
    """A state tensor of a recurrent model: after a step, output is copied to input (their scales are equal)."""

    input: str
    output: str


@dataclass(frozen=True)
class Stream:
    """How a recurrent model is fed: at most `steps` frames a sequence, no decision before `minimum_steps` of them.

    Frames are images' rows, whose 0 .. 1 was stretched to `low` .. `high`; `features` are how they are made of sound,
    None if they are anything else.
    """

    steps: int
    minimum_steps: int
    low: float
    high: float
    features: LogMel | None


@dataclass(frozen=True)
class Candidate:
    """A way to quantise the model, and what it does on the validation split. `activations` is int8, or int16 for 16x8.

    `frozen` is the share of the float model's changes of its state that are less than half a step of the quantised
    state: what such a state cannot follow, however many of them add up.
    """

    activations: str
    accuracy: float
    frozen: float


@dataclass(frozen=True)
class Quantisation:
    """What was chosen, why in words, and what it was chosen from. Weights are int8; inputs and logits are int8 too."""

    activations: str
    reason: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Measured:
    """What the gate does on a split, with the quantised model: `selective_risk` is the error rate among accepted samples;
    `mean_steps` is how many frames it takes until the decision, abstentions included, None without a stream."""

    split: str
    samples: int
    coverage: float
    selective_risk: float
    mean_steps: float | None


@dataclass(frozen=True)
class Operator:
    """One operator, in execution order. `macs` is 0 for operators that do not multiply and accumulate."""

    op: str
    name: str
    macs: int


@dataclass(frozen=True)
class Router:
    """The second model, of a gate whose score is "router": what it reads, what it costs. `file` is relative to the
    manifest.

    `inputs` are "statistics", of the kind named (contract.gate.statistics.STATISTICS) and made with `table`, and
    "features", whose codes are those of the base model's output of that name; `output` is "gate". `ram_bytes` is the
    arena of its C code.
    """

    file: str
    sha256: str
    bytes: int
    statistics: str
    table: tuple[int, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor
    ram_bytes: int
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Gate:
    """Accept or abstain: `score` names the rule (contract.gate.SCORES), `threshold` is a score code.

    `output` is the model's output with the logits, of which the first are those of the classes; `extra` the one with
    what else the score reads (contract.gate.Score), None if it reads nothing else. `offsets`, one for each class or
    none at all, are added to the score codes of samples of that class.
    """

    score: str
    output: str
    extra: str | None
    temperature: float
    table: tuple[int, ...]
    offsets: tuple[int, ...]
    threshold: int
    target: dict[str, float]
    measured: tuple[Measured, ...]
    router: Router | None


@dataclass(frozen=True)
class Buffer:
    """A tensor's place in the arena, and the first and last operator during which it is alive.

    `last` equals the number of operators for a tensor that is kept when all have run.
    """

    tensor: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Memory:
    """The memory plan of the ahead-of-time C code."""

    arena_bytes: int
    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy on the test split, in [0, 1]; of sequences, after the last frame."""

    samples: int
    float32: float
    quantised: float


@dataclass(frozen=True)
class Manifest:
    format: int
    name: str
    model: Model
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: tuple[State, ...]
    stream: Stream | None
    quantisation: Quantisation
    classes: tuple[str, ...]
    gate: Gate
    memory: Memory
    operators: tuple[Operator, ...]
    accuracy: Accuracy
    large_checkpoint: str | None

    @property
    def hash(self) -> int:
        """What the board announces in HELLO: the first 8 bytes, big endian, of the SHA-256 of the model, or if there is
        a router of the SHA-256 of both, one after the other."""
        of = self.model.sha256
        if self.gate.router:
            of = hashlib.sha256(bytes.fromhex(of + self.gate.router.sha256)).hexdigest()
        return int(of[:16], 16)

    def output(self, name: str) -> Tensor:
        """The output tensor of that name."""
        return next(tensor for tensor in self.outputs if tensor.name == name)


def save(manifest: Manifest, path: Path) -> None:
    path.write_text(json.dumps(dataclasses.asdict(manifest), indent=2) + "\n")


def load(path: Path) -> Manifest:
    """Read and check a manifest. Raises ManifestError naming the file, the field and what was expected."""
    remake = "Run `python -m export` on the run folder to write it again."
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}).", remake) from None
    except ValueError as error:
        raise ManifestError(f"{path}: not JSON ({error}).", remake) from None
    found = value.get("format") if isinstance(value, dict) else None
    if found != FORMAT:
        raise ManifestError(f"{path}: format is {found!r}, expected {FORMAT}.", remake)
    try:
        manifest: Manifest = _parse(Manifest, value, "manifest")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}.", remake) from None
    return manifest


def _parse(kind: Any, value: Any, where: str) -> Any:
    """JSON value to the annotated type; ValueError names the field."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is {type(value).__name__}, expected an object")
        hints = typing.get_type_hints(kind)
        if unknown := value.keys() - hints.keys():
            raise ValueError(f"{where} has the unknown field {sorted(unknown)[0]!r}")
        if missing := hints.keys() - value.keys():
            raise ValueError(f"{where} lacks the field {sorted(missing)[0]!r}")
        return typing.cast(Any, kind)(**{name: _parse(hints[name], value[name], f"{where}.{name}") for name in hints})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {type(value).__name__}, expected a list")
        return tuple(_parse(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} is {type(value).__name__}, expected an object")
        return {key: _parse(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is types.UnionType:
        return None if value is None else _parse(arguments[0], value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} is {value!r}, expected {kind.__name__}")
    return value
