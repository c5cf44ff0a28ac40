"""The page in a real browser: it checks itself, and says of photos and a camera what the device says."""

import base64
import hashlib
import shutil

import cv2
import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import installed_backends
from edgecls_device.classifier import Classifier
from edgecls_device.errors import NetworkError
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Group, Preprocessing
from edgecls_export.bundles.web import write_web

from edgecls.bundling.web_runtime import web_runtime
from edgecls.demo.photos import draw_photos
from tests.device.tiny_models import tiny_spec
from tests.device.web.browser import DESKTOP, PHONE, browsing, missing_program
from tests.export.bundles.web_page import change_record, serving, write_tiny_model

pytestmark = [
    pytest.mark.skipif(bool(missing_program()), reason=f"needs {missing_program()}"),
    pytest.mark.skipif(not installed_backends("onnx"), reason="needs the extra onnx"),
]

SPEC = tiny_spec(
    name="colours",
    preprocessing=Preprocessing(height=8, width=8, crop_fraction=0.9),
    temperature=1.1,
    unknown_threshold=0.5,
)
CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=2")
NOTHING = "\u2013"
SAYS = "return document.querySelector(arguments[0])?.innerText.includes(arguments[1])"
IS_TOO_WIDE = "return document.documentElement.scrollWidth > arguments[0]"
GIVE = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], arguments[1], {type: arguments[2]}));
const event = arguments[3] === "drop"
    ? new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})
    : new ClipboardEvent("paste", {clipboardData: data, bubbles: true});
