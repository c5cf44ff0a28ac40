import json
from dataclasses import replace

import numpy as np
import pytest
from edgecls_bench.diagnosis.record import Diagnosis
from edgecls_device.records import from_json

from tests.benchmarks.color_models import LABELS, color_spec, write_color_model
from tests.command_line import edgecls

pytest.importorskip("onnxruntime")


def test_a_file_of_a_run_is_held_against_its_float32_file(run, photos_dir, capsys):
    blind_for_red = 8 / 255 * np.array([[0, 1, 0.5], [0, 1, 0], [1, 0, 0]])
    path = run.exports / "x.int8.onnx"
    write_color_model(path, color_spec("int8"), weights=blind_for_red)
    assert edgecls("compare", "--explain", path, "--data", photos_dir) == 0
    out = capsys.readouterr().out
    assert "agreement with colors.float32.onnx: 66.7 % of 18 photos" in out
    assert "fault, layer error: 6 of 18 photos get another label" in out
    assert "The error grows most in 'logits' (MatMul), by" in out
    assert "x.int8.onnx: the layers where the error grows most, of 3" in out
    assert f"what to do: keep the worst layers in float, or tune: edgecls export {run.path}" in out
    assert "MatMul" in out


def test_permuted_labels_are_told_and_written_as_a_record(run, photos_dir, capsys):
    labels = (LABELS[2], LABELS[0], LABELS[1])
    path = write_color_model(run.exports / "x.int8.onnx", color_spec("int8", labels=labels))
    assert edgecls("compare", "--explain", path, "--data", photos_dir, "--json") == 0
    text = capsys.readouterr().out
    diagnosis = from_json(Diagnosis, text, name="it")
    assert not diagnosis.is_healthy
    assert diagnosis.findings[0].kind == "labels"
    assert diagnosis.cause == diagnosis.findings[0].sentence
    assert json.loads(text)["reference"] == "colors.float32.onnx"
    assert diagnosis.reference_accuracy == 1.0


def test_saturated_scores_are_told_without_labels(run, photos_dir, capsys):
    path = write_color_model(run.exports / "x.int8.onnx", color_spec("int8"), contrast=400.0)
    words = ["compare", "--explain", path, "--data", photos_dir, "--no-labels", "--json"]
    assert edgecls(*words) == 0
    diagnosis = from_json(Diagnosis, capsys.readouterr().out, name="it")
    assert [finding.kind for finding in diagnosis.findings if finding.is_fault] == ["scores"]
    assert diagnosis.accuracy is None


def test_the_float_file_itself_is_healthy_against_a_copy(
    run, float_model, photos_dir, tmp_path, capsys
):
    other = tmp_path / "elsewhere.onnx"
    other.write_bytes(float_model.read_bytes())
    words = ["compare", "--explain", other, "--reference", float_model, "--data", photos_dir]
    assert edgecls(*words) == 0
    assert "elsewhere.onnx is healthy" in capsys.readouterr().out
    assert run.path == tmp_path


def test_the_photos_are_the_test_split_by_default(run, int8_model, capsys):
    assert edgecls("compare", "--explain", int8_model, run.path, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["photos"] < 18


def test_another_resize_rule_than_the_reference_is_told(run, photos_dir, capsys):
    rule = replace(color_spec().preprocessing, resize="stretch")
    spec = color_spec("int8", preprocessing=rule)
    path = write_color_model(run.exports / "x.int8.onnx", spec)
    assert edgecls("compare", "--explain", path, "--data", photos_dir) == 0
    assert "fault, spec: The spec prepares photos in another way" in capsys.readouterr().out


def test_without_a_float32_file_it_asks_for_one(run, int8_model, float_model, photos_dir, capsys):
    float_model.unlink()
    assert edgecls("compare", "--explain", int8_model, "--data", photos_dir) == 5
    assert "--reference FILE" in capsys.readouterr().err
    assert run.artifacts() == (int8_model,)


def test_a_damaged_neighbour_does_not_stop_it(run, int8_model, photos_dir, capsys):
    cut_off = run.exports / "a.float32.onnx"
    cut_off.write_bytes(int8_model.read_bytes()[:200])
    newer = (run.exports / "colors.float32.onnx").read_bytes()
    newer = newer.replace(b'"version": 1', b'"version": 9')
    (run.exports / "b.float32.onnx").write_bytes(newer)
    assert edgecls("compare", "--explain", int8_model, "--data", photos_dir) == 0
    shown = capsys.readouterr()
    assert "agreement with colors.float32.onnx" in shown.out
    assert "left out a.float32.onnx: " in shown.err
    assert "left out b.float32.onnx: " in shown.err


def test_a_reference_of_other_classes_is_refused(run, int8_model, photos_dir, tmp_path, capsys):
    two = color_spec(labels=("blue", "green"))
    other = write_color_model(tmp_path / "two.onnx", two, weights=np.eye(3)[:, :2])
    words = ["compare", "--explain", int8_model, "--reference", other, "--data", photos_dir]
    assert edgecls(*words, "--no-labels") == 5
    assert "same number of classes" in capsys.readouterr().err
    assert run.spec.is_file()


def test_a_file_outside_of_a_run_needs_photos(tmp_path, capsys):
    path = write_color_model(tmp_path / "alone.onnx", color_spec("int8"))
    assert edgecls("compare", "--explain", path, "--reference", path) == 2
    assert "add --data PHOTOS" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--max-drop", "1"], ["--backend", "onnxruntime"]])
def test_what_a_diagnosis_does_not_heed_is_refused(int8_model, option, capsys):
    assert edgecls("compare", "--explain", int8_model, *option) == 2
    assert f"no {option[0]} with --explain" in capsys.readouterr().err


def test_a_comparison_needs_something_to_compare(int8_model, capsys):
    assert edgecls("compare") == 2
    assert edgecls("compare", int8_model, "--reference", int8_model) == 2
    assert "--reference needs --explain" in capsys.readouterr().err


def test_a_file_beside_explain_is_refused(int8_model, float_model, capsys):
    assert edgecls("compare", "--explain", int8_model, float_model) == 2
    assert "at most one run" in capsys.readouterr().err
