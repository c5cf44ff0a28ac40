"""A WebSocket client on a plain socket, which reads only when told to."""

import json
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    def __init__(self, address, *, buffer_bytes=None, answers_pings=True, **headers):
        self.line = socket.socket()
        if buffer_bytes:
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.line.settimeout(10)
        self.line.connect(address)
        self.answers_pings = answers_pings
        lines = [
            "GET /ws HTTP/1.1",
            f"Host: 127.0.0.1:{address[1]}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.line.sendall("\r\n".join([*lines, "", ""]).encode())
        self.stream = self.line.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        while self.stream.readline() not in {b"\r\n", b""}:
            pass

    def send(self, record, *, kind=TEXT):
        data = record if isinstance(record, bytes) else json.dumps(record).encode()
        mask = os.urandom(4)
        size = (
            bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        )
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.line.sendall(bytes([0x80 | kind]) + size + mask + masked)

    def read(self):
        """Return kind and content of the next message; (CLOSE, b"") at the end."""
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                return CLOSE, b""
            kind, size = head[0] & 15, head[1] & 127
            if size > 125:
                size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
            data = self.stream.read(size)
            if kind == PING:
                if self.answers_pings:
                    self.send(data, kind=PONG)
            elif kind != PONG:
                return kind, data

    def read_json(self, type_=None):
        """Return the next JSON message, of a type if one is given."""
        while True:
            kind, data = self.read()
            assert kind != CLOSE, "closed by the server"
            if kind == TEXT:
                message = json.loads(data)
                if type_ in {None, message["type"]}:
                    return message

    def next_picture(self):
        """Ask for a picture; return its result and the JPEG."""
        self.send({"type": "next"})
        result = self.read_json("result")
        kind, jpeg = self.read()
        while kind == TEXT:
            kind, jpeg = self.read()
        return result, jpeg

    def close(self):
        self.stream.close()
        self.line.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
