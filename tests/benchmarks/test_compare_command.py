import json
import shutil

import cv2
import numpy as np
import pytest
from edgecls_bench.comparison import Comparison
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import Provenance

from edgecls.comparison_photos import (
    missing_labels,
    photos_in_folder,
    photos_of_run,
    photos_without_classes,
)
from edgecls.data.split import read_split
from tests.benchmarks.color_models import LABELS, color_spec, write_color_model
from tests.command_line import edgecls

pytest.importorskip("onnxruntime")


def test_compare_of_a_run_uses_the_test_split_and_writes_a_record(run, capsys):
    assert edgecls("compare", run.path) == 0
    comparison = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    wanted = [photo.path for photo in read_split(run.split).subset("test")]
    assert list(comparison.photos) == wanted
    assert comparison.split == "test"
    out = capsys.readouterr().out
    assert "colors.int8.onnx" in out
    assert "red 0.0" in out
    assert f"next: edgecls bench {run.path}" in out


def test_compare_of_files_prints_json_and_writes_nothing(run, photos_dir, capsys):
    assert edgecls("compare", *run.artifacts(), "--data", photos_dir, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["split"] == "all"
    assert len(body["photos"]) == 18
    assert not run.compare.exists()


def test_photos_that_were_trained_on_are_named(run, photos_dir, capsys):
    assert edgecls("compare", run.path, "--data", photos_dir) == 0
    trained = len(read_split(run.split).subset("train"))
    assert f"{trained} of these photos were trained on" in capsys.readouterr().err


def test_limit_keeps_the_share_of_every_class(run, photos_dir, capsys):
    assert edgecls("compare", run.path, "--data", photos_dir, "--limit", 6, "--json") == 0
    assert json.loads(capsys.readouterr().out)["class_ids"] == [0, 0, 1, 1, 2, 2]


def test_some_of_the_labels_are_enough(photos_dir):
    shutil.rmtree(photos_dir / "green")
    photos = photos_in_folder(photos_dir, LABELS)
    assert {photo.class_id for photo in photos.photos} == {0, 2}


def test_few_photos_of_one_label_are_enough(run, photos_dir, capsys):
    shutil.rmtree(photos_dir / "green")
    shutil.rmtree(photos_dir / "blue")
    for path in sorted((photos_dir / "red").iterdir())[1:]:
        path.unlink()
    photos = photos_in_folder(photos_dir, LABELS)
    assert [photo.class_id for photo in photos.photos] == [LABELS.index("red")]
    assert edgecls("compare", run.path, "--data", photos_dir) == 0
    assert "warning: no photo of 2 of 3 labels" in capsys.readouterr().err
    int8 = run.exports / "colors.int8.onnx"
    assert edgecls("compare", "--explain", int8, run.path, "--data", photos_dir) == 0
    words = ("--data", photos_dir, "--executor", "local", "--workers", 1)
    assert edgecls("compare", run.path, *words) == 0


def test_an_empty_class_folder_is_a_label_without_photos(run, photos_dir, capsys):
    shutil.rmtree(photos_dir / "green")
    (photos_dir / "green").mkdir()
    assert edgecls("compare", run.path, "--data", photos_dir) == 0
    assert "warning: no photo of 1 of 3 labels (green)" in capsys.readouterr().err
    for label in ("red", "blue"):
        shutil.rmtree(photos_dir / label)
        (photos_dir / label).mkdir()
    assert edgecls("compare", run.path, "--data", photos_dir) == 3
    assert "Expected photos in the class folders of" in capsys.readouterr().err


def test_the_folder_above_the_class_folders_is_told(run, photos_dir, tmp_path, capsys):
    photos_dir.rename(tmp_path / "above-photos")
    (tmp_path / "above").mkdir()
    (tmp_path / "above-photos").rename(tmp_path / "above" / "photos")
    assert edgecls("compare", run.path, "--data", tmp_path / "above") == 3
    assert f"one folder further down: give {tmp_path / 'above' / 'photos'}" in (
        capsys.readouterr().err
    )


def test_an_unknown_class_folder_names_the_nearest_label(run, photos_dir, capsys):
    (photos_dir / "red").rename(photos_dir / "Redd")
    assert edgecls("compare", run.path, "--data", photos_dir) == 3
    err = capsys.readouterr().err
    assert "got 'Redd'" in err
    assert "'Redd' is near 'red'" in err


def test_a_class_folder_like_no_label_shows_the_labels(run, photos_dir, capsys):
    (photos_dir / "red").rename(photos_dir / "zzzzzz")
    assert edgecls("compare", run.path, "--data", photos_dir) == 3
    assert "the labels are blue, green, red" in capsys.readouterr().err


def test_a_run_without_a_split_asks_for_photos(run, capsys):
    run.split.unlink()
    assert edgecls("compare", run.path) == 3
    assert f"edgecls compare {run.path} --data PHOTOS" in capsys.readouterr().err


def test_a_run_whose_photos_are_gone_says_so(run, photos_dir, capsys):
    shutil.rmtree(photos_dir)
    assert edgecls("compare", run.path) == 3
    assert "got no such folder" in capsys.readouterr().err


def test_a_run_without_exports_names_the_command(run, capsys):
    shutil.rmtree(run.exports)
    assert edgecls("compare", run.path) == 3
    assert f"hint: edgecls export {run.path}" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused(photos_dir, capsys):
    assert edgecls("compare", photos_dir) == 3
    assert "give a run directory" in capsys.readouterr().err


def test_the_exports_folder_is_told_from_a_run(run, capsys):
    assert edgecls("compare", run.exports) == 3
    assert "give the files themselves" in capsys.readouterr().err


def test_files_need_photos(int8_model, capsys):
    assert edgecls("compare", int8_model) == 2
    assert "add --data PHOTOS" in capsys.readouterr().err


def test_a_run_beside_a_file_is_refused(run, int8_model, capsys):
    assert edgecls("compare", run.path, int8_model) == 2
    assert "give the run alone" in capsys.readouterr().err


def test_a_missing_file_is_refused(tmp_path, photos_dir, capsys):
    assert edgecls("compare", tmp_path / "no.onnx", "--data", photos_dir) == 8
    assert "No such file" in capsys.readouterr().err


def test_a_file_that_is_no_model_is_refused(tmp_path, photos_dir, capsys):
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    assert edgecls("compare", tmp_path / "x.onnx", "--data", photos_dir) == 5
    assert "neither" in capsys.readouterr().err


def test_a_run_with_labels_of_another_data_set_is_refused(run, tmp_path, capsys):
    write_color_model(
        tmp_path / "exports" / "colors.float32.onnx", color_spec(labels=("a", "b", "c"))
    )
    (tmp_path / "exports" / "colors.int8.onnx").unlink()
    assert edgecls("compare", run.path) == 3
    assert "got 'blue', 'green', 'red'" in capsys.readouterr().err


def test_an_unknown_backend_names_the_nearest(run, capsys):
    assert edgecls("compare", run.path, "--backend", "onnx-runtime") == 2
    assert "did you mean onnxruntime?" in capsys.readouterr().err


def test_files_of_an_earlier_training_are_named(run, capsys):
    now, before = (
        Provenance(model_fingerprint="b"),
        Provenance(model_fingerprint="a", recipe="int8"),
    )
    run.spec.write_text(to_json(color_spec(provenance=now)))
    write_color_model(run.exports / "colors.int8.onnx", color_spec(provenance=before))
    assert edgecls("compare", run.path) == 0
    err = capsys.readouterr().err
    assert "before the last training: colors.int8.onnx; to renew" in err


def test_photos_of_a_run_are_the_test_split(run, photos_dir):
    photos = photos_of_run(run, LABELS)
    assert photos.split == "test"
    assert photos.data == photos_dir
    assert len(photos.photos) == len(read_split(run.split).subset("test"))


GATE = ("--max-drop", 0.5, "--min-agreement", 99)


def test_a_gate_that_fails_is_printed_kept_and_then_an_error(run, photos_dir, capsys):
    assert edgecls("compare", run.path, "--data", photos_dir, *GATE) == 13
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].startswith("The gate fails: 1 of 1 artifacts is proven to")
    assert "colors.int8.onnx on onnxruntime: loses at least" in printed.out
    assert "error: Expected every artifact to hold the gate" in printed.err
    assert f"--explain {run.exports / 'colors.int8.onnx'} {run.path} --data" in printed.err
    kept = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    assert (kept.verdict, kept.gate.max_drop) == ("fails", 0.005)


