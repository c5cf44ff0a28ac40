"""Clients for live_web.py, in a process of their own: viewers of the live page, and slow sockets.

python benchmarks/figures/web_clients.py viewers 127.0.0.1 8080 8
python benchmarks/figures/web_clients.py slow 127.0.0.1 8080 1000
"""

import contextlib
import resource
import selectors
import socket
import sys
import time

ASK = b"\x81\x8f\0\0\0\0" + b'{"type":"next"}'  # a text message, with a mask of zeros
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
HEAD = b"GET /live HTTP/1.1\r\nHost: localhost\r\n"
LINE = b"X-Slow: 1\r\n"
BINARY, PING, PONG = 2, 9, 0x8A


def main() -> None:
    kind, host, port, count = sys.argv[1:5]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    {"viewers": view, "slow": be_slow}[kind]((host, int(port)), int(count))


def view(address, count):
    """Look at the page as browsers do: ask for each picture once the one before is there."""
    selector = selectors.DefaultSelector()
    for _ in range(count):
        line = socket.create_connection(address)
        line.sendall(UPGRADE.encode() + ASK)
        waiting = bytearray()
        while b"\r\n\r\n" not in waiting:
            waiting += line.recv(65536)
        del waiting[: waiting.index(b"\r\n\r\n") + 4]
        selector.register(line, selectors.EVENT_READ, waiting)
    while True:
        for key, _ in selector.select():
            data = key.fileobj.recv(1 << 20)
            if not data:
                return
            key.data.extend(data)
            answer(key.fileobj, key.data)


def answer(line, waiting):
    """Take whole messages out of what came, and answer pictures and pings."""
    while len(waiting) >= 2:
        size, start = waiting[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(waiting[2:start], "big")
        if len(waiting) < start + size:
            return
        kind = waiting[0] & 15
        if kind == BINARY:
            line.sendall(ASK)
        elif kind == PING:
            line.sendall(bytes([PONG, 0x80 | size, 0, 0, 0, 0]) + waiting[start : start + size])
        del waiting[: start + size]


def be_slow(address, count):
    """Send a header line now and then, and never the end; who is let go comes back."""
    lines = {}
    while True:
        for number in range(count):
            try:
                if number not in lines:
                    lines[number] = socket.create_connection(address, timeout=2)
                    lines[number].sendall(HEAD)
                lines[number].sendall(LINE)
            except OSError:
                lines.pop(number, None)
        time.sleep(1)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
