"""A run that was trained and exported, made in no time: its models see red, green and blue."""

from dataclasses import replace

import cv2
import numpy as np
from edgecls_device.classifier import Classifier
from edgecls_device.files import write_atomically
from edgecls_device.golden import golden_inputs
from edgecls_device.records import to_json
from edgecls_device.spec import GoldenSamples, Provenance

from edgecls.data.download import sha256_of
from edgecls.data.split import write_split
from edgecls.data.split_record import Split, SplitPhoto
from edgecls.run_directory import RunDirectory
from tests.device.tiny_models import LABELS, onnx_model, tflite_model, tiny_spec

MODELS = {"tflite": tflite_model, "onnx": onnx_model}
BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def write_photo(path, label, *, side=40, seed=0):
    """Write a picture of a colour that is a little different each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 60, (side, side + 8, 3))
    cv2.imwrite(str(path), np.clip(noise + np.array(BGR[label]) * 0.8, 0, 255).astype(np.uint8))
    return path


def write_model(run, file_format, *, recipe="int8", trained="now", tolerance=0.02):
    """Write an exported file with golden samples."""
    provenance = Provenance(recipe=recipe, model_fingerprint=trained)
    spec = tiny_spec(provenance=provenance)
    path = run.exports / f"{run.name}.{recipe}.{file_format}"
    write_atomically(path, MODELS[file_format](spec=spec))
    with Classifier.open(path, threads=1) as classifier:
        inputs = golden_inputs(0, 8, 8)
        rows = tuple(tuple(map(float, classifier.raw_scores(x[np.newaxis]))) for x in inputs)
    golden = GoldenSamples(scores=rows, tolerance=tolerance)
    write_atomically(path, MODELS[file_format](spec=replace(spec, golden=golden)))
    return path


def write_run(folder, *, name="pets", formats=("tflite", "onnx"), photos=4):
    """Write a run with exported files of these formats, and so many test photos of each class."""
    run = RunDirectory(folder / name)
    run.path.mkdir(parents=True)
    run.model.write_bytes(b"keras")
    spec = tiny_spec(provenance=Provenance(model_fingerprint="now"))
    write_atomically(run.spec, to_json(spec))
    root = folder / "photos"
    listed = []
    for class_id, label in enumerate(LABELS):
        for i in range(2 * photos):
            path = write_photo(root / label / f"{i}.png", label, seed=100 * class_id + i)
            split = "test" if i % 2 else "train"
            listed.append(
                SplitPhoto(
                    path=f"{label}/{i}.png",
                    class_id=class_id,
                    content_hash=sha256_of(path),
                    split=split,
                )
            )
    write_split(Split(root=str(root), labels=LABELS, photos=tuple(listed)), run)
    for file_format in formats:
        write_model(run, file_format)
    return run
