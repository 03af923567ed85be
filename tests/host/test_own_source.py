"""Sessions on boards that take samples of their own: what is known of them, what is not, and what a lost board takes
with it."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import boards
from contract import manifest as manifests
from contract.errors import KNOWN_FAILURE
from contract.run_folder import RunFolder
from host import backend, recording, replay, session, source
from host.bridge import Outcome
from host.consent import Rule
from host.control import Control
from host.errors import HostError
from host.events import Sampled
from host.messages.sample import Capture, Load, Result
from host.messages.session import Hello
from host.messages.settings import Consent
from host.messages.wire import Message
from host.session import Options
from host.view.screen import QUIT, screen
from host.view.state import State
from scripted_board import ScriptedBoard, hello

COUNT = 20  # of the 40 samples of the test split


def carried(folder: RunFolder, first: int = 0) -> Iterator[bytes]:
    """The samples of a board that was built with the first COUNT, from its `first` on."""
    with np.load(folder.vectors) as vectors:
        rows = [codes.tobytes() for codes in vectors["input"][:COUNT]]
    return itertools.islice(itertools.cycle(rows), first, None)


def board_of(folder: RunFolder, first: int = 0, **more: Any) -> ScriptedBoard:
    return ScriptedBoard(hello(source="vectors", source_count=COUNT), source=carried(folder, first), **more)


def options(folder: RunFolder, *urls: str, **more: Any) -> Options:
    return Options(run=folder, board=boards.load("nucleo"), ports=urls, source="board", **more)


def test_the_test_split_on_the_board_is_known_and_what_is_sure_stays_there(with_large_model: RunFolder) -> None:
    with board_of(with_large_model) as board:
        summary = session.run(options(with_large_model, board.url))
    assert (summary.samples, summary.compared, summary.disagreements, summary.lost) == (COUNT, COUNT, 0, 0)
    assert (summary.base_accuracy, summary.coverage) == (1.0, 0.75)
    assert summary.source == "the board's own (vectors:20)" and summary.recordings == []
    assert summary.large_accuracy is None  # it has not seen what was kept
    assert not any(isinstance(message, Load) for message in board.heard)
    pairs = list(recording.samples(with_large_model.session))
    with np.load(with_large_model.vectors) as vectors:
        for index, (sampled, outcome) in enumerate(pairs):
            assert (outcome.sample, outcome.origin, outcome.vector) == (index, index + 1, index)
            assert sampled.label == outcome.label == vectors["label"][index]
            assert sampled.codes == (b"" if outcome.accepted else vectors["input"][index].tobytes())


def test_a_board_that_has_been_at_it_before_goes_on_where_it_is(with_large_model: RunFolder) -> None:
    board = board_of(with_large_model, first=7)
    with board:
        board._captured = 7
        summary = session.run(options(with_large_model, board.url))
    assert (summary.samples, summary.compared, summary.disagreements) == (COUNT, COUNT, 0)
    outcomes = recording.outcomes(with_large_model.session)
    assert [outcome.vector for outcome in outcomes] == [*range(7, COUNT), *range(7)]


def test_boards_have_each_their_own(with_large_model: RunFolder) -> None:
    with board_of(with_large_model) as first, board_of(with_large_model) as second:
        summary = session.run(options(with_large_model, first.url, second.url))
    assert (summary.samples, summary.compared, summary.disagreements, summary.lost) == (2 * COUNT, 2 * COUNT, 0, 0)
    for board in summary.boards:
        own = [of.origin for of in recording.outcomes(with_large_model.session) if of.port == board.port]
        assert own == list(range(1, board.samples + 1))


@pytest.mark.parametrize("mode", [Consent.ASK, Consent.NEVER])
def test_without_consent_nobody_gets_anything_of_a_sample(with_large_model: RunFolder, mode: Consent) -> None:
    rule = Rule(mode=mode, seconds=0.0)
    with board_of(with_large_model) as board:
        summary = session.run(options(with_large_model, board.url, consent=rule))
    assert (summary.samples, summary.disagreements, summary.lost) == (COUNT, 0, 0)
    assert summary.answered_by == {"board": 15, "host": 0, "fallback": 0, "withheld": 5}
    assert summary.bytes_sent.uplink == 0 and summary.large_calls.batches == 0
    assert all(not sampled.codes for sampled, _ in recording.samples(with_large_model.session))


def test_of_a_sensors_samples_nobody_knows_the_class(with_large_model: RunFolder) -> None:
    board = ScriptedBoard(hello(source="sensor"), source=carried(with_large_model))
    with board:
        summary = session.run(options(with_large_model, board.url, limit=6))
    assert (summary.samples, summary.compared, summary.base_accuracy, summary.lost) == (6, 0, None, 0)
    assert summary.source == "the board's own (sensor)"
    outcomes = recording.outcomes(with_large_model.session)
    assert [(of.origin, of.vector, of.label) for of in outcomes] == [(index, None, None) for index in range(1, 7)]


def test_a_session_that_waits_for_a_sample_ends_when_it_is_told_to(with_large_model: RunFolder) -> None:
    control = Control()
    some = [
        *itertools.islice(carried(with_large_model), 2),
        *[b""] * 5,
        *itertools.islice(carried(with_large_model), 1),
    ]
    board = ScriptedBoard(hello(source="sensor"), source=itertools.chain(some, itertools.repeat(b"")))
    timer = threading.Timer(1.5, control.stop)
    timer.start()
    with board:
        summary = session.run(options(with_large_model, board.url, deadline_seconds=0.2), control=control)
    timer.join()
    assert (summary.samples, summary.lost) == (3, 0)
    asked = [message.sample for message in board.heard if isinstance(message, Capture)]
    assert len(asked) > len(set(asked)) + 5


def test_a_lost_board_takes_the_sample_with_it_and_no_other(with_large_model: RunFolder) -> None:
    count = itertools.count(1)

    def cut(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Result) and next(count) == 3:
            board.unplug()
            return b""
        return wire

    board = board_of(with_large_model, mangle=cut)
    with board:
        summary = session.run(options(with_large_model, board.url))
    assert (summary.samples, summary.lost, summary.disagreements) == (COUNT, 1, 0)
    outcomes = recording.outcomes(with_large_model.session)
    assert [of.origin for of in outcomes] == [
        1,
        2,
        None,
        *range(4, COUNT + 1),
    ]  # the third was taken, and is not there any more
    assert "this sample of its own with it" in (outcomes[2].lost or "")
    assert (outcomes[2].label, outcomes[2].vector) == (None, None)


NO_SOURCES: dict[str, tuple[Hello, str]] = {
    "none": (hello(), "built without a source of samples"),
    "more than there are": (hello(source="vectors", source_count=41), "has 40 samples, the board's firmware 41"),
}


@pytest.mark.parametrize("name", NO_SOURCES)
def test_what_cannot_be_the_source_is_said_before_anything_is_taken(name: str, with_large_model: RunFolder) -> None:
    said, words = NO_SOURCES[name]
    with ScriptedBoard(said) as board, pytest.raises(HostError, match=words) as raised:
        session.run(options(with_large_model, board.url))
    assert raised.value.exit_code == KNOWN_FAILURE
    assert not any(isinstance(message, Capture) for message in board.heard)


def test_the_source_takes_no_detail(run_folder: RunFolder) -> None:
    with pytest.raises(HostError, match="takes no detail"):
        source.open("board:3", run_folder, manifests.load(run_folder.manifest))
    assert source.open("board", run_folder, manifests.load(run_folder.manifest)).expected(Outcome(0, None)) is None


def test_another_large_model_is_asked_of_what_came_up_alone(with_large_model: RunFolder) -> None:
    with board_of(with_large_model) as board:
        session.run(options(with_large_model, board.url))
    manifest = manifests.load(with_large_model.manifest)
    large = backend.load(backend.OWN, with_large_model, manifest)
    compared = replay.against(with_large_model.session, large, "again", manifest, every=True)
    assert (compared.samples, compared.asked, compared.withheld, compared.agreement) == (COUNT, 5, 15, 1.0)


def drawn(events: list[Any]) -> str:
    state, console = State(), Console(width=100, height=30, color_system=None, force_terminal=True)
    for event in events:
        state.fold(event)
    with console.capture() as capture:
        console.print(screen(state, console, keys=(QUIT,)))
    return capture.get()


def test_the_screen_says_that_a_sample_is_on_the_board(with_large_model: RunFolder) -> None:
    with board_of(with_large_model) as board:
        session.run(options(with_large_model, board.url))
    events = list(recording.read(with_large_model.session))
    before = next(index for index, event in enumerate(events) if isinstance(event, Sampled))
    accepted, later = (
        events[: before + 4],
        [*events[: before + 1], Sampled(1.0, events[before].port, 0, 3, None, bytes(64))],
    )  # type: ignore[union-attr]
    assert "the board takes one of its own" in drawn(events[: before + 1])
    assert "and nowhere else" in drawn(accepted) and "answered on the board" in drawn(accepted)
    assert "and nowhere else" not in drawn(later)
