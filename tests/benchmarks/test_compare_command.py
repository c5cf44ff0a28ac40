import json
import shutil

import pytest
from edgecls_bench.comparison import Comparison
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import Provenance

from edgecls.cli.main import main
from edgecls.comparison_photos import photos_in_folder, photos_of_run
from edgecls.data.load import load_photos
from edgecls.data.split import read_split, split_photos, write_split
from edgecls.run_directory import RunDirectory
from tests.benchmarks.color_models import LABELS, color_spec, write_color_model

pytest.importorskip("onnxruntime")


@pytest.fixture
def run(tmp_path, float_model, int8_model, photos_dir):
    """A run with a spec, a split and two exported files, as training and export leave it."""
    run = RunDirectory(tmp_path)
    run.spec.write_text(to_json(color_spec()))
    run.model.write_bytes(b"")
    write_split(split_photos(load_photos(photos_dir)), run)
    return run


def edgecls(*arguments):
    """Return the exit code of a command line."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as error:
        return error.code or 0
    return 0


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
