"""What the live page costs the loop, and whether slow sockets keep a health check out.

Blocks with and without eight viewers alternate in one process, so that other programs hit both alike. The
viewers run on the same machine, in a process of their own: what they use is part of the figure.

    python benchmarks/figures/live_web.py runs/pets/exports/pets.int8.tflite
"""

import http.client
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from edgecls_device.classifier import Classifier
from edgecls_device.health import StatusBoard
from edgecls_device.live import classify_source
from edgecls_device.sources.protocol import DELIVERING, captured_now
from edgecls_device.stop import Stop
from edgecls_device.web.server import WebServer
from edgecls_device.web.settings import PageFacts, WebSettings
from figure import Row, arguments, describe_machine, figure_of, show

VIEWERS, SLOW_SOCKETS = 8, 1000
SETTLING_S = 1.0
HEIGHT, WIDTH = 480, 640


class MovingPicture:
    """A picture that moves, at a rate or as fast as it is read."""

    name, description, is_live, problems = "moving", "640x480", True, ()
    status, dropped = DELIVERING, {}

    def __init__(self, rate):
        self.frame_rate, self.captured = rate, 0
        self._next = time.monotonic()
        noise = np.random.default_rng(0).integers(0, 60, (HEIGHT, WIDTH, 3))
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        slope = np.stack([x * 180 // WIDTH, y * 180 // HEIGHT, (x + y) % 180], axis=-1)
        self._picture = (slope + noise).astype(np.uint8)

    def read(self, stop):
        """Return the next frame when it is due."""
        if stop.is_requested:
            return None
        if self.frame_rate:
            self._next = max(self._next + 1 / self.frame_rate, time.monotonic() - 1)
            time.sleep(max(self._next - time.monotonic(), 0))
        self.captured += 1
        image = np.roll(self._picture, 8 * self.captured, axis=1)
        return captured_now(image, index=self.captured - 1, source=self.name)

    def close(self):
        """Do nothing."""


def main() -> None:
    parser = arguments("Measure what viewers and slow sockets cost.")
    parser.add_argument("artifact", type=Path, help="an int8 .tflite file")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each block")
    options = parser.parse_args()
    machine = describe_machine()
    rows = []
    for rate in (30, 0):
        with running(options.artifact, rate) as (server, source):
            rows += cost_of_viewers(server, source, rate, options)
            if rate:
                rows += health_under_attack(server)
    show(figure_of(f"The live page beside {options.artifact.name}", machine, rows), options.out)


@contextmanager
def running(artifact, rate):
    """Run the loop with its web server."""
    board, stop, source = StatusBoard(), Stop(), MovingPicture(rate)
    with Classifier.open(artifact, threads=1) as classifier:
        facts = PageFacts(title=classifier.spec.name, labels=classifier.spec.output_labels)
        server = WebServer(WebSettings(port=0), board, facts=facts)
        server.start()
        loop = threading.Thread(
            target=lambda: classify_source(
                source, classifier, [server.sink], stop=stop, board=board
            )
        )
        loop.start()
        try:
            yield server, source
        finally:
            stop.request("the end")
            loop.join()
            server.close()


def cost_of_viewers(server, source, rate, options):
    """Return what eight viewers take from the loop's frame rate."""
    pairs = []
    for _ in range(options.rounds):
        alone = frames_per_second(source, options.seconds)
        with clients("viewers", server, VIEWERS):
            before = pictures_sent(server)
            watched = frames_per_second(source, options.seconds)
            shown = (pictures_sent(server) - before) / (options.seconds + SETTLING_S) / VIEWERS
        pairs.append((alone, watched, shown))
    name = f"{rate} a second" if rate else "unthrottled"
    lost = median(100 * (1 - watched / alone) for alone, watched, _ in pairs)
    return [
        Row(what=f"{name}: alone", value=median(pair[0] for pair in pairs), unit="frames/s"),
        Row(
            what=f"{name}: {VIEWERS} viewers",
            value=median(pair[1] for pair in pairs),
            unit="frames/s",
        ),
        Row(what=f"{name}: pictures a viewer", value=median(pair[2] for pair in pairs), unit="1/s"),
        Row(
            what=f"{name}: lost to {VIEWERS} viewers",
            value=lost,
            unit="%",
            at_most=5,
            note="the viewers' own work included",
        ),
    ]


def frames_per_second(source, seconds):
    """Return the loop's rate, once it has settled."""
    time.sleep(SETTLING_S)
    start, before = time.monotonic(), source.captured
    time.sleep(seconds)
    return (source.captured - before) / (time.monotonic() - start)


def health_under_attack(server):
    """Return how long ``/live`` takes, alone and beside a thousand slow sockets."""
    calm = [seconds_of_live(server) for _ in range(100)]
    with clients("slow", server, SLOW_SOCKETS):
        time.sleep(3)
        beset = []
        for _ in range(200):
            beset.append(seconds_of_live(server))
            time.sleep(0.02)
    name = f"/live beside {SLOW_SOCKETS} slow sockets"
    return [
        Row(what="/live alone: median", value=1000 * median(calm), unit="ms"),
        Row(what=f"{name}: median", value=1000 * median(beset), unit="ms"),
        Row(what=f"{name}: slowest of 200", value=1000 * max(beset), unit="ms", at_most=50),
    ]


def seconds_of_live(server):
    """Connect, ask, and read the answer."""
    start = time.monotonic()
    with closing(http.client.HTTPConnection(*address_of(server), timeout=10)) as line:
        line.request("GET", "/live")
        if line.getresponse().status != 200:
            sys.exit("Expected /live to answer 200.")
    return time.monotonic() - start


def pictures_sent(server):
    return server.viewer_counts.sent


def address_of(server):
    host, _, port = server.url.removeprefix("http://").rstrip("/").rpartition(":")
    return host, int(port)


@contextmanager
def clients(kind, server, count):
    """Run clients in a process of their own."""
    host, port = address_of(server)
    script = Path(__file__).with_name("web_clients.py")
    command = [sys.executable, script, kind, host, str(port), str(count)]
    with subprocess.Popen([str(word) for word in command]) as process:
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    main()
