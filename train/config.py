"""A run's configuration: a TOML file as frozen dataclasses, every key checked.

    config = load(Path("train/configs/digits.toml"))

The fields below are the keys of the file, with what each may be; `train/configs/digits.toml` shows them in use. `save`
writes the configuration as resolved, defaults filled in, to the run folder's `run.toml`, which `load` reads as well.
"""

import dataclasses
import difflib
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

from contract.log_mel import LogMel
from train import abstain, data, distil, losses, models, optimisers, routers, updates
from train.abstain import router
from train.abstain.threshold import Coverage, JointError, SelectiveRisk, Target
from train.cells import CELLS
from train.errors import TrainError
from train.heads import LINEAR

CORRECT: Final = "Correct the file; train/configs/digits.toml shows every key in use."
DEVICES: Final = ("cpu", "cuda")  # what to train on; PyTorch's names
HIGHEST_SEED: Final = 2**32 - 1  # scikit-learn's limit; PyTorch's is higher


def _key(allowed: str, check: Callable[[Any], bool], default: Any = dataclasses.MISSING) -> Any:
    """A field whose value must pass `check`; `allowed` says the same in words."""
    return dataclasses.field(default=default, metadata={"allowed": allowed, "check": check})


def _integer(low: int, default: int | None) -> Any:
    return _key(f"an integer of {low} or more", lambda value: type(value) is int and value >= low, default)


def _seed() -> Any:
    allowed = f"an integer of 0 .. {HIGHEST_SEED}"
    return _key(allowed, lambda value: type(value) is int and 0 <= value <= HIGHEST_SEED, 0)


