"""A real web server beside a real loop, on loopback."""

import threading
import time
from contextlib import contextmanager

import numpy as np
from edgecls_device.classifier import Classifier, Prediction
from edgecls_device.health import StatusBoard
from edgecls_device.results import Decision, Event, FrameResult
from edgecls_device.sources.protocol import DELIVERING, captured_now
from edgecls_device.web.server import WebServer
from edgecls_device.web.settings import PageFacts, WebSettings

from tests.device.conftest import FakeBackend
from tests.device.tiny_models import tiny_spec
from tests.device.web.http_client import get

LABELS = ("red", "green", "blue")
TOKEN = "a-token-of-some-length"


def picture(number, *, height=48, width=64):
    """A picture that tells its number by its brightness."""
    return np.full((height, width, 3), number % 256, np.uint8)


def result_of(number, *, label="green", image=None):
    frame = captured_now(
        picture(number) if image is None else image, index=number, source="test:numbers"
    )
    prediction = Prediction(
        label=label,
        score=0.75,
        class_id=1,
        is_unknown=False,
        labels=("first", label, "third"),
        k=1,
        preprocess_ms=0.5,
        inference_ms=2.0,
        scores=np.asarray([0.0, 0.75, 0.25], np.float32),
    )
    return FrameResult(
        frame=frame,
        prediction=prediction,
        decision=Decision(label=label, score=0.75, is_unknown=False, held_s=1.0),
        age_ms=3.0,
        frames_per_second=30.0,
        dropped={},
    )


def event_of(number, *, label="green"):
    return Event(
        id=f"stay-{number}",
        change="entered",
        label=label,
        source="test:numbers",
        start=1.0,
        end=None,
        duration_s=0.0,
        peak_score=0.75,
        frames=1,
    )


class Run:
    """A server with its board, and a loop that can be fed by hand or by a thread."""

    def __init__(self, server, board):
        self.server, self.board = server, board
        self.url = server.url
        self.address = ("127.0.0.1", int(server.url.rstrip("/").rpartition(":")[2]))
        self.number = 0

    def give(self, **how):
        self.number += 1
        result = result_of(self.number, **how)
        self.server.sink.write(result)
        self.board.note_round(DELIVERING, self.number, {"superseded": 0})
        self.board.note_result(result)

    @contextmanager
    def feeding(self, rate=100):
        end = threading.Event()

        def feed():
            while not end.wait(1 / rate):
                self.give()

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def status(self):
        return get(self.url + "status").json["web"]


def wait_until(is_so, *, within_s=8.0):
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def running(*, token="", names=(), host="127.0.0.1", facts=None, **more):
    board = StatusBoard()
    facts = facts or PageFacts(title="tiny", labels=LABELS, artifact="tiny.tflite", backend="fake")
    settings = WebSettings(host=host, port=0, token=token, names=names)
    server = WebServer(settings, board, facts=facts, **more)
    server.start()
    try:
        yield Run(server, board)
    finally:
        server.close()
        assert not server.is_running


def open_tiny():
    return Classifier(tiny_spec(), FakeBackend())