def test_json_of_a_gate_that_fails_is_whole_and_the_error_stands_apart(run, photos_dir, capsys):
    assert edgecls("compare", run.path, "--data", photos_dir, *GATE, "--json") == 13
    printed = capsys.readouterr()
    assert from_json(Comparison, printed.out.encode(), name="stdout").verdict == "fails"
    assert printed.err.splitlines()[-2].startswith("error: ")


def test_too_few_photos_have_an_exit_code_of_their_own(run, photos_dir, capsys):
    write_color_model(run.exports / "colors.int8.onnx", color_spec("int8"))
    assert edgecls("compare", run.path, "--data", photos_dir, *GATE) == 14
    printed = capsys.readouterr()
    assert "Too few photos to tell: 1 of 1 artifacts may or may not" in printed.out.splitlines()[-1]
    assert "hint: give about 765 photos: edgecls compare" in printed.err


def test_a_gate_that_holds_ends_well(run, photos_dir, capsys):
    assert edgecls("compare", run.path, "--data", photos_dir, "--min-agreement", 30) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "The gate holds: all 1 artifacts agree on at least 30 % of photos."
    )


def test_a_gate_does_not_hold_where_a_label_has_no_photo(run, photos_dir, capsys):
    shutil.rmtree(photos_dir / "green")
    words = ("compare", run.path, "--data", photos_dir, "--min-agreement", 10)
    assert edgecls(*words) == 14
    printed = capsys.readouterr()
    assert "but there is no photo of 1 label." in printed.out
    assert printed.out.splitlines()[-1].endswith("; there is no photo of 1 of 3 labels.")
    assert "hint: give photos, some of each label" in printed.err
    kept = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    assert (kept.verdict, kept.cases[1].judgement.photos_needed) == ("too few photos", None)
    assert edgecls(*words, "--executor", "local", "--workers", 1) == 14
    assert edgecls(*words, "--no-labels") == 0
    assert edgecls("compare", run.path, "--data", photos_dir, "--max-drop", 0, *GATE[2:]) == 13


