"""Write log_mel.json: mel energies as librosa computes them, the oracle of `contract.log_mel`.

    pip install librosa==0.11.0 && python tests/vectors/write_log_mel.py

librosa centres a window that is shorter than the Fourier transform, where ours begins with its samples; so many zeros
are put before and after the signal.
"""

import json
from pathlib import Path

import librosa
import numpy as np

SAMPLES = 900
CASES = (
    {"rate": 8000, "window_ms": 25.0, "hop_ms": 10.0, "bands": 32, "lowest_hz": 60.0, "highest_hz": 4000.0},
    {"rate": 16000, "window_ms": 20.0, "hop_ms": 8.0, "bands": 10, "lowest_hz": 100.0, "highest_hz": 7000.0},
)


def signal(rate: int) -> np.ndarray:
    """Two tones and a chirp, without random numbers: the tests make the same."""
    t = np.arange(SAMPLES) / rate
    return (
        0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 2500 * t) + 0.2 * np.sin(2 * np.pi * 9000 * t * t)
    )


def energies(case: dict[str, float]) -> np.ndarray:
    """[windows, bands], scaled so that a sine of full scale has power 1 in its bin."""
    rate = int(case["rate"])
    window, hop = round(case["window_ms"] * rate / 1000), round(case["hop_ms"] * rate / 1000)
    points = 1 << (window - 1).bit_length()
    spare = points - window
    padded = np.pad(signal(rate), (spare // 2, spare - spare // 2))
    mel = librosa.feature.melspectrogram(
        y=padded, sr=rate, n_fft=points, win_length=window, hop_length=hop, window="hann", center=False, power=2.0,
        n_mels=case["bands"], fmin=case["lowest_hz"], fmax=case["highest_hz"], htk=True, norm=None, dtype=np.float64,
    )  # fmt: skip
    return mel.T / (librosa.filters.get_window("hann", window).sum() / 2) ** 2


if __name__ == "__main__":
    vectors = [{**case, "samples": SAMPLES, "energies": energies(case).tolist()} for case in CASES]
    path = Path(__file__).parent / "log_mel.json"
    path.write_text("[\n" + ",\n".join(json.dumps(vector) for vector in vectors) + "\n]\n")
