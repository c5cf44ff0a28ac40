"""MediaPipe Tasks, which is not ours, runs our .tflite files and shows our labels and scores.

mediapipe is not among our extras; where it is missing these tests are skipped. An environment of its own
runs them with: pip install -e '.[device,export]' mediapipe pytest pytest-timeout
"""

import numpy as np
import pytest
from edgecls_device.classifier import Classifier
from edgecls_export import export, freeze

from tests.export.tiny import LABELS, SPEC, build_model, pictures

pytestmark = pytest.mark.slow
PHOTOS = pictures(8)


@pytest.fixture(scope="module")
def mediapipe():
    return pytest.importorskip("mediapipe", reason="needs mediapipe: pip install mediapipe")


@pytest.fixture(scope="module")
def frozen_tiny(mediapipe):
    pytest.importorskip("tensorflow")
    return freeze(build_model())


@pytest.mark.parametrize("recipe", ["float32", "float16", "int8"])
def test_it_gives_the_same_labels_and_scores(mediapipe, frozen_tiny, tmp_path, recipe):
    path = tmp_path / f"tiny.{recipe}.tflite"
    export(
        frozen_tiny,
        SPEC,
        format="tflite",
        recipe=recipe,
        destination=path,
        calibration=PHOTOS,
        photos=PHOTOS,
        log=tmp_path / "export.log",
    )
    with Classifier.open(path) as ours:
        expected = [ours.raw_scores(picture[np.newaxis]) for picture in PHOTOS]
    vision, base = mediapipe.tasks.vision, mediapipe.tasks.BaseOptions(model_asset_path=str(path))
    options = vision.ImageClassifierOptions(base_options=base, max_results=len(LABELS))
    with vision.ImageClassifier.create_from_options(options) as theirs:
        for picture, scores in zip(PHOTOS, expected, strict=True):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
            found = theirs.classify(image).classifications[0].categories
            by_label = {category.category_name: category.score for category in found}
            assert by_label == pytest.approx(dict(zip(LABELS, scores, strict=True)), abs=1e-4)
