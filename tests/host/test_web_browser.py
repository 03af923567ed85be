"""The page in a real Chromium: what is seen is what the state says, what is clicked arrives, and it keeps up.

Skipped where there is no Chromium (Debian: apt-get install chromium).
"""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

import browser
from browser import Browser
from host.bridge import Outcome
from host.control import Control
from host.events import Began, Connected, ConsentAsked, Ended, Event, Link, Moved
from host.view import web
from host.view.state import State
from host.view.web import Web
from sessions import THRESHOLD, digits, tones

pytestmark = pytest.mark.skipif(browser.executable() is None, reason="no Chromium is installed")

PATIENCE = 60.0


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    with Browser() as browser_:
        yield browser_


@pytest.fixture
def chromium(started: Browser) -> Browser:
    """A page with nothing on it yet, as of a small projector."""
    started.open("about:blank")
    started.look(1280, 720)
    started.complaints.clear()
    return started


@pytest.fixture
def control() -> Control:
    return Control()


@pytest.fixture
def page(control: Control) -> Iterator[Web]:
    with web.serve(control) as served:
        yield served


def show(page: Web, events: Iterator[Event]) -> State:
    state = State()
    for event in events:
        state.fold(event)
        page.show(event)
        if isinstance(event, ConsentAsked):
            break
    return state


def settled(chromium: Browser, state: State) -> None:
    """Until the page has drawn what the state says, charts too."""
    chromium.wait(
        f"heard.now.total.samples === {state.total.samples} && heard.course.marks.length === {len(state.course)} && !fresh.size"
    )
    chromium.wait(f"heard.now.at === {state.at}")


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"


SIZES = [(1280, 720), (1920, 1080), (1366, 768), (390, 844)]


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_seen_is_what_the_state_says(page: Web, chromium: Browser, dark: bool) -> None:
    state = show(page, digits(samples=300, lost=0.01, fallback=0.1))
    chromium.look(1280, 720, dark)
    chromium.open(page.url)
    settled(chromium, state)
    text = chromium.run("document.body.innerText")
    window, total = state.window, state.total
    for share, whole in (
        (window.coverage, total.coverage),
        (window.base_accuracy, total.base_accuracy),
        (window.hybrid_accuracy, total.hybrid_accuracy),
    ):
        assert percent(share) in text and f"last 100 · all {percent(whole)}" in " ".join(
            text.replace("\xa0", " ").split()
        )
    for words in (
        "300 of 300 samples",
        "digits",
        "test split",
        "large model: checkpoint",
        "done",
        "nucleo_f446re",
        "emulated",
        f"{THRESHOLD / 32768:.4f}",
    ):
        assert words in text
    for of in state.latency().values():
        assert all((f"{value:.2f}" if value < 1000 else f"{value:.0f}") in text for value in (of.p50, of.p95, of.p99))
    shown = state.featured
    assert shown is not None and shown.board_class is not None
    assert chromium.run("document.querySelector('#board .said').textContent") == str(shown.board_class)
    assert chromium.run("document.querySelector('#caption').innerText").split("\n")[-1] == f"label {shown.label}"
    assert chromium.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(17, 21, 26)" if dark else "rgb(244, 245, 247)"
    )
    assert chromium.complaints == []


def test_the_picture_is_the_sample(page: Web, chromium: Browser) -> None:
    state = show(page, digits(samples=20))
    chromium.open(page.url)
    settled(chromium, state)
    pixels = chromium.run("(() => { const c = document.querySelector('#picture'); return [c.width, c.height, "
                          "...c.getContext('2d').getImageData(0, 0, c.width, c.height).data] })()")  # fmt: skip
    assert pixels[:2] == [8, 8] and state.featured is not None
    grey = [min(255, int((code + 128 if code < 128 else code - 128) / 16 * 255 + 0.5)) for code in state.featured.codes]
    assert pixels[2::4] == pixels[3::4] == pixels[4::4] == grey
    # Each of its pixels is as many of the screen's as any other, and it is as large as there is room for.
    box = chromium.run("(() => { const c = document.querySelector('#picture').getBoundingClientRect(), "
                       "f = document.querySelector('#frame').getBoundingClientRect(); return [c.width, c.height, f.height] })()")  # fmt: skip
    assert box[0] == box[1] and box[0] % 8 == 0 and box[2] - 8 < box[0] <= box[2]


