"""Photos, clips, models and a camera on the network."""

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from edgecls_device.backends.table import installed_backends
from edgecls_device.classifier import Classifier
from edgecls_device.tensors import TensorInfo

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

COLORS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def picture(color, *, height=48, width=64):
    return np.full((height, width, 3), COLORS[color], np.uint8)


class FakeBackend:
    """Gives the same scores for every picture."""

    name = "fake"

    def __init__(self, output=(0.25, 0.75, 0.0)):
        self.result = np.asarray([output], np.float32)
        self.input = TensorInfo(name="image", shape=(1, 8, 8, 3), dtype="uint8")
        self.output = TensorInfo(name="scores", shape=self.result.shape, dtype="float32")

    def input_memory(self):
        return None

    def run(self, batch=None):
        return self.result

    def close(self):
        pass


@pytest.fixture
def classifier():
    """A classifier that says green with 75 %."""
    return Classifier(tiny_spec(), FakeBackend())


@pytest.fixture
def tiny_model(tmp_path):
    """A real model of ours for whatever runtime there is."""
    formats = {"tflite": tflite_model, "onnx": onnx_model}
    for suffix, make in formats.items():
        if installed_backends(suffix):
            path = tmp_path / f"tiny.{suffix}"
            path.write_bytes(make(spec=tiny_spec()))
            return path
    return pytest.skip("needs a runtime: ai-edge-litert, tflite-runtime or onnxruntime")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "red photo.png"
    cv2.imwrite(str(path), picture("red"))
    return path


@pytest.fixture
def folder(tmp_path):
    """Photos 2 (red), 10 (green) and Ü (blue), and what is no photo."""
    root = tmp_path / "photos"
    (root / "more").mkdir(parents=True)
    for name, color in (("a10.png", "green"), ("a2.png", "red"), ("more/Ü.PNG", "blue")):
        (root / name).write_bytes(cv2.imencode(".png", picture(color))[1].tobytes())
    (root / "notes.txt").write_text("no photo")
    (root / ".hidden.png").write_bytes(b"x")
    return root


def write_clip(path, colors):
    """Write a frame of each colour, 10 a second."""
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10, (64, 48))
    assert writer.isOpened()
    for color in colors:
        writer.write(picture(color))
    writer.release()


@pytest.fixture
def clip(tmp_path):
    """30 red and 30 blue frames, 10 a second."""
    path = tmp_path / "clip.avi"
    write_clip(path, ["red"] * 30 + ["blue"] * 30)
    return path


class Camera:
    """What an IP camera does, on loopback: MJPEG under ``/stream``, and how it misbehaves."""

    def __init__(self):
        self.frames = [cv2.imencode(".jpg", picture("green"))[1].tobytes()]
        self.count = 10**9  # frames until it closes, or falls silent
        self.is_silent_at_end = False
        self.interval_s = 0.01
        self.url = ""
        self.files = {}

    def send(self, handler):
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=edge")
        handler.end_headers()
        for i in range(self.count):
            jpeg = self.frames[i % len(self.frames)]
            head = f"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(self.interval_s)
        while self.is_silent_at_end:
            time.sleep(0.05)


@pytest.fixture
def camera():
    """A running :class:`Camera`; its ``url`` is where it is."""
    device = Camera()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            try:
                self.send_response(200)
                if self.path == "/stream":
                    device.send(self)
                else:
                    content_type, data = device.files[self.path]
                    self.send_header("Content-Type", content_type)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
            except (ConnectionError, BrokenPipeError):
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    device.url = f"http://127.0.0.1:{server.server_port}"
    yield device
    device.count, device.is_silent_at_end = 0, False
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def listening():
    """A host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/stream"


@pytest.fixture
def silent_host():
    with listening() as url:
        yield url
