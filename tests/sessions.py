"""Sessions to be shown, as a bridge could have had them: real digits, two small classifiers in place of the models, and
the times of an emulated board, drawn.

    for event in digits(seed=0, samples=450, boards=2): state.fold(event)

The same arguments give the same events. Scores, answers, coverage and the risk-coverage curve are what the classifiers
make of the digits; only times are invented.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from contract.gate import ONE, to_code, to_probability
from host.bridge import Outcome
from host.events import (
    Began,
    Connected,
    ConsentAsked,
    ConsentGiven,
    Decided,
    Ended,
    Event,
    Finished,
    Health,
    Link,
    Moved,
    Point,
    Sampled,
)

THRESHOLD = to_code(0.9)
HZ = 180_000_000


@functools.cache
def _models() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Test digits [N, 8, 8] of 0 .. 16, their classes, the probabilities [N, 10] of a base and of a large
    classifier."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    images, labels = load_digits(return_X_y=True)
    trained, tested = slice(0, 900), slice(900, None)
    small = images.reshape(-1, 4, 2, 8).mean(2).reshape(-1, 32) / 16
    base = LogisticRegression(C=30, max_iter=1000).fit(small[trained], labels[trained])
    large = SVC(gamma=0.001, C=10).fit(images[trained], labels[trained])
    said = np.eye(10)[large.predict(images[tested])] * 0.98 + 0.002
    return images[tested].astype(np.uint8).reshape(-1, 8, 8), labels[tested], base.predict_proba(small[tested]), said


def curve() -> tuple[Point, ...]:
    """The risk-coverage curve of the base classifier."""
    _, labels, base, _ = _models()
    scores = np.array([to_code(score) for score in base.max(1)])
    wrong = base.argmax(1) != labels
    points = []
    for threshold in np.unique(scores):
        accepted = scores >= threshold
        points.append(Point(int(threshold), float(accepted.mean()), float(wrong[accepted].mean())))
    return tuple(points)


def digits(
    seed: int = 0,
    samples: int = 450,
    boards: int = 1,
    interval: float = 0.04,
    consent: str = "always",
    emulated: bool = True,
    lost: float = 0.0,
    fallback: float = 0.0,
    moves: Mapping[int, float] | None = None,
    finish: bool = True,
) -> Iterator[Event]:
    """`interval` is the time in seconds from a sample to the next of the same board, `lost` and `fallback` how often
    one ends so. `moves` are thresholds by the sample before which they are put in force. In consent "ask" a person
    takes her time."""
    images = _models()[0]
    random = np.random.default_rng(seed)
    ports = ("emulator",) if boards == 1 else tuple(f"socket://127.0.0.1:{5000 + index}" for index in range(boards))
    yield Began(0.0, "2026-01-02T03:04:05Z", "digits", "00e34b52e3326617", ports, "test split", "checkpoint",
                tuple(str(digit) for digit in range(10)), (1, 8, 8, 1), "int8", 1 / 16, -128, 0.0, 1.0, 0, "softmax_response",
                THRESHOLD, consent, "fixed", samples, curve())  # fmt: skip
    for index, port in enumerate(ports):
        yield Connected(0.1 + index / 100, port, "nucleo_f446re", "demur 0.1", "aot", HZ, emulated)
    lanes: list[list[Event]] = [[] for _ in ports]
    clocks, thresholds = [0.2 + index * interval / boards for index in range(boards)], [THRESHOLD] * boards
    for index in range(samples):
        lane = index % boards
        if moves and index in moves:
            for other in range(boards):
                thresholds[other] = to_code(moves[index])
                lanes[other].append(Moved(clocks[other], ports[other], thresholds[other], "web"))
        which = int(random.integers(len(images)))
        done, clocks[lane] = _sample(index, ports[lane], clocks[lane], thresholds[lane], which, random, consent, lost, fallback,
                                     None if emulated else HZ)  # fmt: skip
        lanes[lane] += done
        clocks[lane] += interval * random.uniform(0.6, 1.0)
        if index // boards % 25 == 24:
            lanes[lane].append(Health(clocks[lane], ports[lane], 90 * index, 60 * index, 3 * index, round(lost * index),
                                      round(lost * index), 0, 0.0021, 0.013))  # fmt: skip
    last = 0.0
    for event in sorted(itertools.chain.from_iterable(lanes), key=lambda event: event.at):
        last = event.at
        yield event
    if finish:
        yield Finished(last + 0.01, False, {"samples": samples})


def _sample(
    index: int, port: str, at: float, threshold: int, which: int, random: np.random.Generator, consent: str, lost: float,
    fallback: float, board_hz: float | None,
) -> tuple[list[Event], float]:  # fmt: skip
    """The events of one sample from `at` on, and when it ended."""
    images, labels, base, large = _models()
    said, score = int(base[which].argmax()), to_code(float(base[which].max()))
    outcome = Outcome(index, int(labels[which]), said, score, score >= threshold, bytes_sent=90, bytes_received=40,
                      infer_cycles=int(random.normal(41_000, 60)), gate_cycles=820, threshold=threshold)  # fmt: skip
    codes = (images[which].astype(np.int16) - 128).astype(np.int8).tobytes()
    events: list[Event] = [Sampled(at, port, index, outcome.label, None, codes)]
    now = random.gamma(20, 0.00021)
    if random.random() < lost:
        reason = "no RESULT within 5 s"
        return [*events, Ended(at + 5, port, Outcome(index, outcome.label, lost=reason), board_hz)], at + 5
    outcome.seconds["result"] = now
    events.append(Decided(at + now, port, index, said, score, bool(outcome.accepted), 0))
    if outcome.accepted:
        outcome.answer, outcome.probability, outcome.source = said, to_probability(score), "board"
        return [*events, Ended(at + now, port, outcome, board_hz)], at + now
    granted = True
    if consent == "ask":
        events.append(ConsentAsked(at + now, port, index, said, score, at + now + 30))
        now += random.uniform(0.5, 3)
        granted = outcome.granted = bool(random.random() < 0.7)
        events.append(ConsentGiven(at + now, port, index, granted, "key"))
    if granted and random.random() >= fallback:
        now += random.gamma(20, 0.0001)
        outcome.seconds["uplink"] = now
        now += random.gamma(9, 0.0004)
        outcome.seconds["large"] = now
        outcome.large_class = outcome.answer = int(large[which].argmax())
        outcome.probability, outcome.source, outcome.sent_up = float(large[which].max()), "host", True
        now += random.gamma(12, 0.0001)
    else:
        now += 2.0 if granted else 0.0
        outcome.answer, outcome.probability, outcome.sent_up = said, to_probability(score), granted
        outcome.source, outcome.no_answer = ("fallback", "no answer within 2 s") if granted else ("withheld", None)
    outcome.seconds["final"], outcome.uplink_bytes = now, 84
    return [*events, Ended(at + now, port, outcome, board_hz)], at + now


def tones(seed: int = 0, samples: int = 20, bands: int = 32, interval: float = 0.5) -> Iterator[Event]:
    """Sequences of 64 frames: rising, falling and steady tones, told apart by nobody in particular."""
    random = np.random.default_rng(seed)
    classes = ("falling", "rising", "steady")
    yield Began(0.0, "2026-01-02T03:04:05Z", "tones", "1da662d29fd452eb", ("emulator",), "recordings", "checkpoint", classes,
                (1, bands), "int8", 2 / 255, -1, -1.0, 1.0, 64, "softmax_response", THRESHOLD, "always", "fixed", None, ())  # fmt: skip
    yield Connected(0.1, "emulator", "nucleo_f446re", "demur 0.1", "aot", HZ, True)
    at = 0.2
    for index in range(samples):
        label, frames = int(random.integers(3)), int(random.integers(40, 65))
        time, band = np.arange(frames)[:, None] / 64, np.arange(bands)[None] / bands
        centre = {0: 0.8 - 0.6 * time, 1: 0.2 + 0.6 * time, 2: 0.5 + 0 * time}[label]
        loud = np.exp(-(((band - centre) / 0.07) ** 2)) + np.exp(-(((band - 2 * centre) / 0.05) ** 2)) / 2
        codes = np.clip(loud * 190 - 100 + random.normal(0, 12, loud.shape), -128, 127).astype(np.int8)
        yield Sampled(at, "emulator", index, label, f"{classes[label]}/{index:03}.wav", codes.tobytes())
        score = int(random.beta(9, 1) * ONE)
        outcome = Outcome(index, label, label, score, score >= THRESHOLD, steps=frames, name=f"{index:03}.wav", threshold=THRESHOLD,
                          infer_cycles=frames * 9000, gate_cycles=frames * 820, seconds={"result": 0.2})  # fmt: skip
        yield Decided(at + 0.2, "emulator", index, label, score, bool(outcome.accepted), frames)
        outcome.answer, outcome.source, outcome.probability = label, "board", to_probability(score)
        if not outcome.accepted:
            outcome.seconds |= {"uplink": 0.25, "large": 0.262, "final": 0.264}
            outcome.large_class, outcome.source, outcome.probability = label, "host", 0.99
        yield Ended(at + 0.3, "emulator", outcome, None)
        at += interval
    yield Link(at, "emulator", "down", "the connection was lost")
    yield Link(at + 1, "emulator", "up", "")
    yield Finished(at + 2, False, {"samples": samples})
