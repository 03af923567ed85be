"""The manifest survives a round trip, and refuses what is not one."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import manifest
from contract.errors import KNOWN_FAILURE
from contract.log_mel import LogMel
from contract.manifest import Manifest, ManifestError

finite = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(LogMel, st.builds(LogMel, bands=st.integers(1, 64), frames=st.integers(1, 500)))
for kind in (manifest.Tensor, manifest.Measured, manifest.Accuracy, manifest.Stream, manifest.Candidate):
    hints = {"scale": finite, "coverage": finite, "selective_risk": finite, "float32": finite, "quantised": finite,
             "mean_steps": finite | st.none(), "low": finite, "high": finite, "accuracy": finite, "frozen": finite}  # fmt: skip
    known = {name: strategy for name, strategy in hints.items() if name in kind.__dataclass_fields__}
    st.register_type_strategy(kind, st.builds(kind, **known))
gates = st.builds(
    manifest.Gate,
    temperature=finite,
    target=st.dictionaries(st.text(), finite),
    table=st.lists(st.integers()).map(tuple),
    offsets=st.lists(st.integers()).map(tuple),
    router=st.none(),
)
manifests = st.builds(Manifest, format=st.just(manifest.FORMAT), gate=gates)


@given(manifests)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, written: Manifest) -> None:
    path = tmp_path_factory.getbasetemp() / "manifest.json"
    manifest.save(written, path)
    assert manifest.load(path) == written


GOOD = Manifest(
    format=manifest.FORMAT,
    name="digits",
    model=manifest.Model("model.tflite", "0123456789abcdef" * 4, 7296),
    inputs=(manifest.Tensor("image", (1, 8, 8, 1), "int8", 1 / 255, -128),),
    outputs=(manifest.Tensor("logits", (1, 2), "int8", 0.14, 40),),
    states=(manifest.State("h", "h_next"),),
    stream=manifest.Stream(64, 8, -1.0, 1.0, LogMel(bands=16)),
    quantisation=manifest.Quantisation("int16", "int8 loses too much", (manifest.Candidate("int8", 0.9, 0.1),)),
    classes=("no", "yes"),
    gate=manifest.Gate(
        "router", "logits", "features", 1.1, (32768, 28709), (0, -300), 31887, {"coverage": 0.8},
        (manifest.Measured("validation", 359, 0.8, 0.0, 12.5),),
        manifest.Router("router.tflite", "fedcba9876543210" * 4, 1200, "small", (32768, 0, 9),
                        (manifest.Tensor("statistics", (1, 3), "int8", 1 / 255, -128),),
                        manifest.Tensor("gate", (1, 1), "int8", 0.1, 3), 64,
                        (manifest.Operator("FULLY_CONNECTED", "gate", 40),)),
    ),
    memory=manifest.Memory(648, (manifest.Buffer("image", 0, 64, 0, 1),)),
    operators=(manifest.Operator("CONV_2D", "conv_2d_0", 4608),),
    accuracy=manifest.Accuracy(449, 0.96, 0.96),
    large_checkpoint="large.pt",
)  # fmt: skip


def test_hash_is_what_the_board_announces() -> None:
    alone = replace(GOOD, gate=replace(GOOD.gate, router=None))
    assert alone.hash == 0x0123456789ABCDEF
    assert GOOD.gate.router is not None
    other = replace(GOOD, gate=replace(GOOD.gate, router=replace(GOOD.gate.router, sha256="0" * 64)))
    assert len({GOOD.hash, alone.hash, other.hash}) == 3  # another router is another model
    assert GOOD.output("logits") is GOOD.outputs[0]


def test_integers_are_numbers(tmp_path: Path) -> None:
    """JSON written elsewhere may say 1 for 1.0."""
    value = _json(tmp_path)
    value["gate"]["temperature"] = 1
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(value))
    found = manifest.load(path).gate.temperature
    assert (found, type(found)) == (1.0, float)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _json(folder: Path) -> dict[str, Any]:
    manifest.save(GOOD, folder / "good.json")
    value: dict[str, Any] = json.loads((folder / "good.json").read_text())
    return value


def _set(*path: Any) -> Callable[[dict[str, Any]], Any]:
    """Set the field at path[:-1] to path[-1]."""

    def change(value: dict[str, Any]) -> Any:
        value = copy.deepcopy(value)
        inner: Any = value
        for key in path[:-2]:
            inner = inner[key]
        inner[path[-2]] = path[-1]
        return value

    return change


def _without(*path: Any) -> Callable[[dict[str, Any]], Any]:
    def change(value: dict[str, Any]) -> Any:
        value = copy.deepcopy(value)
        inner: Any = value
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        return value

    return change


MUST_REFUSE: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("format is 2, expected 3", _set("format", 2)),
    ("format is None, expected 3", _without("format")),
    ("format is None, expected 3", lambda _: []),
    ("format is None, expected 3", lambda _: "digits"),
    ("manifest has the unknown field 'colour'", _set("colour", "red")),
    ("manifest.gate has the unknown field 'colour'", _set("gate", "colour", 1)),
    ("manifest lacks the field 'classes'", _without("classes")),
    ("manifest.inputs[0] lacks the field 'scale'", _without("inputs", 0, "scale")),
    ("manifest.inputs[0].scale is '0.1', expected float", _set("inputs", 0, "scale", "0.1")),
    ("manifest.inputs[0].zero_point is 0.5, expected int", _set("inputs", 0, "zero_point", 0.5)),
    ("manifest.inputs[0].zero_point is True, expected int", _set("inputs", 0, "zero_point", True)),
    ("manifest.inputs[0].scale is True, expected float", _set("inputs", 0, "scale", True)),
    ("manifest.inputs[0].shape[2] is None, expected int", _set("inputs", 0, "shape", 2, None)),
    ("manifest.inputs is dict, expected a list", _set("inputs", {})),
    ("manifest.model is str, expected an object", _set("model", "model.tflite")),
    ("manifest.gate.target is list, expected an object", _set("gate", "target", ["coverage"])),
    ("manifest.gate.target.coverage is 'most', expected float", _set("gate", "target", "coverage", "most")),
    ("manifest.classes[1] is 1, expected str", _set("classes", 1, 1)),
    ("manifest.gate.router is int, expected an object", _set("gate", "router", 1)),
    ("manifest.gate lacks the field 'offsets'", _without("gate", "offsets")),
    ("manifest.large_checkpoint is 5, expected str", _set("large_checkpoint", 5)),
]


@pytest.mark.parametrize(("message", "change"), MUST_REFUSE, ids=[message for message, _ in MUST_REFUSE])
def test_refuses(tmp_path: Path, message: str, change: Callable[[dict[str, Any]], Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(change(_json(tmp_path))))
    _refused(path, message)


@pytest.mark.fuzz
@given(places=st.lists(st.integers(0, 10), max_size=6), value=json_values)
def test_any_value_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, places: list[int], value: Any
) -> None:
    document = _json(tmp_path_factory.getbasetemp())
    inner: Any = document
    for place in places:  # down to some container, which is not entered further when it is empty
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        if not keys:
            break
        key = keys[place % len(keys)]
        if not isinstance(inner[key], dict | list):
            inner[key] = value
            break
        inner = inner[key]
    else:
        document = value
    path = tmp_path_factory.getbasetemp() / "changed.json"
    path.write_text(json.dumps(document))
    try:
        found = manifest.load(path)
    except ManifestError as error:
        assert str(path) in error.problem and error.next_step
    else:
        manifest.save(found, path)
        assert manifest.load(path) == found


@pytest.mark.parametrize("text", ["", "{", "manifest", '{"format": 1,}'])
def test_refuses_what_is_not_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    _refused(path, "not JSON")


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    _refused(tmp_path / "manifest.json", "cannot be read")
    _refused(tmp_path, "cannot be read")  # a folder


def _refused(path: Path, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.load(path)
    assert message in caught.value.problem
    assert str(path) in caught.value.problem
    assert "python -m export" in caught.value.next_step
    assert caught.value.exit_code == KNOWN_FAILURE
