"""The scores that travel with photos are those of the device's own runtime, and how far they may be off."""

from dataclasses import replace

import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.images import decode_image
from edgecls_export.bundles.golden_scores import PhotoFile, golden_photos, photo_member

from tests.bundling.tiny_run import write_model, write_photo, write_run

TFLITE, ONNX = "artifacts/pets.int8.tflite", "artifacts/pets.int8.onnx"


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    return write_run(tmp_path)


@pytest.fixture
def artifacts(run):
    return {f"artifacts/{path.name}": read_artifact(path) for path in run.artifacts()}


@pytest.fixture
def photos(tmp_path):
    return [
        PhotoFile(
            label=label, data=write_photo(tmp_path / "x" / f"{label}.{end}", label).read_bytes()
        )
        for label, end in (("red", "png"), ("green", "jpg"), ("blue", "png"))
    ]


def test_every_photo_has_the_scores_of_every_model_file(artifacts, photos):
    done = []
    golden = golden_photos(artifacts, photos, advance=done.append)
    assert len(done) == len(photos) * len(artifacts)
    assert [photo.label for photo in golden.photos] == ["red", "green", "blue"]
    assert [photo.member for photo in golden.photos] == [
        "golden/photos/000.png",
        "golden/photos/001.jpg",
        "golden/photos/002.png",
    ]
    for member, artifact in artifacts.items():
        with Classifier.from_artifact(artifact) as classifier:
            for class_id, (photo, file) in enumerate(zip(golden.photos, photos, strict=True)):
                prediction = classifier.classify(decode_image(file.data))
                assert np.argmax(photo.scores[member]) == prediction.class_id == class_id
                assert photo.scores[member] == pytest.approx(prediction.scores, abs=1e-6)


def test_they_are_the_same_each_time(artifacts, photos):
    assert golden_photos(artifacts, photos) == golden_photos(artifacts, photos)


def test_the_tolerance_is_that_of_the_files_and_two_steps_of_8_bits_at_least(run, photos):
    def tolerance(*paths):
        return golden_photos({path.name: read_artifact(path) for path in paths}, photos).tolerance

    strict = write_model(run, "tflite", tolerance=0.001)
    wide = write_model(run, "onnx", tolerance=0.05)
    exact = write_model(run, "tflite", recipe="float32", tolerance=0.001)
    assert tolerance(strict) == 2 / 256
    assert tolerance(strict, wide) == 0.05
    assert tolerance(exact) == 0.001


def test_without_photos_there_is_a_tolerance_all_the_same(artifacts):
    golden = golden_photos(artifacts, [])
    assert golden.photos == ()
    assert golden.tolerance == 0.02


def test_members_are_numbered_and_end_as_their_content_says(photos):
    assert photo_member(7, photos[0]) == "golden/photos/007.png"
    assert photo_member(123, replace(photos[0], data=b"\xff\xd8...")) == "golden/photos/123.jpg"
