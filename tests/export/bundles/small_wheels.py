"""Tiny wheels, their lock, and a package index on loopback that has them."""

import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edgecls_export.bundles.locked import LockedWheel, to_lock_line
from edgecls_export.bundles.targets import TARGETS

TARGET = TARGETS["bookworm64"]
PYTHON = "3.11"


def wheel(name, *, version="1.0", tag="py3-none-any", content=b""):
    """Return (locked wheel, its bytes)."""
    buffer = io.BytesIO()
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    kind = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", content)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", kind)
        archive.writestr(f"{info}/RECORD", "")
    data = buffer.getvalue()
    locked = LockedWheel(
        name=name,
        version=version,
        file=f"{name.replace('-', '_')}-{version}-{tag}.whl",
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
    )
    return locked, data


WHEELS = dict(
    [
        wheel("ai-edge-litert", tag="cp311-cp311-manylinux_2_17_aarch64"),
        wheel("onnxruntime", tag="cp311-cp311-manylinux_2_28_aarch64", content=b"#" * 5000),
        wheel("pip"),
        wheel("click"),
    ]
)


def keep(cache, wheels):
    """Put wheels where they are kept once they were downloaded."""
    for locked, data in wheels.items():
        place = cache / locked.sha256 / locked.file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def small_locks(folder, wheels=WHEELS):
    """Write the lock of every target and Python: always these wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "# A lock.\n" + "".join(f"{to_lock_line(locked)}\n" for locked in wheels)
    for target in TARGETS.values():
        for python in target.pythons:
            (folder / target.lock(python).name).write_text(text)


@contextmanager
def index(files):
    """Serve files (name -> bytes) as a package index (PEP 503); yield its address and what was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            asked.append(self.path)
            name = self.path.rstrip("/").rpartition("/")[2]
            if name in files:
                self._send(files[name], "application/octet-stream")
                return
            links = [f'<a href="/files/{f}">{f}</a>' for f in files if _normal(f) == name]
            self._send("".join(links).encode(), "text/html", code=200 if links else 404)

        def _send(self, data, kind, code=200):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _normal(file):
    return file.partition("-")[0].replace("_", "-").lower()


def only_index(monkeypatch, address):
    """Let pip know nothing but one index."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
