"""A folder for a web server: a page that runs an ``.onnx`` model in the browser, on the camera or a photo.

The page prepares pictures by the same rule as every other program of the house, in JavaScript that a test
holds to the same bytes, and runs the model's golden samples before it is used. Its look, and the scripts that
need no server, are those of the live page.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import edgecls_device.web
from edgecls_device.artifact import Artifact
from edgecls_device.errors import ArtifactError
from edgecls_device.spec import InputTensor, ModelSpec

from edgecls_export.bundles.folders import FolderBundle, write_folder

__all__ = ["WebModel", "WebRuntime", "write_web"]

_PAGE = Path(__file__).parent / "web_page"
_LIVE_PAGE = Path(edgecls_device.web.__file__).parent / "page"
_SHARED = ("page.css", "theme.js", "elements.js", "decision.js", "words.js")

_README = """{name}: an image classifier that runs in the browser.

Put this folder on any web server that serves plain files, or try it here:

    python3 -m http.server 8000

and open http://localhost:8000/. Opened as a file (file://) it does not work: browsers do not run a model from
there. They give the camera only to pages on https:// or localhost; photos work everywhere.

Pictures never leave the browser, and nothing is asked of any other server.

edgecls.json  what the model means, with its golden samples
model/        {file}
page/         the page's own scripts
runtime/      {runtime}, (c) Microsoft Corporation, MIT licence (LICENSE.txt)

With these two headers on every file the model runs in several threads:

    Cross-Origin-Opener-Policy: same-origin
    Cross-Origin-Embedder-Policy: require-corp

Let the server compress .wasm and .onnx: the runtime shrinks to about a quarter.
"""

_LICENCE = """MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebRuntime:
    """ONNX Runtime for browsers.

    Attributes:
        name: Package and version, such as ``onnxruntime-web 1.30.0``.
        script: Its JavaScript module.
        wasm: Its WebAssembly.
    """

    name: str
    script: bytes
    wasm: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class WebModel:
    """What the page reads first.

    Attributes:
        file: Name of the model file.
        file_bytes: Its size.
        file_sha256: Its SHA-256, as hex.
        runtime: Name of the runtime.
        runtime_bytes: Size of its WebAssembly.
        spec: The spec inside the model file, with its golden samples.
    """

    kind: ClassVar[str] = "edgecls.web"
    version: ClassVar[int] = 1

    file: str
    file_bytes: int
    file_sha256: str
    runtime: str
    runtime_bytes: int
    spec: ModelSpec


def write_web(artifact: Artifact, *, runtime: WebRuntime, out: Path) -> FolderBundle:
    """Write the folder, whole or not at all; one that was written before is replaced.

    Args:
        artifact: An ``.onnx`` file that edgecls exported.
        runtime: What runs it in the browser.
        out: The folder.

    Raises:
        ArtifactError: If it is not one that the page can feed.
        StorageError: If it cannot be written, or ``out`` holds something else.
    """
    spec = _spec_of(artifact)
    folder, sizes = write_folder(
        out, _record(artifact, spec, runtime), _files(artifact, spec, runtime)
    )
    return FolderBundle(
        target="web",
        folder=str(folder),
        model=artifact.path.name,
        runtime=runtime.name,
        files=sizes,
    )


def _spec_of(artifact: Artifact) -> ModelSpec:
    """Return the spec of a model that the page can feed: uint8 RGB NHWC in, probabilities out."""
    name = str(artifact.path)
    if artifact.format != "onnx":
        message = (
            f"Expected an .onnx model for a browser, got {name!r}, which is {artifact.format}."
        )
        raise ArtifactError(message, hint="edgecls export RUN --format onnx")
    spec = artifact.spec
    if spec is None or spec.input != InputTensor() or spec.output != "probabilities":
        message = (
            f"Expected an .onnx model that edgecls exported, got {name!r}, which is of elsewhere."
        )
        raise ArtifactError(message, hint="train and export it: edgecls export RUN --format onnx")
    return spec


def _record(artifact: Artifact, spec: ModelSpec, runtime: WebRuntime) -> WebModel:
    return WebModel(
        file=artifact.path.name,
        file_bytes=len(artifact.data),
        file_sha256=artifact.sha256,
        runtime=runtime.name,
        runtime_bytes=len(runtime.wasm),
        spec=spec,
    )


def _files(artifact: Artifact, spec: ModelSpec, runtime: WebRuntime) -> dict[str, bytes]:
    name = artifact.path.name
    page = {path.name: path.read_bytes() for path in sorted(_PAGE.iterdir()) if path.is_file()}
    shared = {shared: (_LIVE_PAGE / shared).read_bytes() for shared in _SHARED}
    readme = _README.format(name=spec.name, file=name, runtime=runtime.name)
    return {
        "index.html": page.pop("index.html"),
        "README.txt": readme.encode(),
        f"model/{name}": artifact.data,
        **{f"page/{name}": content for name, content in sorted((page | shared).items())},
        "runtime/LICENSE.txt": _LICENCE.encode(),
        "runtime/ort.js": runtime.script,
        "runtime/ort.wasm": runtime.wasm,
    }
