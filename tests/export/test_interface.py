"""Inputs and outputs keep their names, whatever order the converter chose."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from export import flatbuffer, graph
from export.errors import ExportError
from export.float_model import FloatModel
from export.interface import arrange, channels_last
from tflite_builder import Builder


def _outputs(content: bytes, image: np.ndarray) -> list[np.ndarray]:
    """Values of the outputs by position, for one image in PyTorch's layout."""
    found = graph.parse(content, "arranged")
    (activations,) = FloatModel(content).run(channels_last(image))
    return [activations[found.tensors[index].name] for index in found.outputs]


def _arranged(converted: Any, content: bytes, names: tuple[str, ...]) -> bytes:
    answers = converted.model.answers(converted.probe)
    return arrange(content, {"image": converted.probe}, {name: answers[name] for name in names})


def _without_names(content: bytes, order: tuple[int, ...]) -> bytes:
    model = flatbuffer.unpack(content)
    model.signatureDefs = None
    model.subgraphs[0].outputs = model.subgraphs[0].outputs[list(order)]
    return flatbuffer.pack(model)


def _swapped_names(content: bytes) -> bytes:
    model = flatbuffer.unpack(content)
    first, second, *_ = model.signatureDefs[0].outputs
    first.tensorIndex, second.tensorIndex = second.tensorIndex, first.tensorIndex
    return flatbuffer.pack(model)


@pytest.mark.parametrize("names", list(itertools.permutations(("logits", "gate", "route"))))
def test_outputs_of_one_shape_come_in_the_order_asked_for(converted: Any, names: tuple[str, ...]) -> None:
    content = _arranged(converted, converted.content, names)
    image = np.random.default_rng(2).random((1, 3, 8, 8), dtype=np.float32)  # not the probe
    expected = converted.model.answers(image)
    for name, value in zip(names, _outputs(content, image), strict=True):
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_lost_names_are_found_by_value(converted: Any, order: tuple[int, ...]) -> None:
    names = converted.model.output_names
    content = _arranged(converted, _without_names(converted.content, order), names)
    for name, value in zip(names, _outputs(content, converted.probe), strict=True):
        np.testing.assert_allclose(value, converted.model.answers(converted.probe)[name], atol=1e-5, err_msg=name)


def test_names_that_lie_are_refused(converted: Any) -> None:
    with pytest.raises(ExportError, match="does not compute what the PyTorch model does"):
        _arranged(converted, _swapped_names(converted.content), converted.model.output_names)


MUST_REFUSE: dict[str, Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]] = {
    "output 'extra' (1, 4) is missing: no output has its values": lambda answers: {
        **answers, "extra": answers["logits"] + 1
    },
    "output 'extra' (1, 4) is the same tensor as another output": lambda answers: {
        **answers, "extra": answers["logits"]
    },
    "output 'logits' (1, 5) is missing": lambda answers: {**answers, "logits": np.zeros((1, 5), np.float32)},
}  # fmt: skip


@pytest.mark.parametrize(("message", "change"), MUST_REFUSE.items())
def test_refuses(converted: Any, message: str, change: Callable[[Any], Any]) -> None:
    with pytest.raises(ExportError) as caught:
        arrange(converted.content, {"image": converted.probe}, change(converted.model.answers(converted.probe)))
    assert message in caught.value.problem


def test_another_input_shape_is_refused(converted: Any) -> None:
    with pytest.raises(ExportError, match="other inputs"):
        arrange(
            _without_names(converted.content, (0, 1, 2)),
            {"image": np.zeros((1, 3, 9, 9), np.float32)},
            converted.model.answers(converted.probe),
        )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_inputs_of_one_shape_are_found_by_value(order: tuple[int, int]) -> None:
    """x - h of two nameless inputs: only the values tell which is which."""
    build = Builder()
    first, second, output = (build.tensor(name, (1, 4), "float32") for name in ("a", "b", "c"))
    build.operator("SUB", [first, second], [output])
    content = build.bytes([first, second] if order == (0, 1) else [second, first], [output])
    rng = np.random.default_rng(0)
    x, h = (rng.random((1, 4), dtype=np.float32) for _ in range(2))
    arranged = arrange(content, {"x": x, "h": h}, {"difference": x - h})
    found = graph.parse(arranged, "arranged")
    assert [found.tensors[index].name for index in found.inputs] == ["x", "h"]
    assert found.operators[0].inputs == found.inputs


def test_every_fully_connected_has_a_bias(converted: Any) -> None:
    def biases(content: bytes) -> list[np.ndarray | None]:
        found = graph.parse(content, "model")
        return [
            found.tensors[operator.inputs[2]].data if len(operator.inputs) > 2 and operator.inputs[2] != -1 else None
            for operator in found.operators
            if operator.op == "FULLY_CONNECTED"
        ]

    before = biases(converted.content)
    after = biases(_arranged(converted, converted.content, converted.model.output_names))
    assert [bias is None for bias in before].count(True) == 1
    for old, new in zip(before, after, strict=True):
        assert new is not None
        np.testing.assert_array_equal(new, np.zeros(4) if old is None else old)


def test_names_are_unique_and_say_what_a_tensor_is(converted: Any) -> None:
    found = graph.parse(_arranged(converted, converted.content, converted.model.output_names), "arranged")
    names = [tensor.name for tensor in found.tensors]
    assert len(set(names)) == len(names)
    assert {"image", "logits", "gate", "route", "logits/weights", "logits/bias", "conv_2d_0", "conv_2d_0/bias"} <= {
        *names
    }
    assert not any("model" in name for name in names)  # TensorFlow's own names


def test_same_input_same_bytes_and_arranging_twice_changes_nothing(converted: Any) -> None:
    names = converted.model.output_names
    once = _arranged(converted, converted.content, names)
    assert once == _arranged(converted, converted.content, names)
    assert once == _arranged(converted, once, names)
