"""A web folder on a plain file server, and a browser that asks its scripts."""

import base64
import functools
import http.server
import json
import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import installed_backends
from edgecls_device.classifier import Classifier
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import GoldenSamples
from edgecls_export.bundles.web import WebRuntime, write_web

from tests.device.tiny_models import onnx_model

_ASKING = """
const [name, ...rest] = arguments;
const given = rest.map((value) => value?.base64 === undefined ? value
    : Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)));
const encoded = (value) => ArrayBuffer.isView(value)
    ? {base64: btoa(Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
        (byte) => String.fromCharCode(byte)).join(""))}
    : value;
return import(`/page/${name}.js`).then(async (module) => {
  const value = await (EXPRESSION);
  return Array.isArray(value) ? value.map(encoded) : encoded(value);
});
"""
NO_RUNTIME = WebRuntime(name="no runtime", script=b"export default null;", wasm=b"\0asm")


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        if self.path == "/favicon.ico":  # asked for by the browser where a page names none
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def end_headers(self):
        for name, value in self.server.headers:
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def serving(folder, *headers):
    """Serve ``folder`` and give its address."""
    handler = functools.partial(_Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.headers = headers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(page, module, expression, *arguments):
    """Give what ``expression``, in which ``module`` is the imported one, has as its value; bytes as bytes."""
    code = _ASKING.replace("EXPRESSION", expression)
    value = page.script(code, module, *(_packed(argument) for argument in arguments))
    return [_unpacked(item) for item in value] if isinstance(value, list) else _unpacked(value)


def _packed(value):
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _unpacked(value):
    is_bytes = isinstance(value, dict) and "base64" in value
    return base64.b64decode(value["base64"]) if is_bytes else value


def write_tiny_model(path, spec, **changes):
    """Write a model that sees colours, with golden samples of ONNX Runtime where that is installed."""
    path.write_bytes(onnx_model(spec=spec, **changes))
    if installed_backends("onnx"):
        size = spec.preprocessing
        with Classifier.open(path, threads=1) as classifier:
            rows = [
                tuple(classifier.raw_scores(picture[np.newaxis]).tolist())
                for picture in golden_inputs(5, size.height, size.width)
            ]
        golden = GoldenSamples(seed=5, scores=tuple(rows), tolerance=1e-4)
        path.write_bytes(onnx_model(spec=replace(spec, golden=golden), **changes))
    return path


def tiny_folder(out, spec, *, runtime=NO_RUNTIME):
    """Write the folder of such a model."""
    model = write_tiny_model(out.parent / "tiny.onnx", spec)
    write_web(read_artifact(model), runtime=runtime, out=out)
    return out


def change_record(folder, change):
    """Let ``change`` alter ``edgecls.json``."""
    path = folder / "edgecls.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
