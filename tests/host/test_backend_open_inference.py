"""The Open Inference Protocol backend against a server that follows the specification, in JSON and in bytes, and
against servers that do not."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import backend
from host.backend import NoAnswer
from host.errors import HostError
from open_inference_server import Behaviour, Server

pytest.importorskip("urllib3", reason="urllib3 is not installed")
BINARY = ("binary_tensor_data",)


def samples(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).random((count, 8, 8, 1), dtype=np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return result


def linear(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of images [N, 1, 8, 8]."""
    assert images.shape[1:] == (1, 8, 8)
    weights = np.random.default_rng(2).standard_normal((64, 10)).astype(np.float32)
    result: NDArray[np.float32] = images.reshape(-1, 64) @ weights
    return result


def expected(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return softmax(linear(np.moveaxis(images, -1, 1)))


@pytest.fixture
def manifest(run_folder: RunFolder) -> Manifest:
    return manifests.load(run_folder.manifest)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Behaviour(lambda images: softmax(linear(images)))) as made:
        yield made


@pytest.mark.parametrize("extensions", [(), ("classification", *BINARY)])
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_the_answers_are_those_of_the_served_model(
    server: Server, run_folder: RunFolder, manifest: Manifest, extensions: tuple[str, ...], datatype: str
) -> None:
    server.behaviour.extensions = extensions
    for tensors in ("inputs", "outputs"):
        setattr(server.behaviour, tensors, [{**getattr(server.behaviour, tensors)[0], "datatype": datatype}])
    large = backend.load(server.url, run_folder, manifest)
    for count in (1, 3, 70):  # 70 are three requests
        found = large.classify(samples(count))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected(samples(count)), rtol=1e-5)
    assert len(server.behaviour.clients) == 1  # one connection for all of it


def test_the_same_model_from_a_file_says_the_same(with_large_model: RunFolder) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from export import large

    manifest = manifests.load(with_large_model.manifest)
    path = large.write(with_large_model.large_checkpoint, with_large_model.path / "large.onnx").path
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    behaviour = Behaviour(lambda images: np.asarray(session.run(None, {"image": images})[0]), BINARY)
    local = backend.load(str(path), with_large_model, manifest).classify(samples(40))
    with Server(behaviour) as server:
        np.testing.assert_allclose(
            backend.load(server.url, with_large_model, manifest).classify(samples(40)), local, atol=1e-6
        )


def test_half_precision_travels_as_bytes(server: Server, run_folder: RunFolder, manifest: Manifest) -> None:
    server.behaviour.extensions = BINARY
    server.behaviour.inputs = [{"name": "image", "datatype": "FP16", "shape": [-1, 1, 8, 8]}]
    found = backend.load(server.url, run_folder, manifest).classify(samples(3))
    np.testing.assert_allclose(found, expected(samples(3).astype(np.float16).astype(np.float32)), rtol=1e-4)