def _number(allowed: str, check: Callable[[float], bool], default: float | None) -> Any:
    def number(value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and check(value)

    return _key(allowed, number, default)


def _name(table: Collection[str], default: Any = dataclasses.MISSING) -> Any:
    return _key("one of " + ", ".join(table), lambda value: isinstance(value, str) and value in table, default)


def _text(allowed: str) -> Any:
    return _key(allowed, lambda value: isinstance(value, str) and value != "", None)


@dataclass(frozen=True, kw_only=True)
class Data:
    """[data]: the data set and its splits. `file` is relative to the configuration's folder.

    From `file` to `fit`, each data set takes its own keys (`train.data.SETS`) and refuses the others. `test` is the
    share of the test split if `split` is "random"; `held_out` names its group if `split` is "held_out".
    """

    set: str = _name(data.SETS)
    file: str | None = _text("the path of a file or folder")
    low: float | None = _number("a number", lambda value: True, None)
    high: float | None = _number("a number", lambda value: True, None)
    steps: int | None = _integer(2, None)
    samples: int | None = _integer(100, None)
    noise: float | None = _number(
        "a standard deviation, 0 to 1, of pixels in 0 .. 1", lambda value: 0 <= value <= 1, None
    )
    features: LogMel | None = None
    height: int | None = _integer(0, None)
    width: int | None = _integer(0, None)
    colour: str | None = _name(data.COLOURS, None)
    fit: str | None = _name(data.FITS, None)
    split: str = _name(data.SPLITS, "random")
    held_out: str | None = _text("the name of a group")
    validation: float = _number("a share above 0 and below 1", lambda value: 0 < value < 1, 0.2)
    test: float = _number("a share above 0 and below 1", lambda value: 0 < value < 1, 0.25)
    seed: int = _seed()


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of each training image; 0 turns one off. A row of an image is a step of a sequence."""

    shift: float = _number("pixels, 0 or more", lambda value: value >= 0, 0.0)
    rotate: float = _number("degrees, 0 to 180", lambda value: 0 <= value <= 180, 0.0)
    noise: float = _number("a standard deviation, 0 to 1, of pixels in 0 .. 1", lambda value: 0 <= value <= 1, 0.0)
    shift_rows: float = _number("rows, 0 or more", lambda value: value >= 0, 0.0)
    stretch: float = _number("a share of the height, 0 to 0.9", lambda value: 0 <= value <= 0.9, 0.0)
    brightness: float = _number("a difference of pixels in 0 .. 1", lambda value: 0 <= value <= 1, 0.0)
    mask_rows: int = _integer(0, 0)
    mask_columns: int = _integer(0, 0)
    crop: int = _integer(0, 0)
    flip: bool = _key("true or false", lambda value: type(value) is bool, False)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How gradients of a sequence become steps; `tail` is for "bptt", `parts` for "truncated_bptt" and "fptt", what
    follows for "fptt"."""

    name: str = _name(updates.UPDATES, "bptt")
    tail: int = _integer(1, 1)
    parts: int = _integer(1, 10)
    alpha: float = _number("a number above 0", lambda value: value > 0, 0.1)
    beta: float = _number("a number above 0 and at most 1", lambda value: 0 < value <= 1, 0.5)
    strength: float = _number("a number, 0 or more", lambda value: value >= 0, 1.0)
    restart: bool = _key("true or false", lambda value: type(value) is bool, True)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What training makes small, with the loss's own options beside its name: { name = "deep_gamblers", reward = 2.2
    }."""

    name: str
    options: dict[str, models.Option] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Distil:
    """[base.distil]: how the base learns from the large model beside the labels; further keys are the options of that
    way."""

    name: str
    options: dict[str, models.Option] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Model:
    """[base] and [large]: a model and how it is trained.

    An epoch has `batches` batches, or with 0 as many as the train split gives; `clip` bounds the gradient's norm, 0
    does not. Training ends early after an epoch whose loss is below `stop_below`. Without `loss` it is what suits the
    labels, cross-entropy for classes and the mean squared error for a number. `distil` is for the base, which then
    learns from the large model.
    """

    model: str = _name(models.MODELS)
    epochs: int = _integer(1, 60)
    batch: int = _integer(2, 32)
    batches: int = _integer(0, 0)
    optimiser: str = _name(optimisers.OPTIMISERS, "adamw")
    learning_rate: float = _number("a number above 0", lambda value: value > 0, 0.01)
    schedule: str = _name(optimisers.SCHEDULES, "one_cycle")
    weight_decay: float = _number("a number, 0 or more", lambda value: value >= 0, 0.01)
    clip: float = _number("a number, 0 or more", lambda value: value >= 0, 0.0)
    stop_below: float = _number("a loss, 0 or more", lambda value: value >= 0, 0.0)
    loss: Loss | None = None
    distil: Distil | None = None
    update: Rule = dataclasses.field(default_factory=Rule)
    augment: Augment = dataclasses.field(default_factory=Augment)
    options: dict[str, models.Option] = dataclasses.field(default_factory=dict)

    @property
    def head(self) -> str:
        """The head that the loss needs, a name in train.heads.HEADS."""
        return losses.LOSSES[self.loss.name if self.loss else losses.OF_CLASSES].head


@dataclass(frozen=True, kw_only=True)
class Gate:
    """[gate]: the score and the target its threshold must meet on the validation split: one threshold, or one for each
    predicted class (`train.abstain.per_class`). Logits are divided by the temperature that is fitted there, or taken as
    they are, as One-Sided Prediction's own rule does.

    A recurrent model answers as soon as the score suffices, but not before `minimum_steps` frames.
    """

    target: Target
    score: str = _name(abstain.SCORES, "softmax_response")
    temperature: str = _name(("fitted", "one"), "fitted")
    thresholds: str = _name(("common", "per_class"), "common")
    minimum_steps: int = _integer(1, 1)


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """[hybrid]: a router beside the base, for a gate whose score is "router" (`train.hybrid`).

    It learns to keep at least `coverage` of the samples, by default what the gate's target asks for. Base, or base and
    large model, are tuned to it in so many `rounds`; with `tune` = "none" there is nothing to repeat. `epochs` and
    `learning_rate` are the router's; `penalty` weighs the coverage that it lacks.
    """

    router: str = _name(routers.ROUTERS, "small")
    coverage: float | None = _number("a share above 0 and at most 1", lambda value: 0 < value <= 1, None)
    tune: str = _name(("none", "base", "both"), "none")
    rounds: int = _integer(1, 1)
    tune_epochs: int = _integer(1, 10)
    tune_learning_rate: float = _number("a number above 0", lambda value: value > 0, 0.001)
    epochs: int = _integer(1, 60)
    learning_rate: float = _number("a number above 0", lambda value: value > 0, 0.01)
    penalty: float = _number("a number, 0 or more", lambda value: value >= 0, 5.0)
    options: dict[str, models.Option] = dataclasses.field(default_factory=dict)

    @property
    def goal(self) -> float:
        """The coverage, which a configuration that was loaded has."""
        assert self.coverage is not None
        return self.coverage


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A run. [large] and [gate] come together; without them the base is trained and measured, and nothing abstains."""

    name: str = _key(
        "letters, digits, '-' and '_'",
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]+", value) is not None,
    )
    data: Data
    base: Model
    large: Model | None = None
    gate: Gate | None = None
    hybrid: Hybrid | None = None
    seed: int = _seed()
    threads: int = _integer(1, 1)
    device: str = _name(DEVICES, "cpu")


