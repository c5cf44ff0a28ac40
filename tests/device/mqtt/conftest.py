"""A real broker that can be stopped, frozen and given other certificates, and a second client that listens."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from edgecls_device.classifier import Prediction
from edgecls_device.health import StatusBoard
from edgecls_device.results import Decision, Event, FrameResult
from edgecls_device.sources.protocol import DELIVERING, captured_now

paho = pytest.importorskip("paho.mqtt.client", reason="needs the extra mqtt")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
LABELS = ("cat", "dog")
TOPIC = "edgecls/door"
WAIT_S = 15.0  # generous: the machine may be busy; everything here takes milliseconds


def wait_for(condition, what="it"):
    """Return what ``condition`` gives once that is true."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail(f"waited {WAIT_S} s for {what}")
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """Mosquitto on a port of its own."""

    def __init__(self, directory, *lines, port=None):
        self.directory = directory
        self.port = port or free_port()
        self.lines = lines
        self.process = None

    def start(self):
        config = self.directory / "mosquitto.conf"
        lines = self.lines or ("allow_anonymous true",)
        config.write_text("\n".join((f"listener {self.port} 127.0.0.1", "user root", *lines, "")))
        log = (self.directory / "broker.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [MOSQUITTO, "-c", str(config)], stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(self._answers, "the broker")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "broker.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()


@pytest.fixture
def make_broker(tmp_path_factory):
    """Makes brokers, and stops them at the end."""
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (Debian: apt install mosquitto)")
    brokers = []

    def make(*lines, port=None):
        brokers.append(Broker(tmp_path_factory.mktemp("broker"), *lines, port=port))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.stop()


@pytest.fixture
def broker(make_broker):
    """A broker that takes anybody."""
    return make_broker().start()


class Listener:
    """Another client of the broker; ``messages`` are (topic, payload, is_retained)."""

    def __init__(self, port, *, topic="#", prepare=None):
        self.messages = []
        self._subscribed = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._take
        if prepare:
            prepare(self.client)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(WAIT_S)

    def _take(self, client, userdata, message):
        self.messages.append((message.topic, message.payload, bool(message.retain)))

    def payloads(self, name):
        """Return what came under our topic, in order."""
        return [payload for topic, payload, _ in list(self.messages) if topic == f"{TOPIC}/{name}"]

    def records(self, name):
        return [json.loads(payload) for payload in self.payloads(name)]

    def wait(self, name, payload=None):
        """Return the last payload under a name, once there is one, or once it is ``payload``."""

        def last():
            found = self.payloads(name)
            return found and (payload is None or found[-1] == payload) and found[-1]

        return wait_for(last, f"{name} {payload}: {self.payloads(name)[-3:]}")

    def publish(self, topic, payload, *, retain=False):
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
        del self.client  # paho closes its pair of sockets only when nobody holds it


@contextmanager
def listening(port, **options):
    listener = Listener(port, **options)
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def listener(broker):
    with listening(broker.port) as client:
        yield client


@pytest.fixture
def make_sink():
    """Makes sinks for ``MqttSettings``, and closes them at the end."""
    from edgecls_device.sinks.mqtt import MqttSink

    sinks = []

    def make(settings, *, board=None, labels=LABELS):
        board = board or ready_board()
        sink = MqttSink(settings, board=board, labels=labels, source_name="0", model_name="pets")
        board.watch_sinks(lambda: (sink.counts,))
        sinks.append(sink)
        return sink

    yield make
    for sink in sinks:
        sink.close()


def settings_for(broker_or_port, **changes):
    """Return settings with short deadlines."""
    from edgecls_device.sinks.mqtt_settings import MqttSettings

    port = getattr(broker_or_port, "port", broker_or_port)
    short = {
        "host": "127.0.0.1",
        "port": port,
        "topic": TOPIC,
        "keepalive_s": 15,
        "check_every_s": 0.05,
        "reconnect_min_s": 0.05,
        "reconnect_max_s": 0.2,
        "unacknowledged_s": 0.2,
    }
    return MqttSettings(**{**short, **changes})


def ready_board():
    """Return the board of a run that gives results."""
    board = StatusBoard()
    board.begin("0", "test")
    board.note_round(DELIVERING, 1, {})
    board.note_result(result_of("cat"))
    return board


def result_of(label, *, score=0.9, image=None):
    picture = np.zeros((48, 64, 3), np.uint8) if image is None else image
    is_unknown = label == "unknown"
    prediction = Prediction(
        label=label,
        score=score,
        class_id=0,
        is_unknown=is_unknown,
        preprocess_ms=1.0,
        inference_ms=2.0,
        scores=np.zeros(2, np.float32),
    )
    return FrameResult(
        frame=captured_now(picture, index=0, source="0"),
        prediction=prediction,
        decision=Decision(label=label, score=score, is_unknown=is_unknown, held_s=1.5),
        age_ms=3.0,
        frames_per_second=10.0,
        dropped={},
    )


def event_of(number, *, change="entered", label="cat"):
    return Event(
        id=f"id-{number}",
        change=change,
        label=label,
        source="0",
        start=1_700_000_000.0 + number,
        end=None if change == "entered" else 1_700_000_001.0 + number,
        duration_s=1.0,
        peak_score=0.9,
        frames=3,
    )


def check_balance(counts):
    assert counts.given == counts.written + counts.dropped + counts.failed + counts.waiting
