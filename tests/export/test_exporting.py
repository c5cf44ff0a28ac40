import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.errors import (
    ExportError,
    MissingDependencyError,
    OptionError,
    StorageError,
)
from edgecls_device.postprocessing import apply_temperature
from edgecls_device.spec import InputTensor
from edgecls_export import export, exporting, fidelity, freeze, requirements
from edgecls_export.confidence import fit_temperature, fit_unknown_threshold
from edgecls_export.exported import ModelBody
from edgecls_export.exporting import try_out
from edgecls_export.fidelity import Limits, check_limits, golden_tolerance, measure, run_all
from edgecls_export.table import ExporterEntry

from tests.export.tiny import SPEC, build_model, pictures

PHOTOS = pictures(12)


@pytest.fixture
def export_tiny(frozen, tmp_path):
    """Return a function that exports float32 TFLite, with changes."""

    def run(**changes):
        options = {
            "format": "tflite",
            "recipe": "float32",
            "destination": tmp_path / "exports" / "tiny.float32.tflite",
            "photos": PHOTOS,
            "log": tmp_path / "logs" / "export.log",
            **changes,
        }
        return export(options.pop("model", frozen), options.pop("spec", SPEC), **options)

    return run


@pytest.fixture
def convert_is_forbidden(monkeypatch):
    """Fail a test whose bad input is only noticed after the slow work began."""

    def refuse(self):
        pytest.fail("conversion began")

    monkeypatch.setattr(ExporterEntry, "load", refuse)


def test_steps_are_told_in_order(export_tiny):
    steps = []
    exported = export_tiny(on_step=steps.append)
    assert steps == ["convert", "check"]
    assert exported.seconds > 0
    assert exported.size_bytes == os.path.getsize(exported.path)  # noqa: PTH202


def test_without_photos_the_golden_samples_are_compared(export_tiny):
    exported = export_tiny(photos=PHOTOS[:0])
    assert (exported.photos, exported.agreement) == (0, None)
    assert exported.worst_error < 1e-4


def test_a_keras_model_need_not_be_frozen_first(export_tiny, tiny_model):
    assert export_tiny(model=tiny_model).agreement == 1.0


LABELLED = pictures(60, seed=5)


def test_temperature_and_threshold_are_fitted_to_the_file(export_tiny, frozen):
    class_ids = frozen.keras_scores(LABELLED).argmax(axis=1)
    class_ids[::6] = (class_ids[::6] + 1) % 4
    exported = export_tiny(photos=LABELLED, class_ids=class_ids.tolist())
    spec = read_artifact(exported.path).spec
    with Classifier.open(exported.path) as classifier:
        scores = run_all(classifier, LABELLED)
    assert spec.temperature == fit_temperature(scores, class_ids) != SPEC.temperature
    shown = apply_temperature(scores, spec.temperature)
    assert spec.unknown_threshold == fit_unknown_threshold(shown, class_ids)
    assert spec.provenance.keras_temperature == SPEC.temperature
    assert spec.provenance.keras_unknown_threshold == SPEC.unknown_threshold
    assert (exported.temperature, exported.unknown_threshold) == (
        spec.temperature,
        spec.unknown_threshold,
    )


def test_golden_scores_are_those_before_any_temperature(export_tiny):
    first = read_artifact(export_tiny().path).spec
    fitted = export_tiny(photos=LABELLED, class_ids=[0] * 60)
    assert read_artifact(fitted.path).spec.golden == first.golden


def test_photos_without_classes_leave_the_temperature(export_tiny):
    exported = export_tiny(photos=LABELLED)
    spec = read_artifact(exported.path).spec
    assert (spec.temperature, spec.unknown_threshold) == (1.7, 0.4)
    assert spec.provenance.keras_temperature is None
    assert (exported.temperature, exported.unknown_threshold) == (1.7, 0.4)