@dataclass(frozen=True)
class Trained:
    """Checkpoints of models that were trained as a run's [base] and [large] say, with its seed: it need not train them
    again."""

    base: Path | None = None
    large: Path | None = None


NOTHING_TRAINED: Final = Trained()


def load(path: Path) -> RunConfig:
    """Read and check a configuration. Raises TrainError naming the file, the key, its value and what is allowed."""
    return parse(read(path), path)


def read(path: Path) -> dict[str, Any]:
    """The values of a TOML file. Raises TrainError if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise TrainError(
            f"{path}: cannot be read ({error.strerror}), expected a run's configuration in TOML.",
            "Give a file like train/configs/digits.toml.",
        ) from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise TrainError(f"{path}: not TOML ({error}).", CORRECT) from None


def parse(values: dict[str, Any], path: Path) -> RunConfig:
    """The configuration in the TOML values of the file `path`. Raises TrainError as `load` does."""
    try:
        config: RunConfig = _table(RunConfig, values, "")
        return _resolve(config, path)
    except ValueError as error:
        raise TrainError(f"{path}: {error}.", CORRECT) from None


def _resolve(config: RunConfig, path: Path) -> RunConfig:
    """Checks that join two keys, and the values that follow from elsewhere."""
    if (config.large is None) != (config.gate is None):
        missing, present = ("large", "gate") if config.large is None else ("gate", "large")
        raise ValueError(f"{missing} is missing, expected a table beside [{present}], or neither of them")
    own = {entry.score for entry in losses.LOSSES.values()} - {None}
    loss = losses.LOSSES[config.base.loss.name if config.base.loss else losses.OF_CLASSES]
    if config.gate is not None and config.gate.score in own - {loss.score}:
        makers = ", ".join(repr(name) for name, entry in losses.LOSSES.items() if entry.score == config.gate.score)
        raise ValueError(
            f"gate.score is {config.gate.score!r}, which a model has only if base.loss.name is one of {makers}"
        )
    if config.large is not None and config.large.head != LINEAR:
        assert config.large.loss is not None
        raise ValueError(
            f"large.loss.name is {config.large.loss.name!r}, expected a loss without an abstention of its own"
        )
    if config.base.distil is not None and config.large is None:
        raise ValueError("base.distil is given, but there is no [large], which the base could learn from")
    if config.large is not None and config.large.distil is not None:
        raise ValueError("large.distil is given, expected no such table, as no larger model is there to learn from")
    return dataclasses.replace(
        config,
        data=_with_defaults(config.data, path),
        base=_with_options(config.base, "base"),
        large=config.large and _with_options(config.large, "large"),
        hybrid=_routed(config),
    )


def _routed(config: RunConfig) -> Hybrid | None:
    """[hybrid] with its coverage and every option of its router; it comes with the score that it makes."""
    gate, hybrid = config.gate, config.hybrid
    if hybrid is None:
        if gate is not None and gate.score == router.NAME:
            raise ValueError(f"hybrid is missing, expected a table, as gate.score is {router.NAME!r}")
        return None
    if gate is None or gate.score != router.NAME:
        found = "there is no [gate]" if gate is None else f"gate.score is {gate.score!r}"
        raise ValueError(f"hybrid is given, but {found}, expected {router.NAME!r}")
    if hybrid.coverage is None:
        if not isinstance(gate.target, Coverage):
            raise ValueError(
                f"hybrid.coverage is missing, expected a share above 0 and at most 1, as gate.target is a {gate.target.key}"
            )
        hybrid = dataclasses.replace(hybrid, coverage=gate.target.value)
    given = _options(hybrid.options, routers.options(hybrid.router), "hybrid.options")
    return dataclasses.replace(hybrid, options=given)


def _with_defaults(where: Data, path: Path) -> Data:
    """The keys that the data set takes filled in, the others refused."""
    taken = data.SETS[where.set].keys
    for key in data.KEYS:
        value = getattr(where, key)
        if key not in taken and value is not None:
            raise ValueError(f"data.{key} is {value!r}, expected no such key, as data.set is {where.set!r}")
        if key in taken and value is None:
            if taken[key] is None:
                allowed = Data.__dataclass_fields__[key].metadata["allowed"]
                raise ValueError(f"data.{key} is missing, expected {allowed}, as data.set is {where.set!r}")
            where = dataclasses.replace(where, **{key: taken[key]})
    if where.file is not None:
        where = dataclasses.replace(where, file=str((path.parent / where.file).resolve()))
    if where.low is not None and where.high is not None and not where.low < where.high:
        raise ValueError(f"data.low is {where.low}, expected less than data.high, {where.high}")
    if bool(where.height) != bool(where.width):
        raise ValueError(f"data.height is {where.height} and data.width {where.width}, expected both or neither")
    if where.split == "held_out" and where.held_out is None:
        raise ValueError("data.held_out is missing, expected the name of a group, as data.split is 'held_out'")
    if where.split != "held_out" and where.held_out is not None:
        raise ValueError(f"data.held_out is {where.held_out!r}, expected no such key, as data.split is {where.split!r}")
    if where.split == "random" and where.validation + where.test >= 1:
        raise ValueError(
            f"data.validation {where.validation} and data.test {where.test} leave nothing to train on, expected a sum "
            "below 1"
        )
    return where


def _with_options(model: Model, where: str) -> Model:
    """The model with every option of its constructor, given or default."""
    if model.update.name != "bptt" and model.model not in CELLS:
        raise ValueError(
            f"{where}.update.name is {model.update.name!r}, expected 'bptt', as {where}.model {model.model!r} has no state"
        )
    if model.update.tail > 1 and (model.update.name != "bptt" or model.model not in CELLS):
        what = (
            f"{where}.model is {model.model!r}"
            if model.update.name == "bptt"
            else f"update.name is {model.update.name!r}"
        )
        raise ValueError(
            f"{where}.update.tail is {model.update.tail}, expected 1, as {what}: only 'bptt' of a recurrent model takes more"
        )
    given = _options(model.options, models.options(model.model), f"{where}.options")
    return dataclasses.replace(model, options=given)


def _named(
    value: dict[str, Any], table: Collection[str], options: Callable[[str], dict[str, models.Option]], where: str
) -> dict[str, Any]:
    """`name`, one of a table, and `options`: every option of what is named, the other keys of `value` or defaults."""
    given = dict(value)
    name = given.pop("name", None)
    if name not in table:
        found = f"{where}.name is {name!r}" if "name" in value else f"{where}.name is missing"
        raise ValueError(f"{found}, expected one of {', '.join(table)}")
    return {"name": name, "options": _options(given, options(name), where)}


def _options(given: dict[str, Any], defaults: dict[str, models.Option], where: str) -> dict[str, models.Option]:
    """The defaults with what is given instead, each of its default's type."""
    _refuse_unknown(given, list(defaults), where)
    return defaults | {key: _option(value, defaults[key], f"{where}.{key}") for key, value in given.items()}


