import json
import os
import shutil
import signal
import subprocess
import sys
import time

import cv2
import pytest
from edgecls_device.classifier import Classifier
from edgecls_device.errors import DataError, OptionError
from edgecls_device.files import write_atomically
from edgecls_device.records import from_json, to_json
from edgecls_device.verify import verify
from edgecls_export.exported import ExportRun

from edgecls.cli import main
from edgecls.data.download import sha256_of
from edgecls.data.split import write_split
from edgecls.data.split_record import Split, SplitPhoto
from edgecls.exports.photo_files import PhotoFiles, prepare
from edgecls.exports.photos import choose_photos
from edgecls.exports.run import export_run
from edgecls.run_directory import RunDirectory
from tests.export.tiny import HEIGHT, LABELS, SPEC, WIDTH, pictures

SPLITS = ("train", "train", "train", "val", "test")


@pytest.fixture(scope="module")
def finished_run(tiny_model, tmp_path_factory):
    """A run of the tiny model, with 40 photos."""
    folder = tmp_path_factory.mktemp("home")
    run = RunDirectory(folder / "runs" / "shapes")
    run.path.mkdir(parents=True)
    tiny_model.save(run.model)
    write_atomically(run.spec, to_json(SPEC))
    write_split(_split(folder / "photos"), run)
    return run