def test_a_trial_gives_scores_and_leaves_no_file(frozen, tmp_path):
    log = tmp_path / "export.log"
    options = {"format": "tflite", "recipe": "float32", "photos": PHOTOS, "log": log}
    scores = try_out(frozen, SPEC, calibration=PHOTOS[:0], **options)
    assert measure(scores, frozen.keras_scores(PHOTOS)).worst_error < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == ["export.log"]


def test_nothing_is_printed(export_tiny, capfd):
    export_tiny()
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_versions_and_recipe_join_the_provenance(export_tiny):
    provenance = replace(SPEC.provenance, packages={"photos": "1"}, model_fingerprint="abc")
    exported = export_tiny(spec=replace(SPEC, provenance=provenance))
    written = read_artifact(exported.path).spec.provenance
    assert {"photos", "flatbuffers"} <= set(written.packages)
    assert (written.recipe, written.model_fingerprint) == ("float32", "abc")


@pytest.mark.usefixtures("convert_is_forbidden")
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"format": "tflight"}, OptionError, "tflight"),
        ({"recipe": "int4"}, OptionError, "int4"),
        ({"format": "onnx", "recipe": "int8-io"}, OptionError, "recipe of onnx"),
        ({"recipe": "int8"}, OptionError, "at least 1 calibration image"),
        ({"recipe": "int8", "calibration": PHOTOS[:, :8]}, OptionError, "calibration images"),
        ({"photos": PHOTOS.astype(np.float32)}, OptionError, "check images"),
        ({"format": "onnx"}, OptionError, r"ends in \.onnx"),
        ({"class_ids": [0, 1]}, OptionError, "one class id for each of 12"),
        ({"class_ids": [0] * 11 + [4]}, OptionError, "class ids below 4, got 4"),
        ({"spec": replace(SPEC, labels=("a", "b"))}, ExportError, "output shape"),
        ({"spec": replace(SPEC, output="logits")}, ExportError, "output of the spec"),
        ({"spec": replace(SPEC, input=InputTensor(color="bgr"))}, ExportError, "input of the spec"),
    ],
)
def test_bad_input_is_refused_before_any_slow_work(export_tiny, changes, error, message):
    with pytest.raises(error, match=message):
        export_tiny(**changes)


@pytest.mark.usefixtures("convert_is_forbidden")
@pytest.mark.parametrize(
    ("options", "message"),
    [({"size": (48, 32)}, "input shape"), ({"last": "softmax"}, "last layer")],
)
def test_a_model_that_is_not_as_its_spec_says_is_refused(export_tiny, options, message):
    with pytest.raises(ExportError, match=message):
        export_tiny(model=build_model(**options))


@pytest.mark.usefixtures("convert_is_forbidden")
def test_no_runtime_to_check_with_is_refused(export_tiny, monkeypatch):
    def none_installed(file_format):
        raise MissingDependencyError("none", hint="pip install 'edgecls[device]'")  # noqa: EM101

    monkeypatch.setattr(requirements, "choose_backend", none_installed)
    with pytest.raises(MissingDependencyError):
        export_tiny()