document.body.dispatchEvent(event);
"""
CLASSIFY = """
const photo = await (await fetch(`/photos/${arguments[0]}`)).blob();
const all = await runner.photo(photo);
const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", all.input));
const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
return {...all, output: [...all.output], scores: [...all.scores], input: hex};
"""
OPEN_RUNNER = """
return import("/page/runner.js").then(async (module) => {
  window.runner = new module.Runner();
  return runner.open(await module.readModel());
});
"""


@pytest.fixture(scope="module")
def runtime():
    try:
        return web_runtime()
    except NetworkError as error:
        return pytest.skip(f"needs the npm registry: {error.message}")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model") / "colours.onnx", SPEC)


@pytest.fixture(scope="module")
def folder(model, runtime, tmp_path_factory):
    out = tmp_path_factory.mktemp("web") / "out"
    write_web(read_artifact(model), runtime=runtime, out=out)
    return out


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile"), *CAMERA) as browser:
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


def open_ready(page, url):
    page.open(url)
    page.wait("return !document.querySelector('#camera').disabled", deadline_s=20)


def give(page, data, name, *, how="drop", kind="image/png"):
    page.script(GIVE, base64.b64encode(data).decode(), name, kind, how)


def colored(*bgr, suffix=".png"):
    return cv2.imencode(suffix, np.full((30, 40, 3), bgr, np.uint8))[1].tobytes()


def test_it_runs_the_golden_samples_before_it_is_ready(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        assert page.text("#pill") == "Ready"
        assert page.text("#check").startswith("4 of 4 golden samples give the label they must.")
        assert page.text("#title") == "colours"
        assert page.text("#needs-server") == ""
        page.click("#about summary")
        assert "50\u202f%" in page.text("#facts")
        assert "onnxruntime-web" in page.text("#facts")


def test_scores_that_are_not_the_golden_ones_are_said_loudly(page, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "web")

    def change(record):
        record["spec"]["golden"]["scores"][0] = [0.2, 0.3, 0.5]

    change_record(tmp_path / "web", change)
    with serving(tmp_path / "web") as url:
        open_ready(page, url)
        assert page.text("#pill") == "Check failed"
        assert "Do not trust its answers" in page.text("#reasons")
        page.click("#camera")
        page.wait(SAYS, "#pill", "Live")
        assert page.script("return document.querySelector('#pill').dataset.state") == "degraded"


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_photo_that_is_dropped_or_pasted_is_classified(page, folder, how):
    with serving(folder) as url:
        open_ready(page, url)
        give(page, colored(0, 0, 255), "rose.png", how=how)
        page.wait(SAYS, "#label", "red")
        assert page.text("#held") == "rose.png"
        assert page.text("#inference").endswith("ms")
        assert page.text("#bars .best").startswith("red")
        give(page, colored(255, 0, 0), "sea.png", how=how)
        page.wait(SAYS, "#label", "blue")
        assert page.script("return document.title").startswith("blue")


def test_a_photo_that_is_chosen_may_be_unknown(page, folder, tmp_path):
    (tmp_path / "grey.png").write_bytes(colored(120, 120, 120))
    with serving(folder) as url:
        open_ready(page, url)
        page.choose_file("#photo-file", tmp_path / "grey.png")
        page.wait(SAYS, "#label", "Unknown")
        assert "below 50" in page.text("#held")
        assert page.text("#score") == ""


def test_what_is_no_photo_is_said_and_the_next_one_works(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        give(page, colored(0, 0, 255)[:60], "half.png")
        page.wait(SAYS, "#trouble", "half.png: This PNG is cut off.")
        assert page.text("#label") == NOTHING
        give(page, b"<svg onload=alert(1)>", "<b>x</b>.txt", kind="text/plain")
        page.wait(
            SAYS, "#trouble", "<b>x</b>.txt: This browser cannot decode the file as a picture."
        )
        give(page, colored(0, 255, 0), "leaf.png")
        page.wait(SAYS, "#label", "green")
        assert page.text("#trouble") == ""


def test_the_camera_starts_changes_and_stops(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        page.click("#camera")
        page.wait(SAYS, "#pill", "Live")
        page.wait(SAYS, "#rate", "fps")
        page.wait(SAYS, "#label", "green")  # Chromium's test picture
        assert page.text("#camera") == "Stop the camera"
        names = page.script(
            "return [...document.querySelectorAll('#cameras option')].map((o) => o.text)"
        )
        assert len(names) == 2
        page.script(
            "const list = document.querySelector('#cameras'); list.selectedIndex = 1;"
            "list.dispatchEvent(new Event('change'))"
        )
        page.wait("return document.querySelector('#cameras').selectedIndex === 1")
        page.wait(SAYS, "#rate", "fps")
        page.press("Escape")
        page.wait(SAYS, "#camera", "Start the camera")
        assert page.text("#label") == NOTHING
        assert page.text("#pill") == "Ready"


def test_the_keyboard_alone_will_do(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        reached = []
        page.script("document.querySelector('#theme').focus()")
        for _ in range(3):
            page.devtools(
                "Input.dispatchKeyEvent", type="rawKeyDown", key="Tab", windowsVirtualKeyCode=9
            )
            reached.append(
                page.script("return document.activeElement.id || document.activeElement.tagName")
            )
        assert reached == ["camera", "photo-file", "SUMMARY"]
        page.script("document.querySelector('#camera').focus()")
        page.press("Enter")
        page.wait(SAYS, "#pill", "Live")


def test_a_photo_takes_the_place_of_the_camera(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        page.click("#camera")
        page.wait(SAYS, "#rate", "fps")
        give(page, colored(0, 0, 255), "rose.png")
        page.wait(SAYS, "#label", "red")
        assert page.text("#camera") == "Start the camera"
        assert page.script("return document.querySelector('#video').srcObject") is None


def test_a_camera_that_is_not_allowed_is_said(page, folder):
    with serving(folder) as url:
        open_ready(page, url)
        page.script(
            "navigator.mediaDevices.getUserMedia = () => "
            "Promise.reject(new DOMException('no', 'NotAllowedError'))"
        )
        page.click("#camera")
        page.wait(SAYS, "#veil", "The camera is not allowed.")
        assert page.text("#camera") == "Start the camera"


def test_a_missing_model_is_said(tab, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "web")
    (tmp_path / "web" / "model" / "colours.onnx").unlink()
    with serving(tmp_path / "web") as url:
        tab.open(url)
        tab.wait(SAYS, "#reasons", "Could not fetch model/colours.onnx: the server answered 404.")
        tab.wait(SAYS, "#pill", "Failed")


def test_a_missing_runtime_is_said(tab, folder, tmp_path):
    """The thread may fail before it is asked anything."""
    shutil.copytree(folder, tmp_path / "web")
    (tmp_path / "web" / "runtime" / "ort.js").unlink()
    with serving(tmp_path / "web") as url:
        tab.open(url)
        tab.wait(SAYS, "#reasons", "The model's thread failed: a file of it is missing")
        tab.wait(SAYS, "#pill", "Failed")


def test_opened_as_a_file_it_says_what_to_do(tab, folder):
    tab.open((folder / "index.html").as_uri())
    tab.wait(SAYS, "#needs-server", "python3 -m http.server 8000")
    tab.resize(DESKTOP)
    tab.wait("return document.querySelector('#needs-server').clientHeight > 60")
    assert tab.middle("#needs-server")[1] < 200  # where it is seen
    tab.wait("return getComputedStyle(document.querySelector('#live')).visibility === 'hidden'")


def test_it_runs_in_several_threads_where_the_server_isolates_it(page, folder):
    headers = (
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
    )
    with serving(folder, *headers) as url:
        page.open(url + "README.txt")
        assert page.script("return self.crossOriginIsolated")
        opened = page.script(OPEN_RUNNER)
        assert opened["golden"]["isPassed"]
        cores = page.script("return navigator.hardwareConcurrency")
        assert opened["threads"] == min(cores, 4)


def test_it_fits_a_phone_and_the_dark(page, folder):
    with serving(folder) as url:
        page.resize(PHONE)
        page.prefer(color_scheme="dark")
        open_ready(page, url)
        give(page, colored(0, 0, 255), "a-very-long-name-of-a-photo-of-a-rose-in-a-garden.png")
        page.wait(SAYS, "#label", "red")
        page.click("#about summary")
        assert not page.script(IS_TOO_WIDE, PHONE[0])
        assert page.script("return document.documentElement.dataset.theme") == "dark"


def classified(page, folder, files):
    """Give what the page's runner says of photo files."""
    photos = folder / "photos"
    photos.mkdir()
    for place, file in enumerate(files):
        shutil.copy(file, photos / str(place))
    with serving(folder) as url:
        page.open(url + "README.txt")
        assert page.script(OPEN_RUNNER)["golden"]["isPassed"]
        return [page.script(CLASSIFY, place) for place in range(len(files))]


