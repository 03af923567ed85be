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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

from train import abstain, data, models
from train.abstain.threshold import Coverage, SelectiveRisk, Target
from train.errors import TrainError

CORRECT: Final = "Correct the file; train/configs/digits.toml shows every key in use."
HIGHEST_SEED: Final = 2**32 - 1  # scikit-learn's limit; PyTorch's is higher


def _key(allowed: str, check: Callable[[Any], bool], default: Any = dataclasses.MISSING) -> Any:
    """A field whose value must pass `check`; `allowed` says the same in words."""
    return dataclasses.field(default=default, metadata={"allowed": allowed, "check": check})


def _integer(low: int, default: int) -> Any:
    return _key(f"an integer of {low} or more", lambda value: type(value) is int and value >= low, default)


def _seed() -> Any:
    allowed = f"an integer of 0 .. {HIGHEST_SEED}"
    return _key(allowed, lambda value: type(value) is int and 0 <= value <= HIGHEST_SEED, 0)


def _number(allowed: str, check: Callable[[float], bool], default: float) -> Any:
    def number(value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and check(value)

    return _key(allowed, number, default)


def _name(table: dict[str, Any], default: Any = dataclasses.MISSING) -> Any:
    return _key("one of " + ", ".join(table), lambda value: isinstance(value, str) and value in table, default)


@dataclass(frozen=True, kw_only=True)
class Data:
    """[data]: the data set and its splits. `file`, for `set = "npz"`, is relative to the configuration's folder."""

    set: str = _name(data.SETS)
    file: str | None = _key("the path of a file", lambda value: isinstance(value, str) and value != "", None)
    validation: float = _number("a share above 0 and below 1", lambda value: 0 < value < 1, 0.2)
    test: float = _number("a share above 0 and below 1", lambda value: 0 < value < 1, 0.25)
    seed: int = _seed()


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of each training image; 0 turns one off."""

    shift: float = _number("pixels, 0 or more", lambda value: value >= 0, 0.0)
    rotate: float = _number("degrees, 0 to 180", lambda value: 0 <= value <= 180, 0.0)
    noise: float = _number("a standard deviation, 0 to 1, of pixels in 0 .. 1", lambda value: 0 <= value <= 1, 0.0)


@dataclass(frozen=True, kw_only=True)
class Model:
    """[base] and [large]: a model and how it is trained (AdamW, one-cycle schedule up to `learning_rate`)."""

    model: str = _name(models.MODELS)
    epochs: int = _integer(1, 60)
    batch: int = _integer(2, 32)
    learning_rate: float = _number("a number above 0", lambda value: value > 0, 0.01)
    weight_decay: float = _number("a number, 0 or more", lambda value: value >= 0, 0.01)
    augment: Augment = dataclasses.field(default_factory=Augment)
    options: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """[gate]: the score and the target its threshold must meet on the validation split."""

    target: Target
    score: str = _name(abstain.SCORES, "softmax_response")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    name: str = _key(
        "letters, digits, '-' and '_'",
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]+", value) is not None,
    )
    data: Data
    base: Model
    large: Model
    gate: Gate
    seed: int = _seed()
    threads: int = _integer(1, 1)


def load(path: Path) -> RunConfig:
    """Read and check a configuration. Raises TrainError naming the file, the key, its value and what is allowed."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise TrainError(
            f"{path}: cannot be read ({error.strerror}), expected a run's configuration in TOML.",
            "Give a file like train/configs/digits.toml.",
        ) from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise TrainError(f"{path}: not TOML ({error}).", CORRECT) from None
    try:
        config: RunConfig = _table(RunConfig, values, "")
        return _resolve(config, path)
    except ValueError as error:
        raise TrainError(f"{path}: {error}.", CORRECT) from None


def _resolve(config: RunConfig, path: Path) -> RunConfig:
    """Checks that join two keys, and the values that follow from elsewhere."""
    where = config.data
    if where.validation + where.test >= 1:
        raise ValueError(
            f"data.validation {where.validation} and data.test {where.test} leave nothing to train on, expected a sum "
            "below 1"
        )
    if where.set == "npz":
        if where.file is None:
            raise ValueError("data.file is missing, expected the path of an NPZ archive, as data.set is 'npz'")
        where = dataclasses.replace(where, file=str((path.parent / where.file).resolve()))
    elif where.file is not None:
        raise ValueError(f"data.file is {where.file!r}, expected no such key, as data.set is {where.set!r}")
    return dataclasses.replace(
        config, data=where, base=_with_options(config.base, "base"), large=_with_options(config.large, "large")
    )


def _with_options(model: Model, where: str) -> Model:
    """The model with every option of its constructor, given or default."""
    defaults = models.options(model.model)
    _refuse_unknown(model.options, list(defaults), f"{where}.options")
    for key, value in model.options.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{where}.options.{key} is {value!r}, expected an integer of 1 or more")
    return dataclasses.replace(model, options=defaults | model.options)


def _table(kind: Any, value: Any, where: str) -> Any:
    """A TOML table to the dataclass `kind`; ValueError names the key."""
    if kind == Target:
        return _target(value, where)
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}, expected a table")
    if kind == dict[str, int]:
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
        arguments[field.name] = float(found) if hints[field.name] is float else found
    return kind(**arguments)


def _refuse_unknown(value: dict[str, Any], known: list[str], where: str) -> None:
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "expected one of " + ", ".join(known)
            raise ValueError(f"unknown key {key!r} {f'in [{where}]' if where else 'at the top'}, {hint}")


def _target(value: Any, where: str) -> Target:
    expected = "expected { coverage = 0.8 } or { selective_risk = 0.01 }"
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
    if key == SelectiveRisk.key:
        if numeric and 0 <= number < 1:
            return SelectiveRisk(float(number))
        raise ValueError(f"{where}.selective_risk is {number!r}, expected an error rate of at least 0 and below 1")
    raise ValueError(f"{where} holds the unknown key {key!r}, {expected}")


def to_values(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested dicts of TOML values, as `load` takes them; keys without a value are left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, Target):
            return {value.key: value.value}
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