@pytest.mark.usefixtures("convert_is_forbidden")
def test_a_directory_that_cannot_be_made_is_refused(export_tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        export_tiny(destination=tmp_path / "file" / "tiny.tflite")


@pytest.mark.usefixtures("convert_is_forbidden")
def test_a_directory_that_cannot_be_written_is_refused(export_tiny, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        pytest.skip("this user (root?) may write everywhere")
    with pytest.raises(StorageError, match="locked"):
        export_tiny(destination=locked / "tiny.tflite")


def test_a_file_that_scores_otherwise_is_not_left_behind(export_tiny, tmp_path, monkeypatch):
    strict = Limits(worst=0.0, mean=0.0, flipped=0.0, tolerance=1e-3)
    monkeypatch.setattr(fidelity, "LIMITS", {"float32": strict})
    with pytest.raises(ExportError, match="largest score error") as error:
        export_tiny()
    assert error.value.hint
    assert not list((tmp_path / "exports").iterdir())


def test_a_failed_export_leaves_the_file_that_was_there(export_tiny, tmp_path, monkeypatch):
    path = tmp_path / "exports" / "tiny.float32.tflite"
    path.parent.mkdir()
    path.write_bytes(b"the one before")
    wrong = build_model()
    wrong.layers[-2].set_weights([-w for w in wrong.layers[-2].get_weights()])
    body = _body_of(wrong)
    monkeypatch.setattr(ExporterEntry, "load", lambda self: lambda frozen, calibration: body)
    with pytest.raises(ExportError, match="clearly different answers"):
        export_tiny()
    assert [path.name for path in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == b"the one before"


def _body_of(model):
    from edgecls_export.tflite_exporters import to_float32

    return to_float32(freeze(model), PHOTOS[:0])


def test_a_converter_that_fails_names_the_log(export_tiny, tmp_path, monkeypatch):
    def fail(frozen, calibration):
        raise RuntimeError("op Frobnicate is not supported\nmore")  # noqa: EM101

    monkeypatch.setattr(ExporterEntry, "load", lambda self: fail)
    with pytest.raises(ExportError, match=r"Frobnicate is not supported$") as error:
        export_tiny()
    log = tmp_path / "logs" / "export.log"
    assert str(log) in error.value.hint
    assert "Traceback" in log.read_text()


def test_what_an_exporter_decided_is_told(export_tiny, tiny_model, monkeypatch):
    body = replace(_body_of(tiny_model), note="Tuning gained nothing.")
    monkeypatch.setattr(ExporterEntry, "load", lambda self: lambda frozen, calibration: body)
    assert export_tiny().note == "Tuning gained nothing."


def test_a_model_that_no_runtime_loads_is_not_left_behind(export_tiny, tmp_path, monkeypatch):
    body = ModelBody(data=b"\x1c\0\0\0TFL3 rubbish")
    monkeypatch.setattr(ExporterEntry, "load", lambda self: lambda frozen, calibration: body)
    with pytest.raises(Exception, match="litert") as error:
        export_tiny()
    assert hasattr(error.value, "hint")
    assert not list((tmp_path / "exports").iterdir())


def test_ctrl_c_leaves_nothing_half_written(export_tiny, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "_compare", stop)
    with pytest.raises(KeyboardInterrupt):
        export_tiny()
    assert not list((tmp_path / "exports").iterdir())


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(export_tiny, small_disk):
    free = shutil.disk_usage(small_disk).free
    (small_disk / "other").write_bytes(bytes(free - 4096))
    with pytest.raises(StorageError, match="No space left") as error:
        export_tiny(destination=small_disk / "tiny.float32.tflite")
    assert "free some space" in error.value.hint
    assert [path.name for path in small_disk.iterdir()] == ["other"]


def test_limits_tell_broken_quantization_from_ties():
    keras = np.tile(np.array([[0.52, 0.48]], np.float32), (50, 1))
    swapped = measure(keras[:, ::-1], keras)
    assert (swapped.agreement, swapped.flipped) == (0.0, 0)
    check_limits(swapped, "int8", inputs="photos")
    sure = np.tile(np.array([[0.7, 0.3]], np.float32), (50, 1))
    half = sure.copy()
    half[:3] = half[:3, ::-1]
    with pytest.raises(ExportError, match="clearly different answers of 3"):
        check_limits(measure(half, sure), "int8", inputs="photos")


def test_scores_that_are_not_numbers_are_refused():
    keras = np.full((4, 2), 0.5, np.float32)
    with pytest.raises(ExportError, match="nan"):
        check_limits(measure(np.full_like(keras, np.nan), keras), "int8", inputs="photos")


def test_golden_tolerance_bounds_two_steps_of_every_logit():
    step = 0.07
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 5))
    moved = logits + 2 * step * rng.choice([-1, 0, 1], logits.shape)
    softmax = [np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (logits, moved)]
    worst = np.abs(softmax[0] - softmax[1]).max()
    assert 0.8 * golden_tolerance("int8", step) < worst <= golden_tolerance("int8", step)
    assert golden_tolerance("float32", 0.0) == 1e-3
