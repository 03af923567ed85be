"""A server of the Open Inference Protocol v2 in a thread, for what a real one cannot be made to do on demand: the
binary tensor data extension, written from its specification, and every kind of misbehaviour.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import prod
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Model = Callable[[NDArray[np.float32]], NDArray[np.float32]]
FORMATS = {"FP32": "f", "FP64": "d", "FP16": "e"}  # of struct; the extension's are little-endian, without padding


@dataclass
class Behaviour:
    """What the server is like; a test may change it while it runs."""

    model: Model
    extensions: Any = ()
    inputs: Any = ({"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8]},)
    outputs: Any = ({"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},)
    ready: tuple[int, bytes] = (200, b"")
    metadata: tuple[int, bytes] | None = None
    infer: tuple[int, bytes, dict[str, str]] | None = None
    hold: threading.Event | None = None  # no answer before it is set
    bodies: list[tuple[dict[str, str], bytes]] = field(default_factory=list)  # of inference requests
    clients: set[tuple[str, int]] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        of = self._seen()
        described = {"name": "digits", "platform": "test", "inputs": of.inputs, "outputs": of.outputs}
        answers = {
            "/v2": (200, json.dumps({"name": "test", "version": "1", "extensions": of.extensions}).encode()),
            "/v2/models/digits": of.metadata or (200, json.dumps(described).encode()),
            "/v2/models/digits/ready": of.ready,
        }
        unknown = (404, b'{"error": "Model not found"}')
        self._send(*answers.get(self.path.replace("/versions/2", ""), unknown), {})

    def do_POST(self) -> None:
        of = self._seen()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        of.bodies.append((dict(self.headers.items()), body))
        if of.hold is not None:
            of.hold.wait(60.0)
        status, content, headers = of.infer or self._infer(of, body)
        self._send(status, content, headers)

    def _infer(self, of: Behaviour, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        split = self.headers.get("Inference-Header-Content-Length")
        binary = split is not None
        assert binary == ("binary_tensor_data" in of.extensions)
        assert self.headers["Content-Type"] == ("application/octet-stream" if binary else "application/json")
        head, rest = (body[: int(split)], body[int(split) :]) if split else (body, b"")
        request = json.loads(head)
        (source,) = request["inputs"]
        count = prod(source["shape"])
        if binary:
            form = f"<{count}{FORMATS[source['datatype']]}"
            assert source["parameters"] == {"binary_data_size": len(rest)} and "data" not in source
            numbers = struct.unpack(form, rest)
        else:
            numbers = tuple(source["data"])
            assert "parameters" not in source
        answers = of.model(np.array(numbers, dtype=np.float32).reshape(source["shape"]))
        (wanted,) = request["outputs"]
        datatype = next(output["datatype"] for output in of.outputs if output["name"] == wanted["name"])
        described = {"name": wanted["name"], "datatype": datatype, "shape": list(answers.shape)}
        flat = answers.ravel().tolist()
        if not binary:
            assert "parameters" not in wanted
            return 200, json.dumps({"model_name": "digits", "outputs": [{**described, "data": flat}]}).encode(), {}
        assert wanted["parameters"] == {"binary_data": True}
        content = struct.pack(f"<{len(flat)}{FORMATS[datatype]}", *flat)
        # Another output before it: whoever looks for the first bytes behind the JSON finds those of the wrong one.
        other = {"name": "other", "datatype": "UINT8", "shape": [3], "parameters": {"binary_data_size": 3}}
        described["parameters"] = {"binary_data_size": len(content)}
        answer = json.dumps({"model_name": "digits", "outputs": [other, described]}).encode()
        return 200, answer + b"abc" + content, {"Inference-Header-Content-Length": str(len(answer))}

    def _seen(self) -> Behaviour:
        of = self.server.behaviour
        of.clients.add(self.client_address)
        of.paths.append(self.path)
        return of

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """`with Server(Behaviour(model)) as server: server.url`. Stopping it closes its connections, as the end of a
    process does."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour, port: int = 0) -> None:
        self.behaviour = behaviour
        self._connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/models/digits"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def handle_error(self, *arguments: object) -> None:
        """A connection that a test has closed is no error."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.behaviour.hold is not None:
            self.behaviour.hold.set()
        self.stop()