@pytest.mark.parametrize(("make", "boards"), [("digits", 1), ("digits", 8), ("tones", 1)])
def test_all_of_it_fits(page: Web, chromium: Browser, make: str, boards: int) -> None:
    """Nothing to scroll on a projector, nothing to scroll sideways on a telephone, nothing cut that carries a
    figure."""
    state = show(page, digits(samples=300, boards=boards) if make == "digits" else tones())
    chromium.open(page.url)
    settled(chromium, state)
    for width, height in SIZES:
        chromium.look(width, height)
        chromium.wait(f"innerWidth === {width}")
        assert chromium.run("document.documentElement.scrollWidth") <= width
        assert width < 960 or chromium.run("document.documentElement.scrollHeight") <= height
        cut = chromium.run("""[...document.querySelectorAll('#verdict span, .tile p, .tile h3, .tile small, .said, .mark, #promise, td, thead th, #progress')]
            .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline').map((one) => one.textContent)""")
        assert cut == [], f"cut at {width} x {height}"
        outside = chromium.run("""[...document.querySelectorAll('section, .answer, table, svg, input, canvas')].filter((one) => {
            const box = one.getBoundingClientRect(), parent = one.parentElement.closest('section, body').getBoundingClientRect();
            return box.width && (box.right > parent.right + 1 || box.bottom > parent.bottom + 1) && !one.closest('#strip') }).map((one) => one.id || one.tagName)""")
        assert outside == [], f"out of its panel at {width} x {height}"
    assert chromium.complaints == []


def test_the_slider_moves_the_threshold_of_the_board(page: Web, chromium: Browser, control: Control) -> None:
    state = show(page, digits(samples=100, finish=False))
    chromium.open(page.url)
    settled(chromium, state)
    before = chromium.run("document.querySelector('#point').style.transform")
    chromium.run("document.querySelector('#threshold').focus()")
    for _ in range(10):
        chromium.press("ArrowRight")
    chromium.wait("!posting && wanted === null")
    asked = control.moved
    assert asked is not None and asked[0] < THRESHOLD and asked[1] == "web", "more on the board is a lower threshold"
    said = chromium.run("document.querySelector('#threshold').ariaValueText")
    assert said.startswith(f"{asked[0] / 32768:.4f}: covers ")
    page.show(Moved(state.at + 0.1, "emulator", asked[0], "web"))
    chromium.wait(f"heard.now.threshold === {asked[0]}")
    assert chromium.run("document.querySelector('#point').style.transform") != before
    chromium.press("Home")
    chromium.wait("!posting && wanted === null")
    assert control.threshold == 32769, "the left end asks the PC always"
    assert chromium.complaints == []


@pytest.mark.parametrize(("how", "granted"), [("click", True), ("click", False), ("key", True), ("key", False)])
def test_consent_by_click_and_by_key(page: Web, chromium: Browser, control: Control, how: str, granted: bool) -> None:
    asked = show(page, digits(consent="ask")).asking[0]
    chromium.open(page.url)
    chromium.wait("!document.querySelector('#consent').hidden")
    assert chromium.run("document.querySelector('#verdict').innerText").startswith("May it leave the board?")
    assert chromium.run("document.querySelector('#board .fine').textContent").startswith("unsure: ")
    chromium.run("asked.since = performance.now(); consent(true)")
    assert not chromium.run("asked.sent"), "nobody can have looked at it yet"
    chromium.wait("performance.now() - asked.since >= SEEN")
    if how == "click":
        chromium.run(f"document.querySelector('#{'yes' if granted else 'no'}').click()")
    else:
        chromium.press("y" if granted else "n")
    assert control.wait_consent(asked.port, asked.sample, PATIENCE) == (granted, "web")
    assert chromium.complaints == []


def test_a_recorded_session_offers_nothing_to_steer(page: Web, chromium: Browser, control: Control) -> None:
    control.steers = False
    show(page, digits(consent="ask"))
    chromium.open(page.url)
    chromium.wait(
        "heard.now.asking.length === 1 && document.querySelector('#verdict').innerText.startsWith('May it leave')"
    )
    assert chromium.run("document.querySelector('#consent').hidden && document.querySelector('#threshold').disabled")
    assert chromium.complaints == []


OUTCOME = Outcome(
    1,
    3,
    8,
    100,
    False,
    answer=8,
    probability=0.1,
    seconds={"result": 0.004, "uplink": 0.006, "large": 0.008, "final": 0.01},
)


