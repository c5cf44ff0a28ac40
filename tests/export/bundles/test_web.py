"""The folder for a web server: what is in it, and when it is not written."""

import json
import re
from pathlib import Path

import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import ArtifactError, StorageError
from edgecls_device.records import from_json
from edgecls_device.spec import InputTensor
from edgecls_export.bundles.web import WebModel, WebRuntime, write_web

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

RUNTIME = WebRuntime(name="onnxruntime-web 0.0.0", script=b"export {};", wasm=b"\0asm")
PAGE = Path(__file__).parents[3] / "export" / "edgecls_export" / "bundles" / "web_page"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "pets.onnx"
    path.write_bytes(onnx_model(spec=tiny_spec(name="pets", unknown_threshold=0.5)))
    return path


def written(path, out, *, runtime=RUNTIME):
    return write_web(read_artifact(path), runtime=runtime, out=out)


def test_the_folder_holds_the_model_its_spec_and_the_runtime(model, tmp_path):
    result = written(model, tmp_path / "web")
    folder = Path(result.folder)
    assert {
        p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()
    } == result.files
    assert (folder / "model" / "pets.onnx").read_bytes() == model.read_bytes()
    assert (folder / "runtime" / "ort.wasm").read_bytes() == RUNTIME.wasm
    record = from_json(WebModel, (folder / "edgecls.json").read_bytes(), name="edgecls.json")
    assert record.spec == read_artifact(model).spec
    assert record.runtime == RUNTIME.name
    assert "python3 -m http.server" in (folder / "README.txt").read_text()
    assert "Permission is hereby granted" in (folder / "runtime" / "LICENSE.txt").read_text()


def test_the_same_inputs_give_the_same_bytes(model, tmp_path):
    first, second = (Path(written(model, tmp_path / name).folder) for name in ("a", "b"))
    for path in first.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_every_script_and_style_that_is_named_is_in_the_folder(model, tmp_path):
    folder = Path(written(model, tmp_path / "web").folder)
    index = (folder / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="([^":]+)"', index))
    assert {"page/main.js", "page/page.css", "page/theme.js"} <= named
    for script in (folder / "page").glob("*.js"):
        imports = re.findall(r'(?:from|URL\()\s*"([^"]+\.js)"', script.read_text())
        named |= {(Path("page") / name).as_posix() for name in imports}
    missing = [name for name in named if not (folder / name).resolve().is_file()]
    assert not missing
    assert not re.search(r"<script>|<style>|\son[a-z]+=|https?://(?!localhost|www\.w3\.org)", index)


def test_a_folder_of_before_is_replaced(model, tmp_path):
    written(model, tmp_path / "web")
    (tmp_path / "web" / "old.txt").write_text("old")
    written(model, tmp_path / "web")
    assert not (tmp_path / "web" / "old.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets.onnx", "web"]


def test_an_empty_folder_is_filled(model, tmp_path):
    (tmp_path / "web").mkdir()
    assert written(model, tmp_path / "web").files


@pytest.mark.parametrize("record", [None, "{}", json.dumps({"kind": "edgecls.web", "version": 1})])
def test_a_folder_of_something_else_is_left_alone(model, tmp_path, record):
    mine = tmp_path / "web" / "model"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine")
    if record is not None:
        (tmp_path / "web" / "edgecls.json").write_text(record)
    with pytest.raises(StorageError, match="got something else") as caught:
        written(model, tmp_path / "web")
    assert "--out" in caught.value.hint
    assert (mine / "thesis.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets.onnx", "web"]


def test_other_models_are_refused(tmp_path):
    float_input = tiny_spec(input=InputTensor(dtype="float32"))
    refused = {
        "pets.tflite": (tflite_model(spec=tiny_spec()), "which is tflite"),
        "plain.onnx": (onnx_model(), "of elsewhere"),
        "float.onnx": (onnx_model(spec=float_input, dtype=1), "of elsewhere"),
        "logits.onnx": (onnx_model(spec=tiny_spec(output="logits"), softmax=False), "of elsewhere"),
    }
    for name, (content, message) in refused.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match=message) as caught:
            written(path, tmp_path / "web")
        assert "edgecls export RUN --format onnx" in caught.value.hint
    assert not (tmp_path / "web").exists()
