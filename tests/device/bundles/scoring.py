"""Bundles of tiny models that give their golden scores on the runtimes of this machine."""

import cv2
import numpy as np
from edgecls_device.backends.table import installed_backends
from edgecls_device.bundles.golden_photos import GoldenPhoto, GoldenPhotos
from edgecls_device.classifier import Classifier
from edgecls_device.golden import golden_inputs
from edgecls_device.records import to_json
from edgecls_device.spec import GoldenSamples

from tests.device.bundles.made import ARTIFACT, CONTENTS
from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

ONNX = "artifacts/tiny.onnx"
MODELS = {"tflite": (ARTIFACT, tflite_model), "onnx": (ONNX, onnx_model)}
HERE = [kind for kind in MODELS if installed_backends(kind)]


def contents(tmp_path, *, kinds=("tflite", "onnx"), error=0.0, photo_error=0.0):
    """Return what a bundle holds whose model files give the golden scores; ``error`` spoils them."""
    held = {name: data for name, data in CONTENTS.items() if name != ARTIFACT}
    picture = cv2.imencode(".png", np.full((48, 64, 3), (0, 0, 255), np.uint8))[1].tobytes()
    scores = {}
    for kind in kinds:
        member, make = MODELS[kind]
        held[member] = make(spec=tiny_spec())
        if kind in HERE:
            path = tmp_path / f"plain.{kind}"
            path.write_bytes(held[member])
            with Classifier.open(path) as classifier:
                rows = [classifier.raw_scores(x[np.newaxis]) for x in golden_inputs(7, 8, 8)]
                red = np.zeros((1, 8, 8, 3), np.uint8)
                red[..., 0] = 255
                scores[member] = tuple(float(s) + photo_error for s in classifier.raw_scores(red))
            golden = tuple(tuple(float(s) + error for s in row) for row in rows)
            spec = tiny_spec(golden=GoldenSamples(seed=7, scores=golden, tolerance=1e-3))
            held[member] = make(spec=spec)
    photo = GoldenPhoto(member="golden/photos/000.png", label="red", scores=scores)
    held[photo.member] = picture
    held["golden/photos.json"] = to_json(GoldenPhotos(tolerance=1e-3, photos=(photo,))).encode()
    return held
