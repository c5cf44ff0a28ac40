"""A camera that speaks RTSP (RFC 2326) over TCP and sends JPEGs as RTP packets in it (RFC 2435)."""

import re
import struct
import time
from contextlib import suppress

from tests.device.sources.http_camera import HttpCamera

PACKET_BYTES = 1400
PAYLOAD_TYPE = 26  # JPEG; RFC 3551
CLOCK_HZ = 90_000
SDP = f"""v=0
o=- 0 0 IN IP4 127.0.0.1
s=edge
c=IN IP4 0.0.0.0
t=0 0
m=video 0 RTP/AVP {PAYLOAD_TYPE}
a=control:track1
""".replace("\n", "\r\n")


class RtspCamera(HttpCamera):
    """The same switches as an :class:`HttpCamera` has; ``methods`` holds the RTSP methods that came."""

    def __init__(self):
        super().__init__()
        self.interval_s = 0.02
        self.methods = []

    @property
    def url(self):
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def _serve(self, connection):
        with suppress(OSError), connection:
            while self._answer(connection) != "PLAY":
                pass
            connection.setblocking(False)
            sequence = 0
            for i in range(self.ends_after):
                self._hear(connection)
                packets = rtp_packets(
                    self.jpegs[i % len(self.jpegs)], sequence, i * self.interval_s
                )
                sequence += len(packets)
                data = b"".join(packets)
                connection.settimeout(30)
                if i == self.stalls_after:
                    connection.sendall(data[: len(data) // 2])
                    time.sleep(60)
                connection.sendall(data)
                connection.setblocking(False)
                time.sleep(self.interval_s)

    def _answer(self, connection):
        """Answer one request and return its method."""
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(4096)
            if not more:
                raise ConnectionResetError
            request += more
        text = request.decode()
        self.requests.append(text)
        method = text.split()[0]
        self.methods.append(method)
        number = re.search(r"CSeq: *(\d+)", text)[1]
        body = SDP if method == "DESCRIBE" else ""
        heads = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            "PLAY": "Session: 1\r\nRTP-Info: url=track1;seq=0;rtptime=0\r\n",
        }
        head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{heads.get(method, '')}\r\n"
        connection.sendall((head + body).encode())
        return method

    def _hear(self, connection):
        """Notice a TEARDOWN while sending."""
        with suppress(BlockingIOError):
            data = connection.recv(4096)
            self.methods += re.findall(
                r"^([A-Z]+) rtsp:", data.decode(errors="replace"), re.MULTILINE
            )


def rtp_packets(jpeg, sequence, seconds):
    """Cut a baseline 4:2:0 JPEG into RTP packets, each behind the ``$`` of RFC 2326, section 10.12."""
    tables, scan, height, width = _parts(jpeg)
    packets = []
    for offset in range(0, len(scan), PACKET_BYTES):
        piece = scan[offset : offset + PACKET_BYTES]
        is_last = offset + PACKET_BYTES >= len(scan)
        head = struct.pack(
            ">BBHII", 0x80, PAYLOAD_TYPE | is_last << 7, (sequence + len(packets)) & 0xFFFF,
            int(seconds * CLOCK_HZ) & 0xFFFFFFFF, 7,
        )  # fmt: skip
        head += struct.pack(">IBBBB", offset, 1, 255, width // 8, height // 8)
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        payload = head + piece
        packets.append(struct.pack(">cBH", b"$", 0, len(payload)) + payload)
    return packets


def _parts(jpeg):
    """Return the quantization tables, the entropy-coded scan, and the size."""
    at, tables, size = 2, b"", (0, 0)
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            tables += b"".join(body[i + 1 : i + 65] for i in range(0, len(body), 65))
        elif marker == 0xC0:
            size = struct.unpack(">HH", body[1:5])
        elif marker == 0xDA:
            return tables, jpeg[at:-2], *size
