"""A microphone: `--source microphone`, `microphone:2` or `microphone:USB` for a device by number or by part of its
name.

A sequence is the sound of the last frames that the model takes, as log-mel energies with the manifest's settings. The
next one begins half a sequence later, or later than that if the session was busy: what was heard in between is dropped,
so that the answer is about now.
"""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.log_mel import LogMel
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host.bridge import Sample
from host.codes import codes_of
from host.errors import HostError
from host.source import Source
from host.source.wav import features_of

POLL_SECONDS = 0.2
"""How soon a source that waits for sound sees that it is closed."""


class Microphone(Source):
    def __init__(self, device: str, library: Any, settings: LogMel, manifest: Manifest) -> None:
        super().__init__(f"microphone {device}".rstrip(), None)
        self._settings, self._manifest = settings, manifest
        self._length = settings.window + (settings.frames - 1) * settings.hop
        self._latest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._heard = 0  # samples, since the microphone was opened
        self._more = threading.Condition()
        named = int(device) if device.isdecimal() else device or None
        try:
            self._stream = library.InputStream(samplerate=settings.rate, channels=1, dtype="float32", device=named,
                                               callback=self._hear)  # fmt: skip
        except (library.PortAudioError, ValueError) as error:
            raise HostError(
                f"{self.name}: cannot be opened at {settings.rate} Hz ({error}).",
                "List the devices with `python -m sounddevice`, and name one: --source microphone:2.",
            ) from None

    def samples(self) -> Iterator[Sample]:
        index, taken = 0, 0
        with self._stream:
            while not self._closed.is_set():
                with self._more:
                    enough = max(self._length, taken + self._length // 2)
                    if not self._more.wait_for(lambda: self._heard >= enough, POLL_SECONDS):  # noqa: B023, called at once
                        continue
                    sound, taken = self._latest, self._heard
                frames = self._settings.frames_of(sound.astype(np.float64))
                yield Sample(index, None, codes_of(frames, self._manifest), f"{taken / self._settings.rate:.1f} s")
                index += 1

    def _hear(self, block: NDArray[np.float32], *_: Any) -> None:
        """A block [N, 1] of sound, from the library's own thread; the array is the library's."""
        with self._more:
            self._latest = np.concatenate((self._latest, block[:, 0]))[-self._length :]
            self._heard += len(block)
            self._more.notify()


def load(detail: str, run: RunFolder, manifest: Manifest) -> Microphone:
    """Microphone `detail`, the system's own choice if it is empty. Raises HostError if there is none, or no
    sounddevice."""
    settings = features_of("microphone", manifest)
    cure = "Install it with `sudo apt-get install libportaudio2 && pip install -e '.[microphone]'`."
    try:
        import sounddevice
    except ModuleNotFoundError as missing:
        raise HostError("sounddevice is not installed.", cure) from missing
    except OSError as missing:  # the package is there, PortAudio is not
        raise HostError(f"sounddevice cannot be loaded ({missing}).", cure) from missing
    return Microphone(detail, sounddevice, settings, manifest)
