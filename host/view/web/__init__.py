"""A page that shows a session in a browser, and lets a person move the threshold and answer for consent.

    with web.serve(control, port=0) as page:          # 0: a port that is free
        print(page.url)
        for event in events: page.show(event)

The page is index.html with view.css and view.js beside it; nothing is fetched from anywhere else. It hears of the
session by server-sent events (GET /events: host.view.web.page says what is in them), UPDATES_PER_SECOND times a second
at most, always the latest state: nothing is queued for a browser, so a slow one sees fewer updates and holds up nobody.

    POST /threshold   {"threshold": 29491}
    POST /consent     {"port": "/dev/ttyACM0", "sample": 7, "granted": true}       409 if it does not wait (any more)

Both are 409 where a recorded session is shown.

Who may. The server listens on 127.0.0.1 unless it is told otherwise, but every page that a browser has open can send requests there.
So:  - the Host header must be an address, localhost, or the name that the server was given: a name of another site that was made to
       point here (DNS rebinding) is refused, before anything is read;
     - an Origin header, which a browser adds to what other sites send, must be the page's own;
     - a POST must carry, in X-Demur-Token, the token that is in the page, which only a page from here can read, and be JSON, which
       another site cannot send without asking first;
     - the content security policy allows the page's own files and nothing else; no other site may frame it.
Whoever can load the page can steer the session: on any address but 127.0.0.1 that is everybody on the network.
"""

import contextlib
import ipaddress
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final

from contract.errors import DemurError
from host.control import Control
from host.errors import HostError
from host.events import Began, Event
from host.policy import NOTHING
from host.view.state import State
from host.view.web import page

UPDATES_PER_SECOND: Final = 20
COURSE_SECONDS: Final = 0.4
"""How often charts and tables are told anew: they are read, not watched."""

HEARTBEAT_SECONDS: Final = 10.0
"""Of silence, until a comment is sent: so that a browser that has gone is noticed."""

STREAMS_MAX: Final = 16
"""Browsers at a time; each has a thread."""

SEND_BUFFER: Final = 1 << 16
"""Bytes that wait in the kernel for a slow browser: more would be updates of long ago."""

BODY_MAX: Final = 1024
STALL_SECONDS: Final = 10.0
"""How long a browser may take for a request, or leave what it is sent, before it is dropped."""

GOODBYE_SECONDS: Final = 1.0
"""How long the end waits for browsers that are being told the last state."""

FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/view.css": ("view.css", "text/css; charset=utf-8"),
    "/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve(control: Control, host: str = "127.0.0.1", port: int = 0) -> "Web":
    """The page, listening at once; port 0 takes one that is free. Raises HostError if the address cannot be had."""
    return Web(control, host, port)


