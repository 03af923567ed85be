"""A large model behind a server of the Open Inference Protocol v2 (KServe, MLServer, Triton) over HTTP:
`--large http://127.0.0.1:8080/v2/models/digits`, with `/versions/2` if need be.

Options (host.backend.spec) follow a question mark. Tensors travel as JSON. If `GET v2` lists the extension
"binary_tensor_data", as Triton's does, they travel as little-endian bytes behind the JSON, whose length the header
Inference-Header-Content-Length has:

    POST v2/models/digits/infer
    {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "parameters": {"binary_data_size": 256}}],
     "outputs": [{"name": "probabilities", "parameters": {"binary_data": true}}]}<256 bytes>

Protocol: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md; extension:
https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.backend import NoAnswer, foreign, spec
from host.backend.foreign import Foreign, Tensor
from host.errors import HostError

try:
    import urllib3
except ModuleNotFoundError as missing:
    raise HostError(
        "urllib3 is not installed, and the large model is behind an HTTP server.",
        "Install it with `pip install -e '.[serve]'`.",
    ) from missing

BINARY: Final = "binary_tensor_data"
HEADER: Final = "Inference-Header-Content-Length"
DTYPES: Final = {"FP32": "<f4", "FP64": "<f8", "FP16": "<f2"}  # FP16 travels as bytes only
PATIENCE: Final = 10.0
"""Seconds for what is asked before the session: a server's first inference may include loading a library or two."""

WORDS: Final = 200  # of a server's error, in characters

_URL: Final = re.compile(
    r"(?P<base>https?://[^/?#]+(?:/[^?#]*)?)/v2/models/(?P<name>[^/?#]+)(?P<version>/versions/[^/?#]+)?/?"
)


class Server:
    """One keep-alive connection. Every failure is a NoAnswer."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.binary = False
        self.seconds = PATIENCE
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1)

    def get(self, path: str) -> "Reply":
        return self._request("GET", path, None, {})

    def infer(self, path: str, source: Tensor, output: Tensor, values: NDArray[Any]) -> NDArray[Any]:
        """Values [N, ...] of an input to those of an output."""
        described: dict[str, Any] = {"name": source.name, "shape": values.shape, "datatype": source.datatype}
        wanted: dict[str, Any] = {"name": output.name}
        headers, content = {"Content-Type": "application/json"}, b""
        if self.binary:
            content = values.astype(DTYPES[source.datatype], copy=False).tobytes()
            described["parameters"] = {"binary_data_size": len(content)}
            wanted["parameters"] = {"binary_data": True}
        else:
            described["data"] = values.ravel().tolist()
        head = json.dumps({"inputs": [described], "outputs": [wanted]}).encode()
        if self.binary:
            headers = {"Content-Type": "application/octet-stream", HEADER: str(len(head))}
        reply = self._request("POST", f"{path}/infer", head + content, headers)
        reply.must_be_ok()
        return reply.tensor(output.name)

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> "Reply":
        try:
            response = self._pool.request(
                method,
                self.base + path,
                body=body,
                headers=headers,
                timeout=self.seconds,
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # which is a time-out by class only
            if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
                raise NoAnswer(f"no answer within {self.seconds:g} s") from None
            cause = error.__cause__ or error
            raise NoAnswer(getattr(cause, "strerror", None) or str(cause)) from None
        return Reply(response.status, response.data, response.headers.get(HEADER))


@dataclass(frozen=True)
class Reply:
    """What came back; `head` is the header that says how much of the body is JSON, None if all of it is."""

    status: int
    body: bytes
    head: str | None

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object; {} if there is none."""
        try:
            value = json.loads(self.body[: int(self.head)] if self.head else self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def must_be_ok(self) -> None:
        """Raises NoAnswer, with the server's words, for any status but 200."""
        if self.status != 200:
            said = self.json.get("error") or self.body.decode(errors="replace") or "without a word"
            raise NoAnswer(f"HTTP {self.status}: {str(said).strip()[:WORDS]}")

    def tensor(self, name: str) -> NDArray[Any]:
        """An output of an inference response."""
        try:
            return self._tensor(name)
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise NoAnswer(f"not an answer of the protocol ({type(error).__name__}: {error})") from None

    def _tensor(self, name: str) -> NDArray[Any]:
        outputs = self.json["outputs"]
        at = int(self.head) if self.head else len(self.body)
        for output in outputs:
            size = (output.get("parameters") or {}).get("binary_data_size")
            if output["name"] == name:
                dtype, shape = DTYPES[output["datatype"]], tuple(output["shape"])
                if size is None:
                    return np.array(output["data"], dtype=dtype).reshape(shape)
                content = self.body[at : at + size]
                if len(content) != size or size != math.prod(shape) * np.dtype(dtype).itemsize:
                    raise ValueError(f"{len(content)} bytes of {size} for {output['datatype']} {list(shape)}")
                return np.frombuffer(content, dtype=dtype).reshape(shape)
            at += size or 0
        raise KeyError(f"no output {name}")


def load(name: str, run: RunFolder, manifest: Manifest) -> Foreign:
    """Raises HostError unless a server answers there that has a model of these samples and classes, and has it
    ready."""
    location, options = spec.split(name)
    parts = _URL.fullmatch(location)
    if parts is None:
        raise HostError(
            f"{location}: not the URL of a model of the Open Inference Protocol v2.",
            "It has the form http://HOST:PORT/v2/models/NAME, with /versions/VERSION if need be.",
        )
    server = Server(parts["base"])
    path = f"/v2/models/{parts['name']}{parts['version'] or ''}"
    try:
        listed = server.get("/v2").json.get("extensions")
    except NoAnswer as reason:
        raise HostError(f"{server.base}: {reason}.", "Start the server, or correct the address.") from None
    server.binary = isinstance(listed, list) and BINARY in listed
    try:
        metadata = server.get(path)
        metadata.must_be_ok()
        inputs, outputs = (_tensors(metadata.json[key], server.binary) for key in ("inputs", "outputs"))
    except NoAnswer as reason:
        raise HostError(
            f"{location}: {reason}.", "Check the model's name, and in the server's log that it has been loaded."
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise HostError(
            f"{location}: not the metadata of a model ({type(error).__name__}: {error}).",
            "Check that the server speaks the Open Inference Protocol v2.",
        ) from None
    try:
        ready = server.get(f"{path}/ready")
        ready.must_be_ok()
        if not ready.json.get("ready", True):  # some servers say it with the status alone
            raise NoAnswer("ready is false")
    except NoAnswer as reason:
        raise HostError(
            f"{location}: the model is not ready ({reason}).", "Wait until the server has loaded it."
        ) from None

    def infer(source: Tensor, output: Tensor, values: NDArray[Any]) -> NDArray[Any]:
        return server.infer(path, source, output, values)

    large = foreign.load(location, inputs, outputs, infer, options, manifest)
    server.seconds = options.timeout
    return large


def _tensors(declared: Any, binary: bool) -> list[Tensor]:
    return [
        Tensor(
            str(tensor["name"]),
            tuple(None if int(size) < 0 else int(size) for size in tensor["shape"]),
            str(tensor["datatype"]),
            None if tensor["datatype"] == "FP16" and not binary else DTYPES.get(tensor["datatype"]),
        )
        for tensor in declared or ()
    ]
