"""A headless Chromium, driven by its DevTools protocol over a pipe (--remote-debugging-pipe: JSON, each message ended
by a zero byte), which takes no library and no port.

    with Browser() as browser:
        browser.look(1280, 720, dark=True)
        browser.open(url)
        browser.wait("document.title === 'Demur: digits'")
        browser.screenshot(path)
        assert browser.complaints == []
"""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS: Final = 60.0
"""A loaded machine takes its time; nothing that works comes near it."""


def executable() -> str | None:
    """Where a Chromium is, None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser of its own. `complaints` are the errors that the page ran into."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._ids, self._buffer = itertools.count(1), b""
        self._session: str | None = None
        self.complaints: list[str] = []

    def __enter__(self) -> "Browser":
        program = executable()
        assert program is not None
        profile = self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Their ends have to be descriptors 3 and 4; /dev/fd, for a plain sh duplicates none above 9.
        shell = ["/bin/sh", "-c", f'exec "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}', "sh"]
        options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run", "--disable-gpu", "--no-sandbox", "--hide-scrollbars",
                   "--disable-background-networking", "--disable-extensions", "--disable-dev-shm-usage", "about:blank"]  # fmt: skip
        self._process = subprocess.Popen(
            [*shell, program, *options], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = next(of for of in self.call("Target.getTargets")["targetInfos"] if of["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            self.call("Browser.close")
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._stack.close()

    def look(self, width: int, height: int, dark: bool = False, reduced_motion: bool = False) -> None:
        """The size of the page in CSS pixels, and what its user prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        preferred = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if reduced_motion else "",
        }
        self.call(
            "Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in preferred.items()]
        )

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true; what it names may not be there yet."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.run(f"(() => {{ try {{ return Boolean({condition}) }} catch {{ return false }} }})()"):
            if time.monotonic() > end:
                raise TimeoutError(f"the page never came to {condition}; complaints: {self.complaints}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """A key, as "y" or "ArrowRight"."""
        text = {"text": key} if len(key) == 1 else {}
        codes = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}
        known = {"windowsVirtualKeyCode": codes[key]} if key in codes else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text, **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, **known)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the protocol answers to a method."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters} | (
            {"sessionId": self._session} if self._session else {}
        )
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            self._note(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _note(self, event: dict[str, Any]) -> None:
        of = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(
                str(of["exceptionDetails"].get("exception", {}).get("description", of["exceptionDetails"]["text"]))
            )
        elif event.get("method") == "Log.entryAdded" and of["entry"]["level"] == "error":
            self.complaints.append(f"{of['entry']['text']} {of['entry'].get('url', '')}")

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            if not (read := os.read(self._in, 1 << 20)):
                raise EOFError("the browser is gone")
            self._buffer += read
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message