class Web:
    """A view (host.view.View) whose screen is a browser's. `url` is where."""

    def __init__(self, control: Control, host: str, port: int) -> None:
        self.control = control
        self.token = secrets.token_urlsafe(24)
        self.closing = threading.Event()
        self.streams = threading.BoundedSemaphore(STREAMS_MAX)
        self._state, self._lock = State(), threading.Lock()
        self._last = time.monotonic()
        self._made: dict[str, tuple[int, bytes]] = {}
        try:
            self._server = _Server((host, port), self)
        except (OSError, OverflowError) as error:
            raise HostError(
                f"http://{host}:{port}: cannot be listened on ({error}).",
                "Give --web another port, or none to get one that is free.",
            ) from None
        self.host = host
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="web", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    def __enter__(self) -> "Web":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Every browser is told the last state before its stream ends, unless it has stalled."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        end = time.monotonic() + GOODBYE_SECONDS
        for _ in range(STREAMS_MAX):
            self.streams.acquire(timeout=max(0.0, end - time.monotonic()))

    def show(self, event: Event) -> None:
        with self._lock:
            self._state.fold(event)
            self._last = time.monotonic()
            if isinstance(event, Began):
                self._made.clear()

    def asks(self, port: str, sample: int) -> bool:
        """Whether this sample waits for consent."""
        with self._lock:
            return any(shown.port == port and shown.sample == sample for shown in self._state.asking)

    @property
    def version(self) -> int:
        return self._state.version

    @property
    def session(self) -> Began | None:
        return self._state.began

    def told(self) -> bytes:
        """What the session is."""
        with self._lock:
            return event("began", page.began(self._state, self.control.steers))

    def now(self) -> bytes:
        return self._make("now", lambda state: page.now(state, time.monotonic() - self._last))

    def course(self) -> bytes:
        return self._make("course", page.course)

    def picture(self, told: int) -> tuple[int, bytes]:
        """The number of the featured sample that has a picture, 0 if it has none, and the part unless it is that of
        `told`."""
        with self._lock:
            featured = self._state.featured
            if featured is None or not featured.codes or featured.number == told:
                return (told if featured is not None and featured.number == told else 0), b""
            levels = page.levels(self._state, featured)
        return featured.number, b"" if levels is None else event("picture", levels)

    def _make(self, name: str, part: Callable[[State], dict[str, Any]]) -> bytes:
        """A part as it is sent, made once for all browsers."""
        with self._lock:
            version, made = self._made.get(name, (-1, b""))
            if version != self._state.version:
                version, made = self._state.version, event(name, part(self._state))
                self._made[name] = version, made
            return made


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], web: Web) -> None:
        self.web = web
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes, or stalls, is no error of ours; anything else is shown as the base class does."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _RefusedError(DemurError):
    """A request that is not granted."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why, "")
        self.status, self.why = status, why


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = STALL_SECONDS
    server_version = "demur"
    sys_version = ""

    def do_GET(self) -> None:
        with self._refusals():
            self._check_sender()
            if self.path == "/events":
                self._stream()
                return
            if self.path not in FILES:
                raise _RefusedError(HTTPStatus.NOT_FOUND, "no such page")
            name, kind = FILES[self.path]
            body = files(__package__).joinpath(name).read_bytes()
            if self.path == "/":
                body = body.replace(b"{{token}}", self.server.web.token.encode())
            self._answer(HTTPStatus.OK, body, kind)

    def do_POST(self) -> None:
        with self._refusals():
            self._check_sender()
            web = self.server.web
            if not secrets.compare_digest(self.headers.get("X-Demur-Token", "").encode(), web.token.encode()):
                raise _RefusedError(HTTPStatus.FORBIDDEN, "the token is not the page's: load the page again")
            values = self._body()
            if not web.control.steers:
                raise _RefusedError(HTTPStatus.CONFLICT, "this session is over: what is shown is its record")
            match self.path, values:
                case "/threshold", {"threshold": int(threshold)} if (
                    not isinstance(threshold, bool) and 0 <= threshold <= NOTHING
                ):
                    web.control.move(threshold, by="web")
                case "/consent", {"port": str(port), "sample": int(sample), "granted": bool(granted)}:
                    if not web.asks(port, sample):
                        raise _RefusedError(HTTPStatus.CONFLICT, f"sample {sample} on {port} does not wait for consent")
                    web.control.consent(port, sample, granted, by="web")
                case "/threshold" | "/consent", _:
                    raise _RefusedError(HTTPStatus.BAD_REQUEST, "not what this takes: see host/view/web")
                case _:
                    raise _RefusedError(HTTPStatus.NOT_FOUND, "nothing to be told here")
            self._answer(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are of no interest on the terminal."""

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except _RefusedError as refused:
            self.close_connection = True
            self._answer(refused.status, refused.why.encode(), "text/plain; charset=utf-8")

    def _check_sender(self) -> None:
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not _is_ours(host, self.server.web.host):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "not asked by an address or name of this server's")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "asked by a page of another site")
        if origin is not None and origin != f"http://{host}":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "asked by a page of another site")

    def _body(self) -> object:
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/json" or not length.isdecimal() or int(length) > BODY_MAX:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"expected JSON of at most {BODY_MAX} bytes")
        try:
            return json.loads(self.rfile.read(int(length)))
        except ValueError:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "not JSON") from None

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        web = self.server.web
        if not web.streams.acquire(blocking=False):
            raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, f"{STREAMS_MAX} browsers watch already")
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.send_response(HTTPStatus.OK)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"retry: 1000\n\n")
            _tell(web, self.wfile.write)
        finally:
            web.streams.release()


def _tell(web: Web, write: Callable[[bytes], object]) -> None:
    """Write what a browser has not been told yet, until the end; `write` may take its time."""
    session, version, course_version, number = None, -1, -1, 0
    told = course_told = -HEARTBEAT_SECONDS
    while True:
        last, clock = web.closing.is_set(), time.monotonic()
        begun = web.session
        if begun is not None and web.version != version:
            version, parts = web.version, []
            if begun is not session:
                session, number = begun, 0
                parts.append(web.told())
            number, picture = web.picture(number)
            write(b"".join((*parts, picture, web.now())))
            told = clock
        if begun is not None and web.version != course_version and (last or clock >= course_told + COURSE_SECONDS):
            course_version, course_told = web.version, clock
            write(web.course())
        if clock >= told + HEARTBEAT_SECONDS:
            write(b": still here\n\n")
            told = clock
        if last:
            return
        web.closing.wait(1 / UPDATES_PER_SECOND)


def _is_ours(host: str, name: str) -> bool:
    """Whether a Host header is an address, localhost, or the name that the server was given; the port may be a
    tunnel's."""
    bare = host.removesuffix("]") if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
    bare = bare.strip("[]").lower()
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(bare)
        return True
    return bool(bare) and bare in ("localhost", name.lower())
