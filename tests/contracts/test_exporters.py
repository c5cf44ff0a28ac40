"""What every exporter promises, on every backend that runs its format."""

import shutil

import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.backends.table import BACKENDS, installed_backends
from edgecls_device.classifier import Classifier
from edgecls_device.verify import verify
from edgecls_export import EXPORTERS, export, freeze
from edgecls_export.fidelity import measure, run_all

from tests.export.tiny import LABELS, SPEC, build_model, pictures

pytestmark = pytest.mark.slow

CASES = [
    (key, backend)
    for key in EXPORTERS
    for backend, entry in BACKENDS.items()
    if entry.format == key[0]
]
PHOTOS, CALIBRATION = pictures(40, seed=7), pictures(30, seed=8)


@pytest.fixture(scope="module")
def frozen_tiny():
    pytest.importorskip("tensorflow")
    return freeze(build_model())


@pytest.fixture(scope="module")
def files(frozen_tiny, tmp_path_factory):
    """Return a function that exports each pair once."""
    folder, made = tmp_path_factory.mktemp("exports"), {}

    def make(key):
        if not EXPORTERS[key].is_installed:
            pytest.skip(f"needs {EXPORTERS[key].packages[-1]}, which is not installed")
        if key not in made:
            file_format, recipe = key
            made[key] = export(
                frozen_tiny,
                SPEC,
                format=file_format,
                recipe=recipe,
                destination=folder / f"tiny.{recipe}.{file_format}",
                calibration=CALIBRATION,
                photos=PHOTOS,
                log=folder / "export.log",
            )
        return made[key]

    return make


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0][0]}-{case[0][1]}-{case[1]}")
def case(request, files, tmp_path):
    key, backend = request.param
    if backend not in installed_backends(key[0]):
        pytest.skip(f"needs the backend {backend}, which is not installed")
    exported = files(key)
    alone = tmp_path / f"moved.{key[0]}"  # no file beside it
    shutil.copy(exported.path, alone)
    with Classifier.open(alone, backend=backend, threads=1) as classifier:
        yield EXPORTERS[key], exported, classifier


def test_it_takes_uint8_pictures_and_gives_probabilities(case):
    _, exported, classifier = case
    tensor, output = classifier.backend.input, classifier.backend.output
    is_integer = exported.recipe == "int8-io"
    assert (tensor.name, tensor.shape, tensor.dtype) == ("image", (1, 32, 48, 3), "uint8")
    assert (output.name, output.shape) == ("scores", (1, len(LABELS)))
    assert output.dtype == ("uint8" if is_integer else "float32")
    within = len(LABELS) / 256 if is_integer else 1e-5
    assert run_all(classifier, PHOTOS).sum(axis=1) == pytest.approx(1, abs=within)


def test_it_carries_its_own_spec(case):
    entry, exported, classifier = case
    spec = classifier.spec
    assert spec == read_artifact(exported.path).spec
    assert spec.labels == LABELS
    assert (spec.temperature, spec.unknown_threshold) == (1.7, 0.4)
    assert spec.provenance.recipe == exported.recipe
    is_shown_photos = entry.needs_calibration or entry.training_photos > 0
    assert bool(spec.provenance.calibration_fingerprint) == is_shown_photos


def test_it_gives_its_golden_scores_again(case):
    _, _, classifier = case
    verified = verify(classifier)
    assert verified.samples == 4
    assert verified.is_passed


def test_it_scores_as_keras_does(case, frozen_tiny):
    entry, exported, classifier = case
    found = measure(run_all(classifier, PHOTOS), frozen_tiny.keras_scores(PHOTOS))
    limits = {"float32": (1e-5, 1e-5), "float16": (5e-3, 2e-3), "int8": (0.2, 0.05)}
    worst, mean = limits[entry.precision]
    assert found.worst_error <= worst
    assert found.mean_error <= mean
    assert found.mean_error == pytest.approx(exported.mean_error, abs=0.01)
    assert exported.photos == len(PHOTOS)


def test_the_pictures_tell_its_classes_apart(frozen_tiny):
    """Else agreement would mean nothing."""
    scores = frozen_tiny.keras_scores(PHOTOS)
    assert len(set(scores.argmax(axis=1))) >= 2
    assert np.median(scores.max(axis=1)) > 0.6


def test_the_softmax_stays_in_float_except_for_accelerators(case):
    entry, exported, classifier = case
    if entry.precision != "int8":
        pytest.skip("is about 8-bit weights")
    steps = run_all(classifier, PHOTOS) * 256
    assert (np.abs(steps - np.rint(steps)).max() > 0.01) == (exported.recipe != "int8-io")


def test_int8_takes_pixels_as_they_are(case):
    _, exported, classifier = case
    if exported.format != "tflite" or not exported.recipe.startswith("int8"):
        pytest.skip("is about int8 TFLite, whose input carries a scale")
    assert (classifier.backend.input.scale, classifier.backend.input.zero_point) == (1.0, 0)


def test_two_exports_of_one_model_are_the_same_bytes(files, frozen_tiny, tmp_path):
    first = files(("tflite", "float32"))
    again = export(
        frozen_tiny,
        SPEC,
        format="tflite",
        recipe="float32",
        destination=tmp_path / "tiny.float32.tflite",
        photos=PHOTOS,
        log=tmp_path / "export.log",
    )
    assert read_artifact(first.path).data == read_artifact(again.path).data
