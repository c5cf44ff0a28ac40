"""Photos of every kind, made on the spot, and a web server that can misbehave."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.cli.main import main


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Make a picture that resembles no other: smooth patches of colour, from a seed."""

    def make(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
        cells = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        return cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)

    return make


@pytest.fixture
def write_photo(picture) -> Callable[..., Path]:
    """Write a picture made from a seed; the suffix decides the format."""

    def write(path: Path, seed: int, **size: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix.lower(), picture(seed, **size))[1].tobytes())
        return path

    return write


@pytest.fixture
def photos(tmp_path, write_photo) -> Path:
    """Two classes, cats and dogs, with 8 photos each."""
    for class_id, label in enumerate(("cats", "dogs")):
        for i in range(8):
            write_photo(tmp_path / "photos" / label / f"{i}.jpg", 100 * class_id + i)
    return tmp_path / "photos"


@pytest.fixture
def edgecls(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process; give its exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def permissions_hold(tmp_path) -> None:
    """Skip where this user may read and write everything, as root does."""
    path = tmp_path / "locked"
    path.touch(mode=0)
    try:
        path.open("rb").close()
    except PermissionError:
        path.unlink()
        return
    pytest.skip("this user (root?) may read and write everything")


@pytest.fixture
def cmyk_jpeg() -> Callable[[int, int, int, int], bytes]:
    """Make an Adobe CMYK JPEG of one flat colour; 255 is no ink, as Adobe stores it."""

    def make(*inks: int) -> bytes:
        side, ids = 64, range(1, 5)
        quantization = b"\x00" + b"\x08" * 64
        frame = struct.pack(">BHHB", 8, side, side, 4) + b"".join(bytes((i, 0x11, 0)) for i in ids)
        dc_codes = b"\x00" + bytes((0, 0, 0, 12)) + b"\x00" * 12 + bytes(range(12))  # 4 bits each
        ac_codes = b"\x10" + bytes((1,)) + b"\x00" * 15 + b"\x00"  # "0" ends a block
        scan = b"\x04" + b"".join(bytes((i, 0x00)) for i in ids) + b"\x00\x3f\x00"
        bits, previous = "", [0, 0, 0, 0]
        for _ in range((side // 8) ** 2):
            for channel, ink in enumerate(inks):
                value = ink - 128  # times 8 (the quantizer), over 8 (the transform's gain)
                bits += _dc_bits(value - previous[channel]) + "0"
                previous[channel] = value
        bits += "1" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
        adobe = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)
        segments = ((0xEE, adobe), (0xDB, quantization), (0xC0, frame))
        segments += ((0xC4, dc_codes), (0xC4, ac_codes), (0xDA, scan))
        head = b"".join(
            b"\xff" + bytes((m,)) + struct.pack(">H", len(s) + 2) + s for m, s in segments
        )
        return b"\xff\xd8" + head + data + b"\xff\xd9"

    return make


def _dc_bits(difference: int) -> str:
    category = abs(difference).bit_length()
    code = f"{category:04b}"
    if not category:
        return code
    value = difference if difference > 0 else difference + (1 << category) - 1
    return code + f"{value:0{category}b}"


@dataclass
class Site:
    """A file on a web server of our own, and how the server misbehaves.

    Attributes:
        content: The file.
        etag: Its validator.
        has_ranges: Whether it honours ``Range``.
        cut_after: Bytes after which the first so many answers break off.
        cuts: How many answers break off.
        status: What it answers instead of the file.
        kind: The file's content type.
        sends_length: Whether it says how long the file is.
        ranges: The ``Range`` header of every request, in order.
    """

    content: bytes
    etag: str = '"one"'
    has_ranges: bool = True
    cut_after: int = 0
    cuts: int = 0
    status: int = 200
    kind: str = "application/zip"
    sends_length: bool = True
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site(monkeypatch) -> Iterator[Callable[..., Site]]:
    """Serve a file on loopback."""
    monkeypatch.setenv("no_proxy", "*")
    servers: list[ThreadingHTTPServer] = []

    def serve(content: bytes, **options: Any) -> Site:
        site = Site(content=content, **options)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_port}/photos.zip"
        return site

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            site.ranges.append(asked)
            start = 0
            if asked and site.has_ranges and self.headers.get("If-Range") == site.etag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if site.status != 200:
                self.send_error(site.status)
                return
            self.send_response(206 if start else 200)
            if start:
                size = len(site.content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            if site.sends_length:
                self.send_header("Content-Length", str(len(site.content) - start))
            self.send_header("ETag", site.etag)
            self.send_header("Content-Type", site.kind)
            self.end_headers()
            body = site.content[start:]
            if site.cuts > 0:
                site.cuts -= 1
                body = body[: site.cut_after]
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            del args

    return Handler
