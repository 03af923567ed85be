"""Sound to frames of log-mel energies in [0, 1], the same for training and for a host that streams to the board.

    settings = LogMel(rate=8000, bands=32, frames=64)
    frames = settings.frames_of(samples)  # samples [-1, 1] to float32 [64, 32]

A window of `window_ms` moves by `hop_ms`; its power spectrum is summed in triangular bands, equally wide on the mel
scale 2595 log10(1 + f / 700) (O'Shaughnessy, "Speech Communication", 1987), which overlap by half; 10 log10 of the
energy is mapped from `floor_db` .. `ceiling_db` to 0 .. 1, and what lies beyond is clipped. 0 dB is a sine of full
scale. All of it is fixed in advance: nothing depends on the rest of the recording, so a frame can be computed as soon
as it was heard.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the settings are part of the manifest, which is read without NumPy, too
    import numpy as np
    from numpy.typing import NDArray

LEAST_ENERGY: Final = 1e-20  # -200 dB: below any floor, so that silence has a logarithm


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """Settings; raises ValueError naming the one that is out of range. Times in ms, frequencies and `rate` in Hz.

    `frames` is the length that every recording is cut or, with zeros at its end, extended to.
    """

    rate: int = 8000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    bands: int = 32
    lowest_hz: float = 60.0
    highest_hz: float = 4000.0
    floor_db: float = -100.0
    ceiling_db: float = -10.0
    frames: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("floor_db", "ceiling_db") and not value > 0:
                raise ValueError(f"{field.name} is {value}, expected a number above 0")
        for name, milliseconds in (("window_ms", self.window_ms), ("hop_ms", self.hop_ms)):
            if milliseconds * self.rate < 1000:
                raise ValueError(f"{name} is {milliseconds}, expected one sample or more, {1000 / self.rate} ms")
        if not self.lowest_hz < self.highest_hz <= self.rate / 2:
            raise ValueError(
                f"the bands range from {self.lowest_hz} to {self.highest_hz} Hz, expected lowest_hz below highest_hz and "
                f"that at most half the rate, {self.rate / 2:g} Hz"
            )
        if not self.floor_db < self.ceiling_db:
            raise ValueError(f"floor_db is {self.floor_db}, expected less than ceiling_db, {self.ceiling_db}")

    @property
    def window(self) -> int:
        """Samples in a window."""
        return round(self.window_ms * self.rate / 1000)

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return round(self.hop_ms * self.rate / 1000)

    @property
    def spectrum(self) -> int:
        """Points of the Fourier transform: the next power of two."""
        return 1 << (self.window - 1).bit_length()

    @cached_property
    def filters(self) -> "NDArray[np.float64]":
        """Weights [bands, spectrum / 2 + 1] of the triangles, 1 at their peaks."""
        import numpy as np

        mels = np.linspace(_mel(self.lowest_hz), _mel(self.highest_hz), self.bands + 2)
        edges = 700 * (10 ** (mels / 2595) - 1)
        low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
        frequencies = np.arange(self.spectrum // 2 + 1) * self.rate / self.spectrum
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        return np.maximum(0, np.minimum(rising, falling))

    def energies(self, samples: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Band energies [windows, bands] of samples [N] in [-1, 1]; one window at least, as many as fit whole."""
        import numpy as np

        padded = np.pad(samples, (0, max(0, self.window - len(samples))))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop]
        shape = np.hanning(self.window + 1)[:-1]  # periodic
        spectra = np.fft.rfft(windows * shape, self.spectrum)
        power = np.abs(spectra) ** 2 / (shape.sum() / 2) ** 2  # a sine of full scale has power 1 in its bin
        energies: NDArray[np.float64] = power @ self.filters.T
        return energies

    def frames_of(self, samples: "NDArray[np.float64]") -> "NDArray[np.float32]":
        """Frames [frames, bands] in [0, 1] of samples [N] in [-1, 1]; frames after the end are 0."""
        import numpy as np

        decibels = 10 * np.log10(self.energies(samples) + LEAST_ENERGY)[: self.frames]
        scaled = ((decibels - self.floor_db) / (self.ceiling_db - self.floor_db)).clip(0, 1)
        return np.pad(scaled, ((0, self.frames - len(scaled)), (0, 0))).astype(np.float32)


def _mel(hertz: float) -> float:
    import numpy as np

    return float(2595 * np.log10(1 + hertz / 700))
