"""Sound to frames: against librosa's mel energies and against what is known of single tones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.log_mel import LogMel

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "log_mel.json").read_text())


def signal(rate: int, samples: int) -> NDArray[np.float64]:
    """That of tests/vectors/write_log_mel.py."""
    t = np.arange(samples) / rate
    return (
        0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 2500 * t) + 0.2 * np.sin(2 * np.pi * 9000 * t * t)
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['rate']} Hz")
def test_energies_are_those_of_librosa(vector: dict[str, Any]) -> None:
    expected = np.array(vector["energies"])
    settings = LogMel(**{key: value for key, value in vector.items() if key not in ("samples", "energies")})
    found = settings.energies(signal(vector["rate"], vector["samples"]))
    assert found.shape == expected.shape
    # librosa keeps its filters in single precision.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_frames_are_scaled_logarithms() -> None:
    settings = LogMel(floor_db=-80.0, ceiling_db=-20.0, frames=40)
    samples = signal(8000, 2000)
    frames, decibels = settings.frames_of(samples), 10 * np.log10(settings.energies(samples))
    heard = len(decibels)
    assert heard == 1 + (2000 - 200) // 80
    np.testing.assert_allclose(frames[:heard], ((decibels + 80) / 60).clip(0, 1), atol=1e-6)
    assert not frames[heard:].any()
    assert frames.dtype == np.float32
    assert 0 == frames.min() < frames.max() == 1


def test_a_sine_of_full_scale_is_at_0_db() -> None:
    settings = LogMel(bands=12)
    centre = 9 * 8000 / 256  # in the middle of a bin of the Fourier transform
    energies = settings.energies(np.sin(2 * np.pi * centre * np.arange(400) / 8000))[0]
    share = settings.filters[:, 8:11]  # a Hann window spreads a sine over three bins or so
    assert 10 * np.log10(energies.max()) == pytest.approx(10 * np.log10(share.sum(axis=1).max() / 1.9), abs=1.5)
    assert energies.argmax() == share.sum(axis=1).argmax()


@given(
    length=st.integers(0, 3000),
    frames=st.integers(1, 50),
    bands=st.integers(1, 40),
    level=st.sampled_from([0, 1e-9, 1, 4]),
)
def test_frames_have_their_form_whatever_is_heard(length: int, frames: int, bands: int, level: float) -> None:
    settings = LogMel(frames=frames, bands=bands)
    samples = level * np.random.default_rng(length).uniform(-1, 1, length)
    found = settings.frames_of(samples)
    assert found.shape == (frames, bands)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_frame_depends_on_its_window_alone() -> None:
    """So a stream gives the same frames as a file."""
    settings, samples = LogMel(frames=30), signal(8000, 200 + 29 * 80)
    whole = settings.frames_of(samples)
    for place in (0, 7, 29):
        window = samples[place * settings.hop : place * settings.hop + settings.window]
        np.testing.assert_array_equal(settings.frames_of(window)[0], whole[place])


def test_filters_overlap_by_half() -> None:
    filters = LogMel(bands=20).filters
    assert filters.shape == (20, 129)
    covered = filters.sum(axis=0)
    inside = slice(filters[0].argmax() + 1, filters[-1].argmax())
    np.testing.assert_allclose(covered[inside], 1, atol=1e-12)  # two triangles at each frequency, that add up to 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bands": 0}, "bands is 0, expected a number above 0"),
        ({"rate": -8000}, "rate is -8000, expected a number above 0"),
        ({"window_ms": float("nan")}, "window_ms is nan, expected a number above 0"),
        ({"hop_ms": 0.1}, "hop_ms is 0.1, expected one sample or more, 0.125 ms"),
        ({"highest_hz": 4001.0}, "from 60.0 to 4001.0 Hz, expected lowest_hz below highest_hz and that at most half"),
        ({"lowest_hz": 4000.0}, "the bands range from 4000.0 to 4000.0 Hz"),
        ({"floor_db": -10.0}, "floor_db is -10.0, expected less than ceiling_db, -10.0"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        LogMel(**change)  # type: ignore[arg-type]
    assert said in str(raised.value)