@pytest.mark.parametrize(
    ("changes", "verdict", "large", "stands"),
    [
        ({"source": "board", "accepted": True, "score": 32000}, "Answered on the board", "not asked", "board"),
        ({"source": "host", "large_class": 3, "answer": 3, "probability": 0.9, "sent_up": True}, "Asked the PC", "3", "large"),
        ({"source": "fallback", "no_answer": "the server is down", "sent_up": True, "seconds": {"result": 0.004, "final": 2.0}}, "Fell back on the board", "no answer", "board"),
        ({"source": "withheld", "granted": False, "seconds": {"result": 0.004, "final": 0.01}}, "Kept on the board", "not allowed", "board"),
        ({"lost": "no RESULT within 5 s", "board_class": None, "score": None, "accepted": None, "seconds": {}}, "Lost", "no answer", ""),
    ],
)  # fmt: skip
def test_each_end_is_called_what_it_is(
    page: Web, chromium: Browser, changes: dict[str, object], verdict: str, large: str, stands: str
) -> None:
    show(page, itertools.islice(digits(samples=1), 2))
    page.show(Ended(1.0, "emulator", replace(OUTCOME, **changes), None))  # type: ignore[arg-type]
    chromium.open(page.url)
    chromium.wait("heard.now.featured.stage === 'ended' && !fresh.size")
    assert chromium.run("document.querySelector('#verdict span').textContent") == verdict
    assert chromium.run("document.querySelector('#large .said').textContent") == large
    assert chromium.run(
        "[...document.querySelectorAll('.said')].every((one) => one.scrollWidth <= one.clientWidth + 1)"
    )
    assert chromium.run("[...document.querySelectorAll('.answer.stands')].map((one) => one.id).join()") == stands
    only_there = chromium.run("!document.querySelector('#unseen').hidden")
    assert only_there == (verdict in ("Answered on the board", "Kept on the board")), "no codes were sent to it"
    assert chromium.complaints == []


def test_links_that_go_and_come_back(page: Web, chromium: Browser) -> None:
    state = show(page, digits(samples=30, boards=2, finish=False))
    port = next(iter(state.boards))
    chromium.open(page.url)
    settled(chromium, state)
    page.show(Link(state.at + 1, port, "down", "unplugged"))
    chromium.wait("document.querySelector('#state').textContent === 'a link is down'")
    assert "down: unplugged" in chromium.run("document.querySelector('#boards').innerText")
    page.show(Connected(state.at + 2, port, "nucleo_f446re", "demur 0.1", "aot", 180_000_000, False))
    chromium.wait("document.querySelector('#state').textContent === 'live'")


def test_words_of_a_session_are_text_and_nothing_else(page: Web, chromium: Browser) -> None:
    evil = "<img src=x onerror=alert(1)>"
    for event in digits(samples=10):
        if isinstance(event, Began):
            event = Began(**{**event.__dict__, "name": evil, "classes": tuple(evil for _ in event.classes)})
        page.show(event)
    chromium.open(page.url)
    chromium.wait(
        "heard.course && heard.now.end === 'done' && document.querySelector('#board .said').textContent.startsWith('<img')"
    )
    assert chromium.run("document.querySelectorAll('img').length") == 1, "the logo"
    assert chromium.complaints == []


def test_themes_change_and_are_remembered(page: Web, chromium: Browser) -> None:
    show(page, tones())
    chromium.look(1280, 720, dark=True)
    chromium.open(page.url)
    chromium.wait("heard.course")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert chromium.run(colour) == "rgb(17, 21, 26)"
    chromium.run("document.querySelector('#theme').click()")
    assert chromium.run(colour) == "rgb(244, 245, 247)"
    chromium.open(page.url)
    chromium.wait("heard.course")
    assert chromium.run(colour) == "rgb(244, 245, 247)"
    chromium.run("document.querySelector('#theme').click()")
    assert chromium.run(colour) == "rgb(17, 21, 26)"


