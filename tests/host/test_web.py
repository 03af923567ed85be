"""The page's server: who may ask it and steer by it, what it streams, and that no browser can hold up a session."""

import http.client
import itertools
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from contract.gate import to_code
from host.control import Control
from host.errors import HostError
from host.events import Began, ConsentAsked, Event, Point
from host.policy import NOTHING
from host.view import web
from host.view.state import State
from host.view.web import page
from sessions import curve, digits, tones

PATIENCE = 60.0


class Served:
    """A page, its control, and requests to it."""

    def __init__(self) -> None:
        self.control = Control()
        self.web = web.serve(self.control)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(self.web.host, self.web.port, timeout=PATIENCE)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            method, path, None if body is None else body if isinstance(body, bytes) else json.dumps(body), sent
        )
        answer = connection.getresponse()
        read = answer.status, answer.read(), dict(answer.getheaders())
        connection.close()
        return read

    def post(self, path: str, body: object, **headers: str) -> int:
        given = {"X_Demur_Token": self.web.token, "Content_Type": "application/json"} | headers
        return self.request("POST", path, body, **given)[0]

    def hear(self, **headers: str) -> Iterator[tuple[str, Any]]:
        """The parts of a stream, as they come."""
        connection = http.client.HTTPConnection(self.web.host, self.web.port, timeout=PATIENCE)
        connection.request("GET", "/events", headers=headers)
        stream = connection.getresponse()
        assert stream.status == 200 and stream.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in stream:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)
        connection.close()


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    with made.web:
        yield made


def shown(served: Served, events: Iterator[Event]) -> Event:
    """Show events up to the first that asks for consent, if any does."""
    for event in events:
        served.web.show(event)
        if isinstance(event, ConsentAsked):
            break
    return event


