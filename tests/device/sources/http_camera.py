"""A camera on the network for tests: it sends MJPEG, can be switched off and on, and misbehaves as told."""

import socket
import threading
import time
from contextlib import suppress

import cv2
import numpy as np

BOUNDARY = "edge"


def noisy_jpegs(count=20, *, height=48, width=64):
    """JPEGs of a still scene with sensor noise: no two are the same."""
    random = np.random.default_rng(7)
    scene = np.full((height, width, 3), (40, 160, 40), np.int16)
    pictures = [scene + random.integers(-3, 4, scene.shape) for _ in range(count)]
    return [cv2.imencode(".jpg", picture.astype(np.uint8))[1].tobytes() for picture in pictures]


class HttpCamera:
    """One path, MJPEG on it. Everything may be changed while it runs.

    Attributes:
        jpegs: Sent in turn.
        interval_s: From one to the next.
        stalls_after: Pictures after which a connection falls silent in the middle of the next one.
        ends_after: Pictures after which a connection is closed.
        answer: Sent instead of the head of a stream, and then hung up.
        head: Head of the answer.
        part_head: Head of a part; ``{length}`` is filled in.
        requests: Heads of the requests that came.
    """

    def __init__(self):
        self.jpegs = noisy_jpegs()
        self.interval_s = 0.005
        self.stalls_after = self.ends_after = 10**9
        self.answer = b""
        self.head = (
            "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=edge\r\n\r\n"
        )
        self.part_head = "--edge\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
        self.requests = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self._server = None
        self._connections = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/stream"

    def start(self):
        """Listen again at the same port."""
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def stop(self):
        """Close every socket, as a camera does that loses its power and is seen to."""
        if self._server is not None:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        self.hang_up()

    def hang_up(self):
        """Close what is open; who asks again is answered."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections = []

    def _accept(self, server):
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with suppress(OSError), connection:
            request = connection.recv(65536)
            if not request:  # a look whether somebody is there
                return
            self.requests.append(request.decode())
            if self.answer:
                connection.sendall(self.answer)
                return
            connection.sendall(self.head.encode())
            for i in range(self.ends_after):
                jpeg = self.jpegs[i % len(self.jpegs)]
                part = self.part_head.format(length=len(jpeg)).encode() + jpeg + b"\r\n"
                if i == self.stalls_after:
                    connection.sendall(part[: len(part) // 2])
                    time.sleep(60)
                connection.sendall(part)
                time.sleep(self.interval_s)