def _option(value: Any, default: models.Option, where: str) -> models.Option:
    """A value of the default's type. An integer may be 0 only where that is the default."""
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"{where} is {value!r}, expected a word such as {default!r}")
        return value
    if isinstance(default, float):
        return float(_scalar(float, value, where))
    least = min(1, default)
    if type(value) is not int or value < least:
        raise ValueError(f"{where} is {value!r}, expected an integer of {least} or more")
    return value


def _table(kind: Any, value: Any, where: str) -> Any:
    """A TOML value to the type `kind`, a table to a dataclass; ValueError names the key."""
    if kind == Target:
        return target(value, where)
    if isinstance(kind, types.UnionType):  # of a table and None, which TOML does not have
        (kind,) = (item for item in typing.get_args(kind) if item is not types.NoneType)
    if kind in (int, float):
        return _scalar(kind, value, where)
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}, expected a table")
    if kind == Loss:
        return Loss(**_named(value, losses.LOSSES, losses.options, where))
    if kind == Distil:
        return Distil(**_named(value, distil.DISTILLATIONS, distil.options, where))
    if kind == dict[str, models.Option]:
        return value  # options, which `_with_options` checks against the model
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    _refuse_unknown(value, [field.name for field in fields], where)
    arguments = {}
    for field in fields:
        key = f"{where}.{field.name}".lstrip(".")
        if field.name not in value:
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise ValueError(f"{key} is missing, expected {field.metadata.get('allowed', 'a table')}")
            continue
        found = value[field.name]
        if not field.metadata:
            found = _table(hints[field.name], found, key)
        elif not field.metadata["check"](found):
            raise ValueError(f"{key} is {found!r}, expected {field.metadata['allowed']}")
        arguments[field.name] = float(found) if hints[field.name] in (float, float | None) else found
    try:
        return kind(**arguments)
    except ValueError as error:  # a dataclass that checks itself
        raise ValueError(f"{where}: {error}") from None


