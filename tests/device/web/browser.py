"""A headless Chromium driven through chromedriver, which speaks W3C WebDriver: plain JSON over HTTP."""

import base64
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element, section 11 of the standard
PHONE, DESKTOP = (390, 844), (1440, 900)


def missing_program():
    """Return what a browser test lacks here; empty if nothing."""
    return ", ".join(name for name in ("chromium", "chromedriver") if shutil.which(name) is None)


class Browser:
    """One session: one tab that is used again and again."""

    def __init__(self, port, profile, flags=()):
        self._base = f"http://127.0.0.1:{port}/session"
        options = {
            "binary": shutil.which("chromium"),
            "args": [*FLAGS, *flags, f"--user-data-dir={profile}"],
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self._post("", capabilities={"alwaysMatch": wanted})
        self._base += "/" + session["sessionId"]

    def _post(self, path, **body):
        return self._ask(urllib.request.Request(self._base + path, json.dumps(body).encode()))

    def _ask(self, request):
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from error

    def open(self, url):
        self._post("/url", url=url)

    def script(self, code, *arguments):
        """Run ``code`` in the page and give what it returns."""
        return self._post("/execute/sync", script=code, args=arguments)

    def devtools(self, command, **parameters):
        """Send one command of the DevTools protocol."""
        return self._post("/goog/cdp/execute", cmd=command, params=parameters)

    def resize(self, size, *, scale=1):
        """Be a screen of ``size`` (width, height) in CSS pixels; a narrow one is a phone with touch."""
        width, height = size
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    def prefer(self, **features):
        """Set media features, such as ``color_scheme="dark"``."""
        chosen = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.devtools("Emulation.setEmulatedMedia", features=chosen)

    def screenshot(self, path, *, whole=False):
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def choose_file(self, selector, path):
        """Choose a file in a file field, as a person would in the dialog."""
        element = self._post("/element", using="css selector", value=selector)
        self._post(f"/element/{element[ELEMENT]}/value", text=str(path))

    def click(self, selector):
        element = self._post("/element", using="css selector", value=selector)
        self._post(f"/element/{element[ELEMENT]}/click")

    def press(self, *keys):
        """Press keys one after the other, such as ``"a"`` or ``"Enter"``."""
        for key in keys:
            typed = (
                {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
            )
            code = {"windowsVirtualKeyCode": 13} if key == "Enter" else {}
            self.devtools("Input.dispatchKeyEvent", type="keyDown", key=key, **typed, **code)
            self.devtools("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def middle(self, selector):
        """Return x and y of the middle of an element."""
        return self.script(
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]",
            selector,
        )

    def mouse(self, what, x, y):
        """``mousePressed`` or ``mouseReleased`` there."""
        self.devtools("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)

    def text(self, selector):
        """Return what a person reads there; empty if there is nothing to be seen."""
        return self.script(
            "const found = document.querySelector(arguments[0]);"
            "return found?.checkVisibility() ? found.innerText.trim() : ''",
            selector,
        )

    def wait(self, code, *arguments, deadline_s=10):
        """Wait until ``code`` returns something true, and return it."""
        end = time.monotonic() + deadline_s
        while not (value := self.script(code, *arguments)):
            assert time.monotonic() < end, f"never true: {code}\n{self.text('body')}"
            time.sleep(0.03)
        return value

    def complaints(self):
        """Return what was written to the console as an error since the last call."""
        entries = self._post("/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def requested(self):
        """Return the addresses asked for since the last call."""
        messages = [
            json.loads(entry["message"])["message"]
            for entry in self._post("/se/log", type="performance")
        ]
        plain = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        sockets = [
            message["params"]["url"]
            for message in messages
            if message["method"] == "Network.webSocketCreated"
        ]
        return plain + sockets

    def close(self):
        self._ask(urllib.request.Request(self._base, method="DELETE"))


@contextmanager
def browsing(profile, *flags):
    """Start a driver and a browser with a new ``profile`` directory; both are gone afterwards."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        lines = iter(driver.stdout.readline, "")
        started = next((line for line in lines if "successfully on port" in line), "")
        assert started, "chromedriver did not start"
        browser = Browser(int(started.rstrip().rstrip(".").rsplit(" ", 1)[1]), profile, flags)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.terminate()
        driver.wait(10)
        driver.stdout.close()
