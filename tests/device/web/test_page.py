"""The live page in a real browser, shown by a real run whose camera does what it is told."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from edgecls_device.backends.table import installed_backends

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec
from tests.device.web.browser import DESKTOP, PHONE, browsing, missing_program

pytest.importorskip("aiohttp", reason="needs the extra web")
pytestmark = pytest.mark.skipif(bool(missing_program()), reason=f"needs {missing_program()}")

HOSTILE = ("<img src=x onerror=document.title='hacked'>", "قطة 🐈 " + "x" * 190, "</script>&amp;")
TOKEN = "tok-0123456789abcdef"
IS_LIVE = "return document.querySelector('#stage').dataset.view === 'live'"
SAYS = "return document.querySelector(arguments[0])?.innerText.includes(arguments[1])"
PIXELS = "return document.querySelector('#picture').toDataURL()"
BACKGROUND = "return getComputedStyle(document.documentElement).backgroundColor"
IS_TOO_WIDE = "return document.documentElement.scrollWidth > arguments[0]"


class Run:
    """The program of ``shown_run``."""

    def __init__(self, model, *options):
        program = Path(__file__).with_name("shown_run.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(model), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the run did not start"

    @property
    def port(self):
        return self.url.rstrip("/").rsplit(":", 1)[1]

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.communicate()


@contextmanager
def running(*arguments):
    run = Run(*arguments)
    try:
        yield run
    finally:
        run.end()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    for suffix, make in (("tflite", tflite_model), ("onnx", onnx_model)):
        if installed_backends(suffix):
            path = tmp_path_factory.mktemp("model") / f"tiny.{suffix}"
            path.write_bytes(make(spec=tiny_spec()))
            return path
    return pytest.skip("needs a runtime: ai-edge-litert, tflite-runtime or onnxruntime")


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    return tmp_path_factory.mktemp("collected")


@pytest.fixture(scope="module")
def run(model, collected):
    with running(model, "--collect", str(collected)) as started:
        yield started


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(tab):
    """A browser that must not complain, nor ask any other host for anything."""
    tab.resize(DESKTOP)
    tab.prefer(color_scheme="light")
    tab.open("about:blank")
    tab.complaints()
    tab.requested()
    yield tab
    assert tab.complaints() == []
    strangers = [url for url in tab.requested() if "//127.0.0.1:" not in url]
    assert [url for url in strangers if not url.startswith(("data:", "blob:"))] == []


def open_live(page, run):
    page.open(run.url)
    page.wait(IS_LIVE)


def test_the_picture_moves_and_the_label_is_what_it_shows(page, run):
    run.tell("color red")
    open_live(page, run)
    first = page.script(PIXELS)
    page.wait(f"{PIXELS} !== arguments[0]", first)
    page.wait(SAYS, "#label", "red")
    run.tell("color blue")
    page.wait(SAYS, "#label", "blue")
    assert page.text("#pill") == "Live"
    page.wait("return document.title.startsWith('blue')")
    page.wait(SAYS, "#bars .best", "blue")
    assert page.text("#age").endswith("ms")
    assert page.text("#rate").endswith("fps")


def test_what_came_and_went_stands_in_the_timeline_and_in_the_list(page, run):
    open_live(page, run)
    run.tell("color green")
    page.wait(SAYS, "#events li.here", "green")
    run.tell("color blue")
    page.wait(SAYS, "#events li.here", "blue")
    gone = page.wait("return document.querySelector('#events li:nth-child(2)')?.innerText")
    assert gone.startswith("green")
    assert "peak" in gone
    assert page.script("return document.querySelectorAll('#band .stay').length") >= 2


def test_a_lost_source_is_greyed_with_its_reason_and_comes_back(page, run):
    open_live(page, run)
    run.tell("lose The cable is <b>out</b>.")
    page.wait("return document.querySelector('#stage').dataset.view === 'old'")
    page.wait(SAYS, "#veil", "The cable is <b>out</b>.")
    assert page.text("#pill") == "Source lost"
    assert page.text("#label") == "No picture"
    assert (
        page.script("return getComputedStyle(document.querySelector('#picture')).filter") != "none"
    )
    page.wait(SAYS, "#veil-age", "s old")
    page.open(run.url)  # and who comes now is not shown the last picture as a live one
    page.wait(SAYS, "#veil", "The cable is <b>out</b>.")
    assert not page.script(IS_LIVE)
    run.tell("find")
    page.wait(IS_LIVE)
    page.wait(SAYS, "#pill", "Live")


def test_a_page_that_gets_nothing_says_so_and_shows_the_age_growing(page, run):
    open_live(page, run)
    run.process.send_signal(signal.SIGSTOP)
    try:
        page.wait("return document.querySelector('#stage').dataset.view === 'old'")
        assert page.text("#veil-title") == "No new picture"
        age = page.text("#age")
        assert age.endswith("\u202fs")
        page.wait("return document.querySelector('#age').innerText !== arguments[0]", age)
    finally:
        run.process.send_signal(signal.SIGCONT)
    page.wait(IS_LIVE)


HIDE = """
Object.defineProperty(document, "hidden", { configurable: true, value: arguments[0] });
document.dispatchEvent(new Event("visibilitychange"));
"""


def test_a_hidden_page_asks_for_no_pictures_but_names_what_is_believed(page, run):
    run.tell("color red")
    open_live(page, run)
    page.wait(SAYS, "#label", "red")
    page.script(HIDE, True)
    time.sleep(0.3)  # what was asked for before has come
    last = page.script(PIXELS)
    run.tell("color green")
    page.wait("return document.title.startsWith('green')")
    assert page.script(PIXELS) == last
    page.script(HIDE, False)
    page.wait(SAYS, "#label", "green")
    assert page.script(PIXELS) != last


def test_a_page_comes_back_after_the_server_was_started_again(page, model):
    with running(model) as first:
        open_live(page, first)
    page.wait(SAYS, "#pill", "Connection lost")
    assert not page.script(IS_LIVE)
    with running(model, "--port", first.port):
        page.wait(IS_LIVE)
        page.wait(SAYS, "#pill", "Live")
    page.complaints()  # refused connections are written to the console by the browser itself


def test_saving_makes_a_file_under_the_label_by_pointer_key_and_field(page, run, collected):
    run.tell("color red")
    open_live(page, run)
    page.wait(SAYS, "#label", "red")
    page.click(".chip[title=green]")
    page.wait(SAYS, "#saved", "Saved under green: 1 picture.")
    page.script("document.querySelector('.chip[title=blue]').focus()")
    page.press("Enter")
    page.wait(SAYS, "#saved", "Saved under blue: 1 picture.")
    page.script("document.querySelector('#other-label').focus()")
    page.press("p", "i", "n", "k", "Enter")
    page.wait(SAYS, "#chips", "pink")
    page.script("document.querySelector('#other-label').value = '../up'")
    page.click("#other button")
    page.wait(SAYS, "#saved.trouble", "Expected a label")
    saved = sorted(path.parent.name for path in collected.rglob("*.jpg"))
    assert saved == ["blue", "green", "pink"]


def test_holding_a_label_saves_until_it_is_let_go(page, run, collected):
    open_live(page, run)
    x, y = page.middle(".chip[title=red]")
    page.mouse("mousePressed", x, y)
    for color in ("red", "green", "blue"):
        run.tell(f"color {color}")
        page.wait(SAYS, "#label", color)
    page.wait("return +document.querySelector('.chip[title=red] .chip-count').innerText >= 2")
    page.mouse("mouseReleased", x, y)
    page.wait("return document.querySelector('.chip.held') === null")
    assert len(list((collected / "red").glob("*.jpg"))) >= 2


def test_a_photo_is_classified_and_a_file_that_is_none_is_refused(page, run, photo, tmp_path):
    open_live(page, run)
    page.choose_file("#photo-file", photo)
    page.wait(SAYS, "#photo-label", "red")
    assert page.script("return document.querySelector('#photo-preview').naturalWidth") == 64
    (tmp_path / "no.jpg").write_text("no photo")
    page.choose_file("#photo-file", tmp_path / "no.jpg")
    page.wait(SAYS, "#photo-error", "Expected a JPEG")
    assert page.text("#photo-result") == ""
    page.complaints()  # the browser writes the refusal to the console


CLOCK = """
const { ServerClock } = await import("/time.js");
const clock = new ServerClock();
const [hour, seen] = [3600, []];
const differs = () => Math.round(Date.now() / 1000 - clock.now);
clock.note(Date.now() / 1000 - hour);
seen.push(differs());
clock.note(Date.now() / 1000 - hour - 3);
seen.push(differs());
clock.note(Date.now() / 1000 + hour);
seen.push(differs());
return seen;
"""


def test_the_clock_of_the_server_is_known_until_it_is_set_and_delays_do_not_move_it(page, run):
    open_live(page, run)
    code = f"return (async () => {{ {CLOCK} }})()"
    assert page.script(code) == [3600, 3600, -3600]


@pytest.fixture(scope="module")
def odd_run(model):
    """A run with a thousand labels, three of which are what no spec accepts, and nowhere to save."""
    with running(model, "--labels", json.dumps(HOSTILE), "--more-labels", "997") as started:
        yield started


def test_labels_are_shown_as_text_and_no_width_is_too_narrow_for_them(page, odd_run):
    open_live(page, odd_run)
    for label, color in zip(HOSTILE, ("red", "green", "blue"), strict=True):
        odd_run.tell(f"color {color}")
        page.wait(
            "return document.querySelector('#label').textContent === arguments[0]"
            " && document.querySelector('#events li.here .event-label')?.title === arguments[0]",
            label,
        )
    for size in (PHONE, DESKTOP, (320, 568)):
        page.resize(size)
        assert not page.script(IS_TOO_WIDE, size[0])
    assert "hacked" not in page.script("return document.title.split(' ')[0]")
    assert page.script("return document.querySelectorAll('main img').length") == 1
    assert page.script("return document.querySelectorAll('img[src=x], main script').length") == 0


def test_a_thousand_labels_leave_the_page_short(page, odd_run):
    page.resize(PHONE)
    open_live(page, odd_run)
    assert page.script("return document.querySelectorAll('#bars li').length") == 3
    assert page.script("return document.documentElement.scrollHeight") < 2500


def test_saving_is_not_offered_without_a_place_for_it(page, odd_run):
    open_live(page, odd_run)
    assert page.text("#saving") == ""


def background(page):
    return page.script(BACKGROUND)


def test_the_theme_is_the_systems_until_another_is_chosen_which_is_kept(page, run):
    open_live(page, run)
    light = background(page)
    page.prefer(color_scheme="dark")
    page.wait(f"{BACKGROUND} !== arguments[0]", light)
    dark = background(page)
    page.click("#theme")
    assert background(page) == light
    open_live(page, run)
    assert background(page) == light
    page.click("#theme")
    assert background(page) == dark
    page.prefer(color_scheme="light")
    page.wait(f"{BACKGROUND} === arguments[0]", light)


def test_nothing_moves_where_the_system_asks_for_less_motion(page, run):
    open_live(page, run)
    bar = "return getComputedStyle(document.querySelector('.fill')).transitionProperty"
    assert page.script(bar) == "width"
    page.prefer(reduced_motion="reduce")
    assert page.script(bar) == "none"


def test_a_token_is_asked_for_and_one_in_the_address_is_used_and_removed(page, model):
    with running(model, "--token", TOKEN) as run:
        page.open(run.url)
        page.wait("return !document.querySelector('#sign-in').hidden")
        assert page.text("#live") == ""
        type_token(page, "wrong-0123456789abcdef")
        page.wait(SAYS, "#sign-in-error", "not the token")
        type_token(page, TOKEN)
        page.wait(IS_LIVE)
        page.devtools("Network.clearBrowserCookies")
        page.open("about:blank")
        page.open(f"{run.url}#token={TOKEN}")
        page.wait(IS_LIVE)
        assert page.script("return location.href") == run.url
    page.complaints()  # the browser writes each 401 to the console


def type_token(page, token):
    page.script(
        "document.querySelector('#token').value = arguments[0];"
        "document.querySelector('#sign-in-form').requestSubmit()",
        token,
    )


def test_every_button_and_field_has_a_name(page, run):
    open_live(page, run)
    nodes = page.devtools("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if node.get("role", {}).get("value") in {"button", "textbox", "combobox", "link"}
    ]
    assert len(controls) >= 4
    assert [node for node in controls if not node["name"]["value"]] == []
