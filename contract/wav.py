"""WAV files to samples, the same for training and for a host that streams to the board.

samples, rate = read(Path("yes.wav").read_bytes())  # float64 [N] in [-1, 1), its channels averaged; Hz
"""

import io
import wave
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read(content: bytes) -> "tuple[NDArray[np.float64], int]":
    """Samples and rate of PCM samples of 8 to 32 bits. Raises ValueError that says what it is instead."""
    import numpy as np

    try:
        with wave.open(io.BytesIO(content)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
        if width > 4:
            raise wave.Error(f"{8 * width} bits a sample")
    except (wave.Error, EOFError, RuntimeError) as error:  # the last for a chunk that claims more than there is
        raise ValueError(str(error) or "it ends early") from None
    whole = np.frombuffer(data[: len(data) // (width * channels) * width * channels], dtype=np.uint8)
    bytes_of = whole.reshape(-1, width)
    if width == 1:
        samples = bytes_of[:, 0] / 128.0 - 1  # 8 bits are unsigned, more are signed
    else:
        # Little endian, aligned to the top of 32 bits, so that the sign is in place.
        aligned = np.zeros((len(bytes_of), 4), dtype=np.uint8)
        aligned[:, 4 - width :] = bytes_of
        samples = aligned.view("<i4")[:, 0] / 2.0**31
    mono: NDArray[np.float64] = samples.reshape(-1, channels).mean(axis=1)
    return mono, rate
