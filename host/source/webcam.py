"""A camera: `--source webcam`, `webcam:1` for the second one, `webcam:/dev/video2` for a device, or a film or stream
that OpenCV reads.

Frames at RATE a second, each as it is when it is asked for: while the session is busy with one, those that come
meanwhile are dropped. Of a film no frame is. They are fitted to the model's input as images are (host.source.images).
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.errors import HostError
from host.source import Source
from host.source.images import Fit

RATE: Final = 10.0
"""Frames a second: enough to follow a hand, and each stays long enough to be seen."""


class Webcam(Source):
    def __init__(self, device: str, library: Any, fit: Fit) -> None:
        super().__init__(f"camera {device} ({fit.description})", None)
        self._device, self._library, self._fit = device, library, fit
        self._camera = library.VideoCapture(int(device) if device.isdecimal() else device)
        if not self._camera.isOpened():
            raise HostError(
                f"Camera {device} cannot be opened.",
                "See which there are with `ls /dev/video*`, and name one: --source webcam:1.",
            )
        self._camera.set(library.CAP_PROP_BUFFERSIZE, 1)  # else the frames that a driver keeps are old ones

    def samples(self) -> Iterator[Sample]:
        from PIL import Image

        index, due, film = 0, 0.0, Path(self._device).is_file()
        try:
            while not self._closed.is_set() and self._camera.grab():
                if (early := due - time.monotonic()) > 0:
                    if not film:
                        continue
                    time.sleep(early)
                due = time.monotonic() + 1 / RATE
                _, pixels = self._camera.retrieve()
                image = Image.fromarray(self._library.cvtColor(pixels, self._library.COLOR_BGR2RGB))
                yield Sample(index, None, self._fit.codes(image), f"frame {index}")
                index += 1
        finally:
            self._camera.release()


def load(detail: str, run: RunFolder, manifest: Manifest) -> Webcam:
    """Camera `detail`, the first one if it is empty. Raises HostError if there is none, or no OpenCV."""
    fit = Fit(run, manifest)
    try:
        import cv2
    except ModuleNotFoundError as missing:
        raise HostError("OpenCV is not installed.", "Install it with `pip install -e '.[camera]'`.") from missing
    return Webcam(detail or "0", cv2, fit)