def test_the_request_is_laid_out_as_the_extension_says(
    server: Server, run_folder: RunFolder, manifest: Manifest
) -> None:
    server.behaviour.extensions = BINARY
    backend.load(server.url, run_folder, manifest).classify(samples(2))
    headers, body = server.behaviour.bodies[-1]
    head = int(headers["Inference-Header-Content-Length"])
    assert json.loads(body[:head]) == {
        "inputs": [
            {"name": "image", "shape": [2, 1, 8, 8], "datatype": "FP32", "parameters": {"binary_data_size": 512}}
        ],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    assert body[head:] == samples(2).astype("<f4").tobytes()  # one channel: rows are the same, first or last
    assert int(headers["Content-Length"]) == head + 512


def test_logits_and_a_fixed_batch(server: Server, run_folder: RunFolder, manifest: Manifest) -> None:
    server.behaviour.model = linear
    server.behaviour.inputs = [{"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8]}]
    found = backend.load(server.url, run_folder, manifest).classify(samples(3))
    np.testing.assert_allclose(found, expected(samples(3)), rtol=1e-5)
    assert {json.loads(body)["inputs"][0]["shape"][0] for _, body in server.behaviour.bodies} == {1}


def test_the_version_is_in_every_path(server: Server, run_folder: RunFolder, manifest: Manifest) -> None:
    backend.load(f"{server.url}/versions/2", run_folder, manifest)
    path = "/v2/models/digits/versions/2"
    assert server.behaviour.paths == ["/v2", path, f"{path}/ready", f"{path}/infer"]


def test_an_answer_without_the_bytes_that_were_asked_for_is_read_as_json(
    server: Server, run_folder: RunFolder, manifest: Manifest
) -> None:
    large = backend.load(server.url, run_folder, manifest)
    rows = expected(samples(2)).tolist()
    answer = {"outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [2, 10], "data": rows}]}  # nested
    server.behaviour.infer = (200, json.dumps(answer).encode(), {})
    np.testing.assert_allclose(large.classify(samples(2)), expected(samples(2)), rtol=1e-6)


def test_no_answer_in_time_is_no_answer(server: Server, run_folder: RunFolder, manifest: Manifest) -> None:
    large = backend.load(f"{server.url}?timeout=0.05", run_folder, manifest)
    server.behaviour.hold = threading.Event()
    with pytest.raises(NoAnswer, match=r"^no answer within 0\.05 s$"):
        large.classify(samples(1))


def test_a_server_that_comes_back_is_asked_again(run_folder: RunFolder, manifest: Manifest) -> None:
    behaviour = Behaviour(lambda images: softmax(linear(images)))
    with Server(behaviour) as server:
        large = backend.load(server.url, run_folder, manifest)
        port = server.server_address[1]
    with pytest.raises(NoAnswer):
        large.classify(samples(1))
    with pytest.raises(NoAnswer, match="Connection refused"):
        large.classify(samples(1))
    with Server(behaviour, port):
        np.testing.assert_allclose(large.classify(samples(1)), expected(samples(1)), rtol=1e-5)


def answered(**changes: Any) -> bytes:
    described = {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": [0.1] * 10}
    return json.dumps({"outputs": [{**described, **changes}]}).encode()


HEAD = json.dumps({"outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "parameters": {"binary_data_size": 40}}]}).encode()  # fmt: skip
LENGTH = {"Inference-Header-Content-Length": str(len(HEAD))}

NO_ANSWERS: list[tuple[int, bytes, dict[str, str], str]] = [
    (500, b'{"error": "out of memory"}', {}, "^HTTP 500: out of memory$"),
    (503, b"Service Unavailable", {}, "^HTTP 503: Service Unavailable$"),
    (502, b"", {}, "^HTTP 502: without a word$"),
    (307, b"", {"Location": "http://127.0.0.1:1/"}, "^HTTP 307"),
    (400, b'{"error": "' + b"x" * 5000 + b'"}', {}, "^HTTP 400: x{200}$"),
    (200, b"", {}, "not an answer of the protocol"),
    (200, b"[]", {}, "not an answer of the protocol"),
    (200, b'{"outputs": 3}', {}, "not an answer of the protocol"),
    (200, b'{"outputs": []}', {}, "no output probabilities"),
    (200, answered(name="other"), {}, "no output probabilities"),
    (200, answered(datatype="INT64"), {}, "not an answer of the protocol .*INT64"),
    (200, answered(shape=[1, 11]), {}, "not an answer of the protocol"),
    (200, answered(shape=[10, 1]), {}, r"'probabilities' is \[10, 1\] for 1 samples, expected \[1, 10\]"),
    (200, answered(data=["a"] * 10), {}, "not an answer of the protocol"),
    (200, answered(data=[None] * 10), {}, "not finite"),
    (200, HEAD + bytes(39), LENGTH, "39 bytes of 40"),
    (200, HEAD.replace(b"40", b"44") + bytes(44), LENGTH, r"44 bytes of 44 for FP32 \[1, 10\]"),
    (200, HEAD + bytes(40), {"Inference-Header-Content-Length": "5"}, "not an answer of the protocol"),
    (200, HEAD + bytes(40), {"Inference-Header-Content-Length": "many"}, "not an answer of the protocol"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "content", "headers", "words"), NO_ANSWERS)
def test_what_is_no_answer_says_why(
    server: Server, run_folder: RunFolder, manifest: Manifest,
    status: int, content: bytes, headers: dict[str, str], words: str,
) -> None:  # fmt: skip
    large = backend.load(server.url, run_folder, manifest)
    server.behaviour.infer = (status, content, headers)
    with pytest.raises(NoAnswer, match=words):
        large.classify(samples(1))
    server.behaviour.infer = None  # and the connection is still of use
    np.testing.assert_allclose(large.classify(samples(1)), expected(samples(1)), rtol=1e-5)


def image(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8], **changes}]


def output(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "y", "datatype": "FP32", "shape": [-1, 10], **changes}]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"metadata": (404, b'{"error": "Model digits not found"}')}, "digits: HTTP 404: Model digits not found.*Check the model's name"),
    ({"metadata": (200, b"<html>")}, "not the metadata of a model .*speaks the Open Inference Protocol"),
    ({"metadata": (200, b'{"inputs": [{}], "outputs": []}')}, "not the metadata of a model"),
    ({"ready": (400, b"")}, r"the model is not ready \(HTTP 400: without a word\)\. Wait until"),
    ({"ready": (200, b'{"name": "digits", "ready": false}')}, r"the model is not ready \(ready is false\)"),
    ({"inputs": []}, "declares 0 inputs.*model-settings.json"),
    ({"inputs": [*image(), *image(name="mask")]}, r"declares 2 inputs \(image, mask\)"),
    ({"inputs": image(datatype="UINT8")}, "'image' is UINT8"),
    ({"inputs": image(datatype="FP16")}, "'image' is FP16"),  # this server lists no binary extension
    ({"inputs": image(shape=[-1, 3, 32, 32])}, r"its input is \[any, 3, 32, 32\], and a sample of scripted is an image of 8 x 8"),
    ({"inputs": image(shape=[4, 1, 8, 8])}, "expected a first dimension of any size or of 1"),
    ({"inputs": image(shape=[])}, "expected a first dimension of any size or of 1"),
    ({"outputs": []}, "declares no output.*model-settings.json"),
    ({"outputs": output(shape=[-1, 7])}, r"'y' is FP32 \[any, 7\], expected .*\[any, 10\]"),
    ({"outputs": output(datatype="INT64")}, r"'y' is INT64"),
    ({"infer": (500, b'{"error": "no GPU"}', {})}, "4 samples to try it: HTTP 500: no GPU.*See what it logs"),
    ({"model": lambda images: np.zeros((len(images), 9), np.float32)}, r"'probabilities' is \[4, 9\] for 4 samples, expected \[4, 10\]"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_must_refuse(
    server: Server, run_folder: RunFolder, manifest: Manifest, changes: dict[str, Any], words: str
) -> None:
    for name, value in changes.items():
        setattr(server.behaviour, name, value)
    with pytest.raises(HostError, match=words):
        backend.load(server.url, run_folder, manifest)


def nobody(server: Server) -> str:
    server.stop()
    return server.url


ADDRESSES: list[tuple[Callable[[Server], str], str]] = [
    (lambda server: f"{server.url}x", "digitsx: HTTP 404: Model not found"),
    (lambda server: server.url.replace("/v2/", "/v1/"), r"not the URL of a model.*http://HOST:PORT/v2/models/NAME"),
    (lambda server: server.url.replace("/digits", "/"), "not the URL of a model"),
    (lambda server: f"{server.url}/infer", "not the URL of a model"),
    (lambda server: f"{server.url}?timeout=soon", "timeout is 'soon'.*number of seconds"),
    (lambda server: f"{server.url}?timeout=0", "timeout is '0'"),
    (lambda server: "http://127.0.0.1:99999/v2/models/digits", "Start the server, or correct the address"),
    (nobody, r"127\.0\.0\.1:\d+: Connection refused\. Start the server, or correct the address"),
]


@pytest.mark.parametrize(("address", "words"), ADDRESSES)
def test_addresses_that_must_be_refused(
    server: Server, run_folder: RunFolder, manifest: Manifest, address: Callable[[Server], str], words: str
) -> None:
    with pytest.raises(HostError, match=words):
        backend.load(address(server), run_folder, manifest)


def test_without_urllib3_the_error_says_how_to_install_it(
    run_folder: RunFolder, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "urllib3", None)  # import then fails as if it were not installed
    monkeypatch.delitem(sys.modules, "host.backend.open_inference", raising=False)
    with pytest.raises(HostError, match=r"pip install -e '\.\[serve\]'"):
        backend.load("http://127.0.0.1:8080/v2/models/digits", run_folder, manifest)


def test_nothing_heavy_is_imported_for_it() -> None:
    """A demonstration laptop has neither PyTorch nor TensorFlow."""
    import subprocess

    code = "import sys, host.backend.open_inference, host.batcher; sys.exit(bool({'torch', 'tensorflow', 'onnxruntime'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
