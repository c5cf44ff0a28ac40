"""The browser's runtime: downloaded once, checked each time, and what is said where there is no network."""

import base64
import hashlib
import io
import tarfile
from dataclasses import replace

import pytest
from edgecls_device.errors import NetworkError

from edgecls.bundling.web_runtime import ONNXRUNTIME_WEB, NpmPackage, web_runtime
from tests.export.bundles.web_page import serving

FILES = {
    "package/dist/ort.wasm.bundle.min.mjs": b"export {};",
    "package/dist/ort-wasm-simd-threaded.wasm": b"\0asm",
    "package/dist/ort.js": b"not needed",
}


def tarball(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry on this machine, with one package."""
    data = tarball(FILES)
    package = NpmPackage(
        name="onnxruntime-web",
        version="0.0.1",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        integrity="sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(),
    )
    path = tmp_path / "registry" / "onnxruntime-web" / "-" / package.file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving(tmp_path / "registry") as url:
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", url)
        yield package


def off(monkeypatch):
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9")


def test_it_is_downloaded_once_and_kept(registry, monkeypatch):
    runtime = web_runtime(registry)
    assert runtime.name == "onnxruntime-web 0.0.1"
    assert (runtime.script, runtime.wasm) == (b"export {};", b"\0asm")
    off(monkeypatch)
    assert web_runtime(registry) == runtime


def test_what_is_kept_is_checked_and_fetched_again_if_it_is_damaged(registry):
    runtime = web_runtime(registry)
    kept = registry.is_kept_in
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    assert web_runtime(registry) == runtime


def test_without_a_network_it_says_how_to_bring_the_file(registry, monkeypatch):
    off(monkeypatch)
    with pytest.raises(NetworkError, match="Cannot download http") as caught:
        web_runtime(registry)
    assert "npm pack onnxruntime-web@0.0.1" in caught.value.hint
    assert str(registry.is_kept_in) in caught.value.hint


def test_a_file_that_was_brought_is_taken_if_it_is_the_right_one(registry, tmp_path, monkeypatch):
    off(monkeypatch)
    brought = (tmp_path / "registry" / "onnxruntime-web" / "-" / registry.file).read_bytes()
    registry.is_kept_in.parent.mkdir(parents=True)
    registry.is_kept_in.write_bytes(brought)
    assert web_runtime(registry).wasm == b"\0asm"
    registry.is_kept_in.write_bytes(b"another file")
    with pytest.raises(NetworkError):
        web_runtime(registry)


@pytest.mark.parametrize("wrong", ["sha256", "integrity"])
def test_another_content_than_the_pinned_one_is_refused(registry, wrong):
    value = {"sha256": "0" * 64, "integrity": "sha512-AAAA"}[wrong]
    with pytest.raises(NetworkError, match="Expected") as caught:
        web_runtime(replace(registry, **{wrong: value}))
    assert "--sha256" not in caught.value.hint  # an option of another command


def test_the_pinned_version_names_its_place_at_the_registry(monkeypatch):
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    url = "https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-1.30.0.tgz"
    assert ONNXRUNTIME_WEB.url == url
