"""A run with a live page, as a program of its own whose camera does what it is told on stdin.

``color NAME`` changes the picture, ``lose WHY`` takes the camera away, ``find`` brings it back, ``end`` ends.
The first line it prints is the address of the page.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from edgecls_device.collecting.photo_store import PhotoStore
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.decisions.temporal import TemporalDecider
from edgecls_device.health import StatusBoard
from edgecls_device.live import classify_source
from edgecls_device.opening import open_model
from edgecls_device.sources.protocol import DELIVERING, SourceStatus, captured_now
from edgecls_device.stop import Stop
from edgecls_device.web.server import WebServer
from edgecls_device.web.settings import PageFacts, WebSettings

COLORS = {"red": (40, 40, 220), "green": (60, 200, 60), "blue": (220, 80, 40)}
PERIOD_S = 0.04


class ToldCamera:
    """A camera with a picture in which a bar moves."""

    name, description, is_live, frame_rate = "told", "64x48 at 25 fps", True, 25.0
    problems, dropped = (), {"superseded": 3}

    def __init__(self, stop):
        self.status, self.captured, self._color = DELIVERING, 0, "red"
        threading.Thread(target=self._listen, args=(stop,), daemon=True).start()

    def read(self, stop):
        time.sleep(PERIOD_S)
        if stop.is_requested or self.status.state == "lost":
            return None
        image = np.full((48, 64, 3), COLORS[self._color], np.uint8)
        at = self.captured % 64
        cv2.rectangle(image, (at, 0), (at + 3, 47), (255, 255, 255), -1)
        self.captured += 1
        return captured_now(image, index=self.captured - 1, source=self.name)

    def close(self):
        pass

    def _listen(self, stop):
        for line in sys.stdin:
            order, _, rest = line.strip().partition(" ")
            if order == "color":
                self._color = rest
            elif order == "lose":
                self.status = SourceStatus(state="lost", trouble=rest)
            elif order == "find":
                self.status = SourceStatus(reconnects=1)
            else:
                break
        stop.request("told to")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="")
    parser.add_argument("--collect", type=Path)
    parser.add_argument("--labels", type=json.loads)
    parser.add_argument("--more-labels", type=int, default=0)
    options = parser.parse_args()
    stop, board = Stop(), StatusBoard()
    model = open_model(options.model)
    spec = model.classifier.spec
    if options.labels:  # such as no spec accepts, as if a check had a hole
        object.__setattr__(spec, "labels", tuple(options.labels))
    more = (f"label {number}" for number in range(options.more_labels))
    facts = PageFacts(title="tiny", labels=(*spec.output_labels, *more), artifact="tiny.tflite")
    settings = WebSettings(port=options.port, token=options.token)
    server = WebServer(
        settings,
        board,
        facts=facts,
        open_classifier=lambda: open_model(options.model).classifier,
        store=None if options.collect is None else PhotoStore(options.collect),
    )
    server.start()
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    camera = ToldCamera(stop)
    decider = TemporalDecider(DecisionSettings(), spec, camera.name)
    try:
        classify_source(
            camera, model.classifier, [server.sink], stop=stop, board=board, decider=decider
        )
    finally:
        server.close()


if __name__ == "__main__":
    main()
