"""Small real models, broken on purpose: the main cause is the right one, and good files are not blamed."""

import numpy as np
import pytest
from edgecls_bench.diagnosis.diagnose import diagnose
from edgecls_device.artifact import read_artifact

from tests.benchmarks.diagnosis.broken_models import Shop, breaking

pytestmark = pytest.mark.slow

FORMATS = ("tflite", "onnx")
FAULTS = (
    "dark calibration",
    "bright calibration",
    "bgr calibration",
    "identical photos",
    "per-tensor weights",
    "permuted labels",
    "normalized twice",
    "stretched",
    "saturated softmax",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    for package in ("tensorflow", "tf2onnx", "ai_edge_litert", "onnxruntime"):
        pytest.importorskip(package)
    return Shop(tmp_path_factory.mktemp("shop"))


def explained(shop, name, file_format, *, reference=None, calibration=None):
    files = [
        read_artifact(shop.make(name, file_format)),
        read_artifact(shop.make("float32", reference or file_format)),
    ]
    return diagnose(
        *files,
        shop.photos,
        class_ids=shop.class_ids,
        calibration=shop.calibration if calibration is None else calibration,
    )


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_main_cause_is_the_right_one(shop, fault, file_format):
    diagnosis = explained(shop, fault, file_format)
    assert not diagnosis.is_healthy
    assert diagnosis.findings[0].kind in breaking().FAULTS[fault]
    assert diagnosis.cause == diagnosis.findings[0].sentence
    assert diagnosis.findings[0].remedy


def test_every_way_of_breaking_is_tried():
    assert set(FAULTS) == set(breaking().FAULTS)


@pytest.mark.parametrize(
    ("name", "file_format"),
    [("int8", "tflite"), ("int8", "onnx"), ("float16", "tflite"), ("dynamic", "tflite")],
)
def test_a_good_file_is_not_blamed(shop, name, file_format):
    diagnosis = explained(shop, name, file_format)
    assert diagnosis.is_healthy, diagnosis.findings
    assert not [finding for finding in diagnosis.findings if finding.is_fault]


def test_a_good_file_is_not_blamed_without_its_calibration_photos(shop):
    assert explained(shop, "int8", "tflite", calibration=()).is_healthy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda images: images, "healthy"),
        (lambda images: images[..., ::-1], "in BGR order instead of RGB"),
        (lambda images: np.repeat(images[3:4], 5, axis=0), "too few, too similar"),
        (lambda images: images * np.float32(0.4), "of another range"),
    ],
)
def test_training_photos_tell_what_a_file_was_calibrated_on_by_hand(shop, change, words):
    path = shop.plain(change)
    others = shop.training[len(shop.calibration) :][:20]
    reference = read_artifact(shop.make("float32", "tflite"))
    known = {"calibration": others, "training": shop.calibration}
    diagnosis = diagnose(read_artifact(path), reference, shop.photos[:40], **known)
    assert words in diagnosis.cause


def test_another_format_will_do_as_reference(shop):
    diagnosis = explained(shop, "int8", "tflite", reference="onnx")
    assert diagnosis.is_healthy
    assert diagnosis.layers == ()
    diagnosis = explained(shop, "permuted labels", "tflite", reference="onnx")
    assert diagnosis.findings[0].kind == "labels"


@pytest.mark.parametrize("file_format", FORMATS)
def test_layers_are_followed_from_the_first_to_the_scores(shop, file_format):
    diagnosis = explained(shop, "int8", file_format)
    assert len(diagnosis.layers) >= 7
    assert diagnosis.layers[-1].name == "scores"
    assert all(layer.sqnr_db is None or layer.sqnr_db > 8 for layer in diagnosis.layers)
    assert diagnosis.integer_operations >= 6
    assert [weight.channels for weight in diagnosis.weights] == [16, 32, 64, 96, 5]
