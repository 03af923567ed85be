"""The link: ports that are not there, boards that are silent or not the right ones, cables that are pulled."""

import itertools
import os
import pty
import time
import tty
from dataclasses import replace

import pytest

import boards
from host import port as ports
from host.errors import HostError
from host.frame import Frame, encode
from host.link import Disconnected, Link, SessionLost, connect
from host.messages.session import Hello, Level, Log, Pong
from host.messages.settings import Consent, Settings
from host.messages.statistics import Statistics, StatisticsRequest
from host.messages.wire import Message
from host.port import Port, find, open_port
from scripted_board import HELLO, MODEL_HASH, ScriptedBoard, hello


def link_to(board: ScriptedBoard, seconds: float = 5.0) -> Link:
    return connect(open_port(board.url, 460_800), board.url, "nucleo_f446re", MODEL_HASH, seconds)


@pytest.mark.usefixtures("patient")
def test_handshake_and_request() -> None:
    with ScriptedBoard() as board, link_to(board) as link:
        assert link.hello == HELLO
        assert link.request(StatisticsRequest(), Statistics).frames_received == 3
        assert (link.counters.lost, link.repeated) == (0, 0)
        assert link.frames_sent == 3
        assert (
            link.bytes_sent == 1 + 9 + 9 + 15 + 9
        )  # a zero to flush the line, HELLO_REQUEST, CONFIGURE, STATISTICS_REQUEST
        assert link.bytes_received == 9 + len(HELLO.encode()) + 9 + 15 + 9 + 60


def test_a_session_begins_with_the_settings_of_the_build_and_keeps_what_it_is_told() -> None:
    with ScriptedBoard() as board:
        with link_to(board) as link:
            built = link.settings
            assert (built.threshold, built.deadline_ms, built.consent) == (128, 100, Consent.ALWAYS)
            assert link.configure(threshold=5) == replace(built, threshold=5)
            assert link.configure(consent=Consent.ASK, consent_ms=7).threshold == 5
            assert link.settings == replace(built, threshold=5, consent=Consent.ASK, consent_ms=7)
        with link_to(board) as link:
            assert link.settings == replace(built, session=link.settings.session)
            assert link.settings.session != built.session


def test_a_board_built_to_ask_is_not_told_otherwise() -> None:
    with ScriptedBoard(hello(consent=Consent.ASK)) as board, link_to(board) as link:
        assert link.configure(consent=Consent.ALWAYS).consent is Consent.ASK
        assert link.configure(consent=Consent.NEVER).consent is Consent.NEVER
        assert link.configure(consent=Consent.ASK).consent is Consent.NEVER  # as long as the session lasts


def test_a_request_is_said_again_until_it_is_answered() -> None:
    asked = itertools.count()
    board = ScriptedBoard(hear=lambda message: not isinstance(message, StatisticsRequest) or next(asked) >= 3)
    with board, link_to(board) as link:
        link.request(StatisticsRequest(), Statistics)
        assert link.repeated >= 3


def test_a_late_answer_is_not_taken_for_the_settings_asked_for() -> None:
    """Settings that were overtaken: the first answer is heard twice, the second time after the second request."""
    kept: list[bytes] = []

    def late(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Settings):
            kept.append(wire)
        return kept[1] + wire if len(kept) == 3 and isinstance(message, Settings) else wire

    with ScriptedBoard(mangle=late) as board, link_to(board) as link:
        assert link.configure(threshold=1).threshold == 1
        assert link.configure(threshold=2).threshold == 2


def test_a_board_that_was_reset_is_noticed() -> None:
    with ScriptedBoard() as board, link_to(board) as link:
        board.reset()
        with pytest.raises(SessionLost, match="was reset"):
            link.request(StatisticsRequest(), Statistics)
        link.handshake("nucleo_f446re", MODEL_HASH)
        assert link.request(StatisticsRequest(), Statistics)


def test_another_hosts_session_is_noticed() -> None:
    def other(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Statistics):
            return wire
        return encode(Frame(Settings.TYPE, 2, Settings(12345, 0, 0, Consent.ALWAYS, 0).encode()))

    with (
        ScriptedBoard(mangle=other) as board,
        link_to(board) as link,
        pytest.raises(SessionLost, match="another session"),
    ):
        link.request(StatisticsRequest(), Statistics)