@pytest.mark.parametrize("path", ["/", "/view.css", "/view.js", "/icon.svg"])
def test_files_come_from_the_package_with_headers_that_keep_others_out(served: Served, path: str) -> None:
    status, body, headers = served.request("GET", path)
    assert status == 200 and body
    assert (
        "default-src 'none'" in headers["Content-Security-Policy"]
        and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert not any(there in body.lower() for there in (b"https://", b"//cdn", b"@import"))


def test_the_token_is_in_the_page_and_another_each_time(served: Served) -> None:
    assert served.web.token.encode() in served.request("GET", "/")[1]
    assert Served().web.token != served.web.token


@pytest.mark.parametrize(
    "path", ["/nothing", "/../__init__.py", "/view.js/", "/%2e%2e/page.py", "/host/view/web/page.py"]
)
def test_nothing_else_is_served(served: Served, path: str) -> None:
    assert served.request("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("host", "ours"),
    [("127.0.0.1", True), ("127.0.0.1:8000", True), ("localhost:8000", True), ("[::1]:8000", True), ("LOCALHOST", True), ("192.168.0.7:80", True),
     ("evil.example", False), ("evil.example:8000", False), ("127.0.0.1.evil.example", False), ("localhost.evil.example", False), ("", False),
     ("127.0.0.1@evil.example", False)],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_is_refused(served: Served, host: str, ours: bool) -> None:
    for path in ("/", "/view.js"):
        assert served.request("GET", path, Host=host)[0] == (200 if ours else 403)
    if not ours:
        assert served.request("GET", "/events", Host=host)[0] == 403
        assert served.post("/threshold", {"threshold": 1}, Host=host) == 403
        assert served.control.moved is None


def test_the_name_that_the_server_was_given_is_its_own() -> None:
    with web.serve(Control(), "localhost") as made:
        connection = http.client.HTTPConnection("localhost", made.port, timeout=PATIENCE)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        assert made.url == f"http://localhost:{made.port}/"


@pytest.mark.parametrize(
    "headers",
    [{"X_Demur_Token": ""}, {"X_Demur_Token": "guessed"}, {"X_Demur_Token": "ä"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
     {"Origin": "https://127.0.0.1"}],
)  # fmt: skip
def test_what_other_sites_can_send_moves_nothing(served: Served, headers: dict[str, str]) -> None:
    assert served.post("/threshold", {"threshold": 5}, **headers) == 403
    assert served.control.moved is None


def test_other_sites_hear_nothing(served: Served) -> None:
    assert served.request("GET", "/events", Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [("/threshold", {"threshold": 5}, "text/plain", 400), ("/threshold", {"threshold": "5"}, "application/json", 400),
     ("/threshold", {"threshold": True}, "application/json", 400), ("/threshold", {"threshold": -1}, "application/json", 400),
     ("/threshold", {"threshold": NOTHING + 1}, "application/json", 400), ("/threshold", {}, "application/json", 400),
     ("/threshold", b"{", "application/json", 400), ("/threshold", b"\xff", "application/json", 400),
     ("/threshold", b" " * 2000, "application/json", 400), ("/threshold", [1], "application/json", 400),
     ("/consent", {"port": "emulator", "sample": 1, "granted": 1}, "application/json", 400), ("/stop", {}, "application/json", 404)],
)  # fmt: skip
def test_what_is_no_request_is_refused(served: Served, path: str, body: object, kind: str, status: int) -> None:
    assert served.post(path, body, Content_Type=kind) == status
    assert served.control.moved is None


def test_the_threshold_moves(served: Served) -> None:
    assert served.post("/threshold", {"threshold": to_code(0.75)}, Origin=served.web.url.rstrip("/")) == 204
    assert served.control.moved == (to_code(0.75), "web")
    assert served.post("/threshold", {"threshold": NOTHING}) == 204


def test_consent_is_taken_while_the_sample_waits_and_not_for_another(served: Served) -> None:
    asked = shown(served, digits(consent="ask"))
    assert isinstance(asked, ConsentAsked)
    assert served.post("/consent", {"port": asked.port, "sample": asked.sample + 1, "granted": True}) == 409
    assert served.post("/consent", {"port": "elsewhere", "sample": asked.sample, "granted": True}) == 409
    assert served.control.wait_consent(asked.port, asked.sample, 0) is None
    assert served.post("/consent", {"port": asked.port, "sample": asked.sample, "granted": True}) == 204
    assert served.control.wait_consent(asked.port, asked.sample, 0) == (True, "web")


def test_a_recorded_session_takes_no_orders(served: Served) -> None:
    served.control.steers = False
    asked = shown(served, digits(consent="ask"))
    assert isinstance(asked, ConsentAsked)
    assert served.post("/threshold", {"threshold": 5}) == 409
    assert served.post("/consent", {"port": asked.port, "sample": asked.sample, "granted": True}) == 409
    assert served.control.moved is None and served.control.wait_consent(asked.port, asked.sample, 0) is None


def test_a_stream_tells_the_session_then_what_is_new(served: Served) -> None:
    events = digits(samples=60)
    for _ in range(100):
        served.web.show(next(events))
    stream = served.hear()
    heard = dict(next(stream) for _ in range(4))
    assert list(heard) == ["began", "picture", "now", "course"]
    assert heard["began"]["classes"] == [str(digit) for digit in range(10)]
    assert heard["picture"]["number"] == heard["now"]["featured"]["number"]
    samples = heard["now"]["total"]["samples"]
    shown(served, events)
    for name, part in stream:
        if name == "now" and part["end"] == "done":
            assert part["total"]["samples"] == 60 > samples
            break


def test_a_stream_tells_of_another_session(served: Served) -> None:
    shown(served, tones(samples=3))
    stream = served.hear()
    assert next(part for name, part in stream if name == "began")["name"] == "tones"
    shown(served, digits(samples=5))
    assert next(part for name, part in stream if name == "began")["name"] == "digits"
    assert next(part for name, part in stream if name == "now")["total"]["samples"] <= 5


def test_the_last_state_is_told_before_the_end() -> None:
    made = Served()
    with made.web:
        stream = made.hear()
        shown(made, digits(samples=20, finish=False))
        next(stream)
        shown(made, iter(list(digits(samples=20))[-1:]))
    parts = dict(stream)
    assert parts["now"]["end"] == "done" and parts["course"]["marks"][-1][0] == 20


def test_updates_are_as_many_as_can_be_seen_whatever_the_rate(served: Served) -> None:
    """10,000 samples as fast as they fold: a browser gets the latest state some times, not 30,000 times."""
    heard: list[tuple[str, Any]] = []
    reader = threading.Thread(target=lambda: heard.extend(served.hear()))
    reader.start()
    start = time.monotonic()
    shown(served, digits(samples=10_000, boards=4))
    took = time.monotonic() - start
    served.web.__exit__()
    reader.join(PATIENCE)
    names = [name for name, _ in heard]
    assert 1 <= names.count("now") <= web.UPDATES_PER_SECOND * (took + 1) + 2
    assert names.count("began") == 1
    last = next(part for name, part in reversed(heard) if name == "now")
    assert last["total"]["samples"] == 10_000


def test_a_browser_that_does_not_read_holds_up_nobody(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pictures do not fit in the kernel's buffers, so its stream stands still at the first, for as long as the test
    takes."""
    monkeypatch.setattr(web._Handler, "timeout", None)
    events = list(tones(samples=200, bands=300))
    for event in events[:4]:
        served.web.show(event)
    stalled = [socket.socket() for _ in range(4)]
    for connection in stalled:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((served.web.host, served.web.port))
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    others = served.hear()
    next(others)
    tracemalloc.start()
    for event in events:
        served.web.show(event)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 4e6, "nothing is queued for them"
    assert any(name == "now" and part["end"] == "done" for name, part in others), "the others are told"
    for connection in stalled:
        connection.close()


def test_browsers_are_limited_and_a_place_is_free_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.web, "streams", threading.BoundedSemaphore(1))
    monkeypatch.setattr(web, "HEARTBEAT_SECONDS", 0.05)
    first = socket.create_connection((served.web.host, served.web.port))
    first.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert first.recv(100)
    assert served.request("GET", "/events")[0] == 503
    first.close()
    end = time.monotonic() + PATIENCE
    while not served.web.streams.acquire(blocking=False):
        assert time.monotonic() < end, "a browser that has gone keeps its place"
        time.sleep(0.01)


def test_a_port_that_is_taken_is_an_error_in_words(served: Served) -> None:
    with pytest.raises(HostError, match=rf"http://127.0.0.1:{served.web.port}: cannot be listened on"):
        web.serve(Control(), port=served.web.port)


@pytest.mark.parametrize("order", [1, -1])
def test_the_curve_is_thinned_with_both_ends_kept(order: int) -> None:
    state = State()
    for event in itertools.islice(digits(), 1):
        state.fold(replace(event, curve=curve()[::order]) if isinstance(event, Began) else event)
    told = page.began(state, steers=True)["curve"]
    assert len(told) <= page.CURVE_MAX + 2
    assert [point[0] for point in told] == sorted({point[0] for point in told})
    assert told[0][0] == 0 and told[0][1] == 1.0 and told[-1] == (NOTHING, 0.0, 0.0)
    known = {point.threshold: point for point in curve()}
    assert all(known[threshold].selective_risk == risk for threshold, _, risk in told[1:-1])


def test_a_curve_that_has_its_ends_gets_no_others() -> None:
    state = State()
    ends = Point(NOTHING, 0.0, 0.0), Point(200, 0.5, 0.1), Point(0, 1.0, 0.2)
    state.fold(replace(next(iter(digits())), curve=ends))  # type: ignore[type-var]
    assert page.began(state, steers=True)["curve"] == [(0, 1.0, 0.2), (200, 0.5, 0.1), (NOTHING, 0.0, 0.0)]


def test_large_pictures_are_told_as_large_as_they_are_seen() -> None:
    state = State()
    for event in tones(samples=2, bands=500):
        state.fold(event)
    sizes = {
        (made["height"], made["width"])
        for side in (page.SIDE_MAX, page.THUMB_MAX)
        if (made := page.levels(state, state.featured, side))
    }
    frames = len(state.featured.codes) // 500 if state.featured else 0
    assert sizes == {(page.SIDE_MAX, frames), (page.THUMB_MAX, min(frames, page.THUMB_MAX))}
    assert state.began is not None
    state.began = replace(state.began, shape=(1, 400, 200, 1), steps=0)
    state.featured = replace(state.featured, codes=bytes(400 * 200)) if state.featured else None
    made = page.levels(state, state.featured)
    assert made is not None and (made["height"], made["width"]) == (page.SIDE_MAX, page.SIDE_MAX // 2)


def test_a_page_is_a_view_of_a_recorded_session(served: Served) -> None:
    from host.events import from_json, to_json

    for event in tones(samples=5):
        served.web.show(from_json(json.loads(json.dumps(to_json(event)))))
    parts = dict(next(iter_) for iter_ in [served.hear()] * 4)
    assert parts["picture"]["kind"] == "spectrogram" and parts["now"]["end"] == "done"