def test_a_gate_without_float32_names_what_to_do_before_any_photo_is_read(
    int8_model, tmp_path, capsys
):
    assert edgecls("compare", int8_model, "--data", tmp_path / "none", "--max-drop", 1) == 2
    assert "edgecls export RUN --recipe float32" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["-1", "101", "nan"])
def test_a_limit_that_is_no_per_cent_is_refused(run, limit, capsys):
    assert edgecls("compare", run.path, "--max-drop", limit) == 2
    assert "Expected --max-drop in 0..100" in capsys.readouterr().err


@pytest.fixture
def anything(tmp_path):
    """Photos in folders that are no labels, one of them twice and one broken."""
    root = tmp_path / "anything"
    (root / "deep" / "deeper").mkdir(parents=True)
    for i, name in enumerate(["a.png", "deep/b.png", "deep/deeper/c.png"]):
        cv2.imwrite(str(root / name), np.full((20, 20, 3), 60 * i, np.uint8))
    shutil.copy(root / "a.png", root / "deep" / "again.png")
    (root / "broken.jpg").write_bytes(b"nothing")
    return root


def test_photos_without_classes_are_found_at_any_depth_each_content_once(anything):
    found = photos_without_classes(anything)
    assert [photo.path.name for photo in found.photos] == ["a.png", "broken.jpg", "b.png", "c.png"]
    assert {photo.class_id for photo in found.photos} == {None}
    assert found.split == "all"


def test_photos_without_classes_give_agreement_alone(run, anything, capsys):
    assert edgecls("compare", run.path, "--data", anything, "--no-labels") == 0
    out = capsys.readouterr().out
    assert "3 photos of" in out
    assert "without classes" in out
    assert "top-1" not in out
    kept = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    assert (kept.class_ids, len(kept.photos), kept.skipped) == ((), 3, 1)
    assert kept.cases[1].agreement_interval is not None


def test_a_drop_cannot_be_asked_of_photos_without_classes(run, anything, capsys):
    words = ("compare", run.path, "--data", anything, "--no-labels")
    assert edgecls(*words, "--max-drop", 1) == 2
    assert "ask for the agreement alone" in capsys.readouterr().err
    assert edgecls(*words, "--min-agreement", 99) == 13


def test_the_test_split_of_a_run_with_other_class_names_needs_no_labels(run, capsys):
    for name, recipe in (("colors.float32.onnx", "float32"), ("colors.int8.onnx", "int8")):
        write_color_model(run.exports / name, color_spec(recipe, labels=("a", "b", "c")))
    assert edgecls("compare", run.path) == 3
    assert "or compare without classes: --no-labels" in capsys.readouterr().err
    assert edgecls("compare", run.path, "--no-labels") == 0


def test_photos_of_none_of_the_classes_are_counted_as_unknown(run, anything, capsys):
    for name, recipe in (("colors.float32.onnx", "float32"), ("colors.int8.onnx", "int8")):
        write_color_model(run.exports / name, color_spec(recipe, unknown_threshold=0.9))
    assert edgecls("compare", run.path, "--out-of-set", anything) == 0
    out = capsys.readouterr().out
    assert "outside" in out
    assert "unknown outside: 3 photos of" in out
    kept = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    assert (kept.out_of_set, kept.out_of_set_photos) == (str(anything), 3)
    assert kept.cases[0].out_of_set_unknown == 1.0


def test_a_folder_without_photos_is_no_out_of_set(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert edgecls("compare", run.path, "--out-of-set", tmp_path / "empty") == 3
    assert "none of the classes" in capsys.readouterr().err


def test_labels_that_no_photo_is_of_are_named(run, photos_dir, capsys):
    shutil.rmtree(photos_dir / "green")
    assert edgecls("compare", run.path, "--data", photos_dir) == 0
    assert "warning: no photo of 1 of 3 labels (green)" in capsys.readouterr().err
    assert missing_labels([1.0, 0.0, 0.5], LABELS) == ""
    assert "(0, 1, 2, 3, 4, ...)" in missing_labels([None] * 9 + [1.0], [str(i) for i in range(10)])


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_table_fits_the_window(run, photos_dir, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    edgecls("compare", run.path, "--data", photos_dir, *GATE)
    lines = capsys.readouterr().out.splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("drop, agree"))]
    rows = [line for line in table if not line.startswith(("left out", str(run.path)))]
    assert max(map(len, rows)) <= columns
    assert sum("fails" in line for line in rows) == 1