def test_the_boards_clock_is_told_and_a_late_pong_is_passed_over() -> None:
    kept: list[bytes] = []

    def late(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Pong):
            kept.append(wire)
            return kept[-2] + wire if len(kept) > 1 else wire
        return wire

    with ScriptedBoard(mangle=late) as board, link_to(board) as link:
        found = [link.ping() for _ in range(3)]
    ticks = [ticks for _, _, ticks in found]
    assert ticks == sorted(set(ticks))
    assert all(sent < received for sent, received, _ in found)


def test_a_missing_port_is_an_error_that_lists_the_present_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "present", lambda: (Port("/dev/ttyACM7", "0483:374b", "STM32 STLink"),))
    with pytest.raises(HostError, match="/dev/ttyACM7 \\(0483:374b, STM32 STLink\\)") as error:
        open_port("/dev/does_not_exist", 460_800)
    assert error.value.exit_code == 3
    assert "/dev/does_not_exist" in error.value.problem and "--port emulator" in error.value.next_step


@pytest.mark.parametrize(
    ("url", "exit_code", "words"),
    [
        ("socket://127.0.0.1:1", 3, "nothing answers there"),
        ("nonsense://x", 2, "not a port"),
    ],
)
def test_a_url_that_leads_nowhere_is_an_error_in_words(url: str, exit_code: int, words: str) -> None:
    with pytest.raises(HostError, match=words) as error:
        open_port(url, 460_800)
    assert error.value.exit_code == exit_code


def test_a_port_that_another_program_reads_is_refused() -> None:
    controller, device = pty.openpty()
    try:
        with open_port(os.ttyname(device), 460_800), pytest.raises(HostError, match="in use by another") as error:
            open_port(os.ttyname(device), 460_800)
        assert error.value.exit_code == 3
    finally:
        os.close(controller)
        os.close(device)


def test_a_real_terminal_device_carries_frames() -> None:
    controller, device = pty.openpty()
    tty.setraw(controller)
    try:
        with Link(open_port(os.ttyname(device), 460_800), "pty") as link:
            os.write(controller, encode(Frame(Hello.TYPE, 0, HELLO.encode())))
            assert link.receive(time.monotonic() + 5.0) == HELLO
            link.send(StatisticsRequest())
            assert os.read(controller, 100) == encode(Frame(StatisticsRequest.TYPE, 0, b""))
    finally:
        os.close(controller)
        os.close(device)


def test_the_board_is_found_by_its_usb_id(monkeypatch: pytest.MonkeyPatch) -> None:
    acm = Port("/dev/ttyACM0", "0483:374b", "ST-LINK")
    monkeypatch.setattr(ports, "present", lambda: (acm, Port("/dev/ttyUSB0", "0403:6001", "FTDI")))
    assert find(("0483:374b",)) == "/dev/ttyACM0"


