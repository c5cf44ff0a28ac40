"""MediaPipe Tasks' ImageClassifier reads our labels and gives our scores; it brings a LiteRT of its own."""

from contextlib import contextmanager

import numpy as np
import pytest
from edgecls_export.tflite_metadata import raw_threshold

SMALLEST = 1e-30  # any threshold above 0 replaces that of the file; this one hides nothing


@contextmanager
def image_classifier(path, **options):
    mediapipe = pytest.importorskip("mediapipe")
    vision, base = mediapipe.tasks.vision, mediapipe.tasks.BaseOptions(model_asset_path=str(path))
    options = vision.ImageClassifierOptions(base_options=base, **options)
    with vision.ImageClassifier.create_from_options(options) as classifier:

        def classify(picture):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
            found = classifier.classify(image).classifications[0].categories
            return {category.category_name: category.score for category in found}

        yield classify


def test_it_gives_our_labels_and_scores(tflite_file):
    spec = tflite_file.spec
    with image_classifier(tflite_file.path, score_threshold=SMALLEST) as classify:
        for picture, scores in zip(tflite_file.pixels, tflite_file.scores, strict=True):
            found = classify(picture)
            assert set(found) <= set(spec.labels)
            got = np.array([found.get(label, 0.0) for label in spec.labels])
            assert got == pytest.approx(scores, abs=tflite_file.tolerance)


def test_it_says_nothing_below_our_unknown_threshold(tflite_file):
    """So its silence is our ``unknown``, up to how the temperature treats many classes."""
    spec, best = tflite_file.spec, tflite_file.scores.max(axis=1)
    threshold = raw_threshold(spec)
    near = np.abs(best - threshold) <= tflite_file.tolerance
    with image_classifier(tflite_file.path, max_results=1) as classify:
        said = np.array([bool(classify(picture)) for picture in tflite_file.pixels])
    assert (said == (best >= threshold))[~near].all()


def test_the_file_has_photos_on_both_sides_of_the_threshold(exported):
    """Else the test before could not fail."""
    tiny = exported(("tflite", "float32"))
    best = tiny.scores.max(axis=1)
    assert best.min() < raw_threshold(tiny.spec) < best.max()
