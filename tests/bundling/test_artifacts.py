"""Which exported files go into a bundle, and what it is called."""

import pytest
from edgecls_device.errors import DataError, OptionError
from edgecls_export.bundles.targets import TARGETS

from edgecls.bundling.artifacts import bundle_name, choose_artifacts
from edgecls.run_directory import RunDirectory
from tests.bundling.tiny_run import write_model
from tests.device.tiny_models import tflite_model, tiny_spec

PI64, PI32 = TARGETS["bookworm64"], TARGETS["bookworm32"]


def members(run, target, *names):
    return list(choose_artifacts(run, target, names, name="shed"))


def test_by_default_there_is_int8_for_each_runtime_of_the_target(run):
    write_model(run, "tflite", recipe="float32")
    assert members(run, PI64) == ["artifacts/shed.int8.tflite", "artifacts/shed.int8.onnx"]
    assert members(run, PI32) == ["artifacts/shed.int8.tflite"]
    assert members(run, PI64.narrowed(["onnxruntime"])) == ["artifacts/shed.int8.onnx"]


def test_files_are_named_whole_or_by_their_end(run):
    write_model(run, "tflite", recipe="float32")
    assert members(run, PI64, "float32.tflite", "pets.int8.onnx") == [
        "artifacts/shed.float32.tflite",
        "artifacts/shed.int8.onnx",
    ]


def test_a_missing_default_is_told_and_the_rest_is_taken(run, capsys):
    (run.exports / "pets.int8.onnx").unlink()
    assert members(run, PI64) == ["artifacts/shed.int8.tflite"]
    assert "left out int8 .onnx" in capsys.readouterr().err


def test_without_any_default_the_files_there_are_named(run):
    for path in run.artifacts():
        path.unlink()
    with pytest.raises(DataError, match="exported files"):
        members(run, PI64)
    write_model(run, "tflite", recipe="float32")
    with pytest.raises(DataError, match=r"got pets\.float32\.tflite") as refusal:
        members(run, PI64)
    assert "--artifact NAME" in refusal.value.hint


def test_a_mistyped_file_is_told_the_nearest(run):
    with pytest.raises(OptionError) as refusal:
        members(run, PI64, "pets.int9.tflite")
    assert "pets.int8.tflite" in refusal.value.hint


def test_a_file_that_the_target_cannot_run_is_refused(run):
    with pytest.raises(OptionError, match=r"32-bit, got 'pets\.int8\.onnx'"):
        members(run, PI32, "int8.onnx")


def test_files_of_an_earlier_training_are_refused(run):
    write_model(run, "tflite", trained="before")
    with pytest.raises(DataError, match=r"pets\.int8\.tflite of an earlier training") as refusal:
        members(run, PI64)
    assert refusal.value.hint == f"edgecls export {run.path}"
    assert members(run, PI64, "int8.onnx") == ["artifacts/shed.int8.onnx"]


def test_a_file_that_no_device_could_check_is_refused(run):
    (run.exports / "pets.int8.tflite").write_bytes(tflite_model(spec=tiny_spec()))
    with pytest.raises(DataError, match="golden samples"):
        members(run, PI64, "int8.tflite")


def test_a_file_instead_of_a_run_is_refused(run):
    with pytest.raises(OptionError, match="run directory"):
        members(RunDirectory(run.exports / "pets.int8.tflite"), PI64)


def test_the_name_is_made_of_the_runs(tmp_path):
    assert bundle_name(RunDirectory(tmp_path / "Pets v2 (Küche)")) == "pets-v2-k-che"
    assert len(bundle_name(RunDirectory(tmp_path / ("a" * 31 + "-b" * 9)))) == 31
    assert bundle_name(RunDirectory(tmp_path / "x"), "front-door") == "front-door"


@pytest.mark.parametrize("wished", ["Pets", "", "-a", "a/b", "a" * 33, "ä"])
def test_a_name_that_is_no_service_is_refused(tmp_path, wished):
    with pytest.raises(OptionError, match="a name of a-z"):
        bundle_name(RunDirectory(tmp_path / "x"), wished)