def test_nothing_moves_where_motion_is_not_wanted(page: Web, chromium: Browser) -> None:
    show(page, digits(samples=30))
    chromium.look(1280, 720, reduced_motion=True)
    chromium.open(page.url)
    chromium.wait("document.querySelector('#point')")
    assert chromium.run("getComputedStyle(document.querySelector('#point')).transitionDuration") == "0s"


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (part / 255 for part in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_that_wcag_asks_for(page: Web, chromium: Browser, dark: bool) -> None:
    show(page, digits(consent="ask"))
    chromium.look(1280, 720, dark)
    chromium.open(page.url)
    chromium.wait("heard.course && !document.querySelector('#consent').hidden")
    found = chromium.run("""[...document.querySelectorAll('body *')].filter((one) => one instanceof HTMLElement && one.offsetParent !== null && !one.closest('canvas, noscript')
        && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).map((one) => {
            let back = one;
            while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)') back = back.parentElement;
            return [one.textContent.trim().slice(0, 30), getComputedStyle(one).color, getComputedStyle(back).backgroundColor] })""")
    found += chromium.run("""[...document.querySelectorAll('svg text')].map((one) => [one.textContent, getComputedStyle(one).fill,
        getComputedStyle(one.closest('section')).backgroundColor])""")
    assert len(found) > 40
    for text, ink, paper in found:
        colours = [tuple(float(part) for part in colour[4:-1].split(",")) for colour in (ink, paper)]
        assert contrast(*colours) >= 4.5, f"{text!r}: {ink} on {paper}"


def test_everything_to_be_pressed_has_a_name_and_takes_the_focus(page: Web, chromium: Browser) -> None:
    show(page, digits(consent="ask"))
    chromium.open(page.url)
    chromium.wait("!document.querySelector('#consent').hidden && !document.querySelector('#threshold').disabled")
    reached = set()
    for _ in range(6):
        chromium.press("Tab")
        reached.add(chromium.run("document.activeElement.id"))
    assert {"theme", "yes", "no", "threshold"} <= reached
    named = chromium.run("[...document.querySelectorAll('button, input, svg[role], canvas[role], section, .meter')]"
                         ".filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length)).map((one) => one.outerHTML)")  # fmt: skip
    assert named == []


def test_it_keeps_up_at_100_samples_a_second(page: Web, chromium: Browser) -> None:
    """Ten seconds of four boards at 100 samples a second in all, in their own time. At the end the page is where the
    session is, having been told no more often than it is drawn, and having spent less than half of the time on it."""
    events = list(digits(samples=1000, boards=4, interval=0.04, finish=False))
    chromium.look(1920, 1080)
    chromium.open(page.url)
    page.show(events[0])
    chromium.wait("heard.began")
    chromium.run("(() => { window.drawn = 0; window.spent = 0; const real = draw; draw = () => { const start = performance.now(); real(); "
                 "window.drawn++; window.spent += performance.now() - start } })()")  # fmt: skip
    start = time.monotonic()
    for event in events[1:]:
        if (ahead := start + event.at - time.monotonic()) > 0:
            time.sleep(ahead)
        page.show(event)
    took = time.monotonic() - start
    shown = chromium.run("heard.now.total.samples")
    drawn, spent = chromium.run("[window.drawn, window.spent]")
    assert shown > 1000 - 2 * 100, "never more than two seconds behind"
    chromium.wait("heard.now.total.samples === 1000")
    print(
        f"1000 samples in {took:.1f} s; {drawn} drawings, {spent / drawn:.1f} ms each; {1000 - shown} samples behind at the end"
    )
    assert drawn <= (web.UPDATES_PER_SECOND + 5) * took
    assert spent / 1000 < took / 2
    assert chromium.complaints == []


def test_a_page_finds_its_server_again(control: Control, chromium: Browser) -> None:
    """The bridge is started again on the same port: the page goes on with what it then hears."""
    first = web.serve(control)
    with first:
        show(first, digits(samples=20, finish=False))
        chromium.open(first.url)
        chromium.wait("heard.course")
    chromium.wait("document.querySelector('#state').textContent.startsWith('connection lost')")
    with web.serve(control, port=first.port) as second:
        show(second, itertools.islice(digits(seed=1, samples=50, finish=False), 100))
        chromium.wait("document.querySelector('#state').textContent === 'live' && heard.now.total.samples > 20")


def test_two_browsers_see_the_same(page: Web, chromium: Browser) -> None:
    with Browser() as other:
        both = chromium, other
        for each in both:
            each.open(page.url)
        feeding = threading.Thread(target=show, args=(page, digits(samples=200)))
        feeding.start()
        for each in both:
            each.wait("heard.now && heard.now.end === 'done'")
        feeding.join(PATIENCE)
        assert chromium.run("JSON.stringify(heard.now.total)") == other.run("JSON.stringify(heard.now.total)")
