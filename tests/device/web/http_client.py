"""HTTP as the standard library speaks it, and one raw socket: no code is shared with the server."""

import http.client
import json
import socket
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def ask(method, url, *, body=None, headers=None, timeout=10):
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)) as line:
        line.request(method, path, body=body, headers=headers or {})
        answer = line.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())


def get(url, **headers):
    return ask("GET", url, headers={key.replace("_", "-"): value for key, value in headers.items()})


def post(url, body=b"", **headers):
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return ask("POST", url, body=body, headers=named)


def raw(address, data, *, timeout=0.5):
    """Send bytes and return the beginning of the answer, or nothing if there is none."""
    with socket.create_connection(address, timeout=timeout) as line:
        try:
            line.sendall(data)
            if b"\r\n\r\n" not in data:  # the server would wait for more
                line.shutdown(socket.SHUT_WR)
            return line.recv(65536)
        except OSError:  # closed while we sent, or the server waits for a body
            return b""


def received(line):
    """Return what a socket gives next; nothing if it is closed, in order or not."""
    try:
        return line.recv(65536)
    except ConnectionError:
        return b""