def test_every_version_of_a_board_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The NUCLEO-H743ZI2 has another probe than the NUCLEO-H743ZI."""
    probe = boards.load("nucleo_h743zi").probe
    assert probe is not None
    for usb in ("0483:374b", "0483:374e"):
        found = Port("/dev/ttyACM0", usb, "ST-LINK")
        monkeypatch.setattr(ports, "present", lambda found=found: (found, Port("/dev/ttyUSB0", "0403:6001", "FTDI")))
        assert (find(probe.usb), ports.matching(probe.usb)) == ("/dev/ttyACM0", [found])
        assert "nucleo_h743zi" in boards.by_probe()[usb]
    with pytest.raises(HostError, match="0483:374b or 0483:374e"):
        monkeypatch.setattr(ports, "present", lambda: ())
        find(probe.usb)


def test_no_board_on_usb_is_an_error_that_lists_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "present", lambda: (Port("/dev/ttyUSB0", "0403:6001", "FTDI"),))
    with pytest.raises(HostError, match=r"0483:374b.*/dev/ttyUSB0") as error:
        find(("0483:374b",))
    assert error.value.exit_code == 3


def test_two_boards_on_usb_are_a_choice_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "present", lambda: tuple(Port(f"/dev/ttyACM{i}", "0483:374b", "") for i in (0, 1)))
    with pytest.raises(HostError, match="--port /dev/ttyACM0 or /dev/ttyACM1") as error:
        find(("0483:374b",))
    assert error.value.exit_code == 2


REFUSED_HELLOS = {
    "another model": (hello(model_hash=0xFEDC), "000000000000fedc.*0123456789abcdef.*make flash BOARD="),
    "another protocol": (hello(protocol=2), "protocol 2.*speaks 4"),
    "another board": (hello(board="mps2_an386"), "'mps2_an386', expected 'nucleo_f446re'.*--board mps2_an386"),
}


@pytest.mark.parametrize("name", REFUSED_HELLOS)
def test_a_board_that_is_not_the_expected_one_is_refused(name: str) -> None:
    said, words = REFUSED_HELLOS[name]
    with ScriptedBoard(said) as board, pytest.raises(HostError, match=words) as error:
        link_to(board)
    assert error.value.exit_code == 2


def test_a_protocol_with_another_hello_is_named_all_the_same() -> None:
    def shorter(message: Message, wire: bytes) -> bytes:
        return encode(Frame(Hello.TYPE, 0, b"\x09\x00new layout")) if isinstance(message, Hello) else wire

    with ScriptedBoard(mangle=shorter) as board, pytest.raises(HostError, match="protocol 9"):
        link_to(board)


def test_a_silent_board_is_an_error_that_says_what_to_check() -> None:
    with ScriptedBoard(silent=True) as board, pytest.raises(HostError, match=r"no HELLO .*\(0 bytes came") as error:
        link_to(board, seconds=0.1)
    assert error.value.exit_code == 3
    assert "flashed" in error.value.next_step


def test_a_port_that_talks_something_else_is_told_from_a_silent_one() -> None:
    board = ScriptedBoard(mangle=lambda message, wire: b"login: \0")
    with board, pytest.raises(HostError, match="1 damaged") as error:
        link_to(board, seconds=0.1)
    assert error.value.exit_code == 3
    assert "baud" in error.value.next_step


def test_the_handshake_survives_noise_and_an_earlier_sessions_frames() -> None:
    def noisy(message: Message, wire: bytes) -> bytes:
        left_over = encode(Frame(Statistics.TYPE, 4711, bytes(60)))
        return b"\xff\x12" + b"\0" + left_over + wire if isinstance(message, Hello) else wire

    with ScriptedBoard(mangle=noisy) as board, link_to(board) as link:
        assert link.hello == HELLO
        assert link.request(StatisticsRequest(), Statistics).frames_lost == 0


def test_log_lines_are_shown_and_unknown_frames_counted() -> None:
    shown: list[Log] = []
    controller, device = pty.openpty()
    try:
        with Link(open_port(os.ttyname(device), 460_800), "pty", shown.append) as link:
            os.write(controller, encode(Frame(Log.TYPE, 0, Log(Level.ERROR, "fault").encode())))
            os.write(controller, encode(Frame(0x7F, 1, b"?")))
            os.write(controller, encode(Frame(Statistics.TYPE, 2, b"too short")))
            os.write(controller, encode(Frame(Hello.TYPE, 3, HELLO.encode())))
            assert link.receive(time.monotonic() + 5.0) == HELLO
            assert shown == [Log(Level.ERROR, "fault")]
            assert (link.unknown_type, link.malformed) == (1, 1)
    finally:
        os.close(controller)
        os.close(device)


def test_a_pulled_cable_is_an_error_in_words() -> None:
    with ScriptedBoard() as board, link_to(board) as link:
        board.unplug()
        with pytest.raises(Disconnected, match="connection was lost") as error:
            link.receive(time.monotonic() + 5.0)
        assert error.value.exit_code == 3


def test_a_request_without_an_answer_names_both() -> None:
    no_answer = pytest.raises(Disconnected, match="no Statistics in answer to StatisticsRequest")
    with ScriptedBoard(deaf_to=(StatisticsRequest,)) as board, link_to(board) as link, no_answer:
        link.request(StatisticsRequest(), Statistics, seconds=0.05)