def _scalar(kind: type, value: Any, where: str) -> Any:
    """A finite number of that kind; an integer counts as a float."""
    if type(value) is not int and (kind is int or type(value) is not float or not math.isfinite(value)):
        raise ValueError(f"{where} is {value!r}, expected {'an integer' if kind is int else 'a number'}")
    return kind(value)


def _refuse_unknown(value: dict[str, Any], known: list[str], where: str) -> None:
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "expected one of " + ", ".join(known)
            raise ValueError(f"unknown key {key!r} {f'in [{where}]' if where else 'at the top'}, {hint}")


def target(value: Any, where: str) -> Target:
    """A target as in TOML, { coverage = 0.8 }; ValueError names `where`, the value and what is allowed."""
    expected = "expected { coverage = 0.8 }, { selective_risk = 0.01 } or { joint_error = 0.01 }"
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}, {expected}")
    if len(value) != 1:
        raise ValueError(f"{where} holds {len(value)} targets ({', '.join(value) or 'none'}), {expected}")
    ((key, number),) = value.items()
    numeric = type(number) in (int, float)
    if key == Coverage.key:
        if numeric and 0 < number <= 1:
            return Coverage(float(number))
        raise ValueError(f"{where}.coverage is {number!r}, expected a share above 0 and at most 1")
    for error in (SelectiveRisk, JointError):
        if key == error.key:
            if numeric and 0 <= number < 1:
                return error(float(number))
            raise ValueError(f"{where}.{key} is {number!r}, expected an error rate of at least 0 and below 1")
    raise ValueError(f"{where} holds the unknown key {key!r}, {expected}")


def to_values(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested dicts of TOML values, as `load` takes them; keys without a value are left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, Target):
            return {value.key: value.value}
        if isinstance(value, Loss | Distil):
            return {"name": value.name, **value.options}
        if dataclasses.is_dataclass(value):
            pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
            return {name: plain(item) for name, item in pairs if item is not None}
        return value

    values: dict[str, Any] = plain(config)
    return values


def save(config: RunConfig, path: Path) -> None:
    """Write the resolved configuration as TOML."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{key} = {text(item)}" for key, item in value.items()) + " }"
        # A TOML string escapes as JSON does, and DEL besides; numbers are written alike.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    values = to_values(config)
    tables = {key: values.pop(key) for key, value in list(values.items()) if isinstance(value, dict)}
    lines = ["# As resolved by `python -m train`; defaults filled in."]
    lines += [f"{key} = {text(value)}" for key, value in values.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {text(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n")