def _split(root):
    photos = []
    for i, picture in enumerate(pictures(40, seed=11)):
        class_id = i % len(LABELS)
        path = root / LABELS[class_id] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture[:, :, ::-1])
        photo = SplitPhoto(
            path=path.relative_to(root).as_posix(),
            class_id=class_id,
            content_hash=sha256_of(path),
            split=SPLITS[i // len(LABELS) % len(SPLITS)],
        )
        photos.append(photo)
    return Split(root=str(root), labels=LABELS, photos=tuple(photos))


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the run that a test may change."""
    copy = RunDirectory(tmp_path / "runs" / "shapes")
    shutil.copytree(finished_run.path, copy.path)
    return copy


def exit_of(arguments, capfd):
    """Run a command line; return its exit code and output."""
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as error:
        code = error.code
    shown = capfd.readouterr()
    return code, shown.out, shown.err


@pytest.mark.slow
def test_all_five_files_are_written_and_verify(run, capfd):
    code, out, err = exit_of(["export", run.path, "--calibration", "8"], capfd)
    assert code == 0
    names = [f"shapes.{recipe}.tflite" for recipe in ("float16", "float32", "int8")]
    names += [f"shapes.{recipe}.onnx" for recipe in ("float32", "int8")]
    assert sorted(path.name for path in run.artifacts()) == sorted(names)
    for path in run.artifacts():
        assert path.name in out
        with Classifier.open(path) as classifier:
            assert verify(classifier).is_passed
    assert f"edgecls compare {run.path}" in out
    assert "8 validation photos" in out
    assert "Exporting 5 files" in err
    assert "TensorSpec" not in out + err
    assert "tflite int8" in (run.logs / "export.log").read_text()


@pytest.mark.slow
def test_json_is_a_record_on_standard_output(run, capfd):
    code, out, _ = exit_of(["export", run.path, "--format", "tflite", "--json"], capfd)
    record = from_json(ExportRun, out, name="output")
    assert code == 0
    assert [a.recipe for a in record.artifacts] == ["float32", "float16", "int8"]
    assert json.loads(out)["artifacts"][0]["agreement"] == 1.0


def test_repeating_replaces_the_file(run):
    options = {"formats": ["tflite"], "recipes": ["float32"]}
    first = export_run(run, **options)
    again = export_run(run, **options)
    assert first.artifacts[0].path == again.artifacts[0].path
    assert len(run.artifacts()) == 1


@pytest.mark.slow
def test_a_run_without_photos_is_calibrated_on_generated_pictures(run, capfd):
    run.split.unlink()
    exported = export_run(run, formats=["tflite"], recipes=["int8"], calibration=20)
    assert exported.artifacts[0].photos == 0
    assert "--data PHOTOS" in capfd.readouterr().err


@pytest.mark.slow
def test_a_run_without_photos_takes_a_folder_of_any(run, finished_run):
    run.split.unlink()
    photos = finished_run.path.parents[1] / "photos"
    exported = export_run(run, formats=["tflite"], recipes=["int8"], calibration=20, data=photos)
    assert exported.artifacts[0].photos == 20


def test_one_failure_does_not_stop_the_others(run, capfd, monkeypatch):
    from edgecls_export.table import EXPORTERS, ExporterEntry

    real = ExporterEntry.load

    def load(entry):
        if entry is EXPORTERS["tflite", "float16"]:
            return lambda frozen, calibration: 1 / 0
        return real(entry)

    monkeypatch.setattr(ExporterEntry, "load", load)
    recipes = ["--recipe", "float32,float16", "--format", "tflite"]
    code, out, err = exit_of(["export", run.path, *recipes], capfd)
    assert code == 10
    assert [path.name for path in run.artifacts()] == ["shapes.float32.tflite"]
    assert "shapes.float32.tflite" in out
    assert "error: " in err
    assert "shapes.float16.tflite" in err
    assert "Expected every file to be made and to score as Keras does, got: shapes.float16" in err
    assert "division by zero" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--recipe", "int9"], 2, "did you mean int8"),
        (["--format", "tflite,onnxx"], 2, "did you mean onnx"),
        (["--format", "onnx", "--recipe", "int8-io"], 2, "int8-io exists for: tflite"),
        (["--calibration", "0"], 2, "--calibration"),
        (["--calibration=-5"], 2, "got -5"),
        (["--calibration=--5"], 3, "--5"),
        (["--calibration=+-5"], 3, "+-5"),
        (["--data", "/nowhere"], 3, "--data FOLDER"),
    ],
)
def test_bad_options_are_errors_that_say_what_to_do(run, capfd, arguments, code, message):
    got, out, err = exit_of(["export", run.path, *arguments], capfd)
    assert got == code
    assert message in err
    assert out == ""
    assert "Traceback" not in err


def test_a_folder_that_is_no_run_says_how_to_train(tmp_path, capfd):
    code, _, err = exit_of(["export", tmp_path], capfd)
    assert code == 3
    assert "edgecls train" in err


def test_a_run_without_its_model_says_how_to_train(run, capfd):
    run.model.unlink()
    code, _, err = exit_of(["export", run.path], capfd)
    assert code == 3
    assert "edgecls train" in err


def test_a_damaged_model_is_an_error(run, capfd):
    run.model.write_bytes(run.model.read_bytes()[:5000])
    code, _, err = exit_of(["export", run.path], capfd)
    assert code == 5
    assert "model.keras" in err
    assert "Traceback" not in err


def test_calibration_and_check_photos_come_from_their_own_splits(finished_run):
    chosen = choose_photos(finished_run, data=None, calibration=8, check=4)
    split = from_json(Split, finished_run.split.read_bytes(), name="split.json")
    of = {split.path_of(photo): photo for photo in split.photos}
    assert [of[path].split for path in chosen.calibration.paths] == ["train"] * 8
    assert [of[path].split for path in chosen.check.paths] == ["val"] * 4
    assert [of[path].class_id for path in chosen.calibration.paths] == [0, 1, 2, 3] * 2
    assert [of[path].class_id for path in chosen.check.paths] == [0, 1, 2, 3]
    assert chosen.check.class_ids == (0, 1, 2, 3)
    assert chosen == choose_photos(finished_run, data=None, calibration=8, check=4)


def test_photos_that_were_moved_are_found_with_data(finished_run, tmp_path):
    photos = finished_run.path.parents[1] / "photos"
    moved = shutil.copytree(photos, tmp_path / "moved")
    chosen = choose_photos(finished_run, data=moved, calibration=8)
    assert all(path.is_relative_to(moved) and path.is_file() for path in chosen.calibration.paths)


def test_some_missing_photos_are_replaced_by_others(finished_run, tmp_path):
    photos = finished_run.path.parents[1] / "photos"
    moved = shutil.copytree(photos, tmp_path / "moved")
    gone = choose_photos(finished_run, data=moved, calibration=1).calibration.paths[0]
    gone.unlink()
    chosen = choose_photos(finished_run, data=moved, calibration=8)
    assert len(chosen.calibration.paths) == 8
    assert gone not in chosen.calibration.paths


def test_an_empty_folder_of_photos_is_an_error(run, tmp_path):
    run.split.unlink()
    with pytest.raises(DataError, match="folder of photos"):
        choose_photos(run, data=tmp_path / "nothing", calibration=8)


def test_prepared_photos_are_rgb_at_the_input_size(finished_run):
    chosen = choose_photos(finished_run, data=None, calibration=3, check=0)
    pictures = prepare(chosen.calibration, SPEC.preprocessing)
    assert pictures.images.shape == (3, HEIGHT, WIDTH, 3)
    frame = cv2.imread(str(chosen.calibration.paths[0]))
    assert (pictures.images[0] == frame[:, :, ::-1]).all()


def test_a_photo_that_broke_since_training_is_left_out_with_its_class(finished_run, tmp_path):
    files = choose_photos(finished_run, data=None, calibration=2, check=0).calibration
    bad = tmp_path / "bad.png"
    bad.write_bytes(files.paths[0].read_bytes()[:40])
    files = PhotoFiles(paths=(bad, tmp_path / "gone.png", files.paths[1]), class_ids=(0, 2, 1))
    pictures = prepare(files, SPEC.preprocessing)
    assert (len(pictures), pictures.class_ids) == (1, (1,))
    assert prepare(PhotoFiles(), SPEC.preprocessing).images.shape == (0, HEIGHT, WIDTH, 3)


def test_an_unknown_recipe_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(OptionError):
        export_run(RunDirectory(tmp_path), recipes=["int9"])


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_files(run):
    command = [
        sys.executable,
        "-c",
        "from edgecls.cli import main; main()",
        "export",
        str(run.path),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first = run.exports / "shapes.float32.tflite"
    deadline = time.monotonic() + 120
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in err
    assert "Traceback" not in err
    left = [path.name for path in run.exports.iterdir()]
    assert "shapes.float32.tflite" in left
    assert len(left) < 5
    assert [name for name in left if not name.startswith("shapes.")] == []


def test_a_full_disk_is_an_error_and_leaves_nothing(finished_run, small_disk, capfd):
    run = RunDirectory(small_disk / "shapes")
    shutil.copytree(finished_run.path, run.path)
    (run.path / "other").write_bytes(bytes(shutil.disk_usage(small_disk).free - 8192))
    code, _, err = exit_of(["export", run.path, "--format", "onnx", "--recipe", "float32"], capfd)
    assert code == 8
    assert "No space left" in err
    assert "free some space" in err
    assert not list(run.exports.iterdir())
