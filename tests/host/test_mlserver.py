"""A large model behind a real MLServer on loopback, against the same file in this process.

MLServer pins other versions than we do, so it lives in an environment of its own:

    python3.11 -m venv build/mlserver && build/mlserver/bin/pip install mlserver onnxruntime
    DEMUR_MLSERVER=build/mlserver/bin/mlserver make test ARGS=tests/host/test_mlserver.py
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import urllib3
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.run_folder import RunFolder
from host import backend
from host.backend import LargeModel, NoAnswer
from host.batcher import Batcher
from host.errors import HostError

RUNTIME: Final = Path(__file__).parents[1] / "mlserver_runtime"
NAMED: Final = os.environ.get("DEMUR_MLSERVER") or shutil.which("mlserver")
START_SECONDS: Final = 120.0  # a bound for a server that hangs; it takes some seconds

pytestmark = pytest.mark.skipif(
    NAMED is None,
    reason="MLServer is not installed: python3.11 -m venv build/mlserver && build/mlserver/bin/pip install mlserver onnxruntime, then set "
    "DEMUR_MLSERVER=build/mlserver/bin/mlserver",
)


def samples(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).random((count, 8, 8, 1), dtype=np.float32)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [made.getsockname()[1] for made in sockets]
    for made in sockets:
        made.close()
    return ports


class MlServer:
    """A server of one model, `digits`, in a process of its own."""

    def __init__(self, onnx: Path, folder: Path) -> None:
        http, grpc = free_ports(2)
        shutil.copy(RUNTIME / "onnx_runtime.py", folder)
        shutil.copy(onnx, folder / "large.onnx")
        settings = {**json.loads((RUNTIME / "settings.json").read_text()), "http_port": http, "grpc_port": grpc}
        model = json.loads((RUNTIME / "model-settings.json").read_text())
        model["parameters"]["uri"] = "./large.onnx"
        (folder / "settings.json").write_text(json.dumps(settings))
        (folder / "model-settings.json").write_text(json.dumps(model))
        self.base = f"http://127.0.0.1:{http}"
        self.url = f"{self.base}/v2/models/digits"
        self._folder = folder
        self._start()

    def _start(self) -> None:
        assert NAMED is not None
        log = self._folder / "mlserver.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(Path(NAMED).absolute()), "start", str(self._folder)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self._folder,
            )  # fmt: skip
        give_up = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                pytest.fail(f"MLServer did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/ready", retries=False, timeout=5.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def start_again(self) -> None:
        self._start()


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained large model of ten classes."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from export import large
    from train import models
    from train.models import checkpoint

    torch.manual_seed(0)
    model = models.build("large_cnn", (1, 8, 8), 10, {})
    path = tmp_path_factory.mktemp("served") / "large.pt"
    checkpoint.save(model, checkpoint.describe("large_cnn", model, {}, tuple("0123456789"), 2.0), path)
    return large.write(path, path.with_suffix(".onnx")).path


@pytest.fixture(scope="module")
def server(onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlServer]:
    made = MlServer(onnx, tmp_path_factory.mktemp("mlserver"))
    yield made
    made.stop()


@pytest.fixture
def remote(server: MlServer, run_folder: RunFolder) -> LargeModel:
    return backend.load(f"{server.url}?timeout=10", run_folder, manifests.load(run_folder.manifest))


@pytest.fixture
def local(onnx: Path, run_folder: RunFolder) -> LargeModel:
    return backend.load(str(onnx), run_folder, manifests.load(run_folder.manifest))


def test_the_server_says_what_the_file_says(remote: LargeModel, local: LargeModel) -> None:
    for count in (1, 5, 70):
        np.testing.assert_allclose(remote.classify(samples(count)), local.classify(samples(count)), atol=1e-6)


def test_the_version_may_be_named(server: MlServer, run_folder: RunFolder, local: LargeModel) -> None:
    versioned = backend.load(f"{server.url}/versions/v1", run_folder, manifests.load(run_folder.manifest))
    np.testing.assert_allclose(versioned.classify(samples(3)), local.classify(samples(3)), atol=1e-6)


@pytest.mark.parametrize("path", ["/v2/models/letters", "/v2/models/digits/versions/v9"])
def test_a_model_that_is_not_there_is_refused_in_the_servers_words(
    server: MlServer, run_folder: RunFolder, path: str
) -> None:
    with pytest.raises(HostError, match=r"HTTP 404: .*not found.*Check the model's name"):
        backend.load(server.base + path, run_folder, manifests.load(run_folder.manifest))


def test_eight_lanes_share_it(remote: LargeModel, local: LargeModel) -> None:
    everything = samples(200)
    expected = local.classify(everything)
    with Batcher(remote, most=8, deadline_seconds=60.0) as batcher, ThreadPoolExecutor(8) as lanes:
        rows = lanes.map(lambda index: batcher.classify(everything[index : index + 1]), range(len(everything)))
        np.testing.assert_allclose(np.concatenate(list(rows)), expected, atol=1e-6)
        statistics = batcher.statistics
    assert statistics.failures == 0 and statistics.mean_batch > 1.0


def test_it_is_asked_again_when_it_is_back(server: MlServer, remote: LargeModel, local: LargeModel) -> None:
    remote.classify(samples(1))
    server.stop()
    try:
        for _ in range(2):  # the connection that was open, and a new one
            with pytest.raises(NoAnswer):
                remote.classify(samples(1))
    finally:
        server.start_again()
    np.testing.assert_allclose(remote.classify(samples(3)), local.classify(samples(3)), atol=1e-6)