GROUPED = tiny_spec(
    groups=(Group(label="warm", members=(0, 1)), Group(label="cold", members=(2,))),
    preprocessing=Preprocessing(height=96, width=64, resize="letterbox"),
    temperature=0.1,
)
RULES = {
    "crop": tiny_spec(preprocessing=Preprocessing(height=224, width=224), temperature=0.1),
    "letterbox, groups": GROUPED,
    "stretch, nearest": tiny_spec(
        preprocessing=Preprocessing(height=96, width=96, resize="stretch", interpolation="nearest"),
        temperature=0.1,
    ),
}


def agree(page, files, spec, runtime, tmp_path):
    """Check the page against the device runtime; return the labels."""
    shape = (1, spec.preprocessing.height, spec.preprocessing.width, 3)
    model = write_tiny_model(tmp_path / "colours.onnx", spec, shape=shape)
    write_web(read_artifact(model), runtime=runtime, out=tmp_path / "web")
    results = classified(page, tmp_path / "web", files)
    labels = set()
    with Classifier.open(model, threads=1) as classifier:
        for file, got in zip(files, results, strict=True):
            frame = read_image(file)
            wanted = classifier.classify(frame)
            assert got["input"] == hashlib.sha256(resize(frame, spec.preprocessing)).hexdigest(), (
                file
            )
            assert got["scores"] == pytest.approx(wanted.scores.tolist(), abs=1e-4)
            assert got["label"] == wanted.label
            labels.add(wanted.label)
    return labels


@pytest.mark.parametrize("spec", RULES.values(), ids=RULES)
def test_it_says_of_fifty_photos_what_the_device_says(page, cats_dogs, spec, runtime, tmp_path):
    files = [
        file for kind in ("cats", "dogs") for file in sorted((cats_dogs / kind).glob("*.jpg"))[::40]
    ]
    assert len(files) == 50
    assert len(agree(page, files, spec, runtime, tmp_path)) > 1


def test_it_says_of_drawn_photos_what_the_device_says(page, runtime, tmp_path):
    draw_photos(tmp_path / "photos", seed=3, per_class=1)
    files = sorted((tmp_path / "photos").rglob("*.jpg"))
    assert len(files) == 5
    assert agree(page, files, RULES["crop"], runtime, tmp_path)
