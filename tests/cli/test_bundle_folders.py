"""``edgecls bundle`` for a web server and for Android: what it writes, and what it refuses."""

import json
from pathlib import Path

import pytest
from edgecls_export.bundles.web import WebRuntime

from edgecls.bundling import folder_targets
from tests.bundling.tiny_run import write_model, write_run
from tests.command_line import edgecls

RUNTIME = WebRuntime(name="onnxruntime-web 0.0.1", script=b"export {};", wasm=b"\0asm")


@pytest.fixture
def run(tmp_path, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(folder_targets, "web_runtime", lambda: RUNTIME)
    return write_run(tmp_path)


def refused(capsys, *arguments, code=2):
    assert edgecls("bundle", *arguments) == code
    return capsys.readouterr().err


def test_a_page_is_written_beside_other_bundles(run, capsys):
    write_model(run, "onnx", recipe="float32")
    assert edgecls("bundle", run.path, "--target", "web") == 0
    shown = capsys.readouterr().out
    folder = run.bundles / "pets-web"
    assert "pets.float32.onnx for web with onnxruntime-web 0.0.1" in shown
    assert f"python3 -m http.server 8000 --directory {folder}" in shown
    assert (folder / "model" / "pets.float32.onnx").is_file()
    assert (folder / "index.html").is_file()


def test_the_artifact_and_the_folder_are_chosen(run, tmp_path, capsys):
    write_model(run, "onnx", recipe="float32")
    options = ("--artifact", "int8.onnx", "--out", tmp_path / "site", "--json")
    assert edgecls("bundle", run.path, "--target", "web", *options) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["kind"], result["target"]) == ("edgecls.folder_bundle", "web")
    assert (result["model"], result["folder"]) == ("pets.int8.onnx", str(tmp_path / "site"))
    for name, size in result["files"].items():
        assert Path(result["folder"], name).stat().st_size == size


def test_an_app_is_written_from_the_tflite_file(run, capsys):
    assert edgecls("bundle", run.path, "--target", "android", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["model"] == "pets.int8.tflite"
    assert (
        run.bundles / "pets-android" / "app" / "src" / "main" / "assets" / "labels.txt"
    ).is_file()


def test_options_of_a_device_s_bundle_are_refused(run, capsys):
    for option in (("--key", "my.key"), ("--photos", "3"), ("--no-photos",), ("--python", "3.11")):
        said = refused(capsys, run.path, "--target", "web", *option)
        assert f"Expected only --artifact and --out with --target web, got {option[0]}." in said
    said = refused(capsys, run.path, "--target", "web", "--artifact", "a", "--artifact", "b")
    assert "Expected one --artifact" in said


def test_files_that_do_not_run_there_are_refused(run, capsys):
    said = refused(capsys, run.path, "--target", "web", "--artifact", "int8.tflite")
    assert "Expected a .onnx file for it, got 'pets.int8.tflite'." in said
    said = refused(capsys, run.path, "--target", "android", "--artifact", "int9.tflite")
    assert "did you mean pets.int8.tflite?" in said
    (run.exports / "pets.int8.onnx").unlink()
    said = refused(capsys, run.path, "--target", "web", code=3)
    assert "edgecls export" in said
    assert "--format onnx" in said


def test_a_file_of_an_earlier_training_is_refused(run, capsys):
    write_model(run, "onnx", recipe="float32", trained="before")
    said = refused(capsys, run.path, "--target", "web", code=3)
    assert "pets.float32.onnx of an earlier training" in said


def test_a_folder_of_something_else_is_left_alone(run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    said = refused(capsys, run.path, "--target", "web", "--out", tmp_path / "mine", code=8)
    assert "got something else" in said
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_a_device_s_bundle_is_not_written_over_a_folder(run, tmp_path, capsys):
    said = refused(capsys, run.path, "--target", "bookworm64", "--out", tmp_path)
    assert "Expected a file to write with --out" in said


def test_the_list_of_targets_and_a_wrong_name_mention_them(capsys):
    assert edgecls("bundle", "--list-targets") == 0
    shown = capsys.readouterr().out
    assert "web: a folder with a page" in shown
    assert "android: a folder with model, labels and Kotlin" in shown
    assert "did you mean android?" in refused(capsys, "runs/pets", "--target", "androyd")
