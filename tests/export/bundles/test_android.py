"""The folder for an Android app: an app's files, the model's own rule in Kotlin, samples for a phone."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import ArtifactError
from edgecls_device.golden import golden_inputs
from edgecls_device.images import read_image
from edgecls_device.records import from_json
from edgecls_device.spec import GoldenSamples, Group, InputTensor, Preprocessing
from edgecls_export.bundles.android import AndroidModel, write_android

from tests.device.tiny_models import onnx_model, tflite_model, tiny_spec

SPEC = tiny_spec(
    name="pets",
    preprocessing=Preprocessing(height=8, width=8, crop_fraction=0.875),
    groups=(Group(label='wa"rm $price', members=(0, 1)), Group(label="Kälte", members=(2,))),
    temperature=1.5,
    unknown_threshold=0.55,
    golden=GoldenSamples(seed=3, scores=((0.2, 0.3, 0.5), (1.0, 0.0, 0.0)), tolerance=0.01),
)
ASSETS = Path("app/src/main/assets")
KOTLIN = Path("app/src/main/java/edgecls")
TEST = Path("app/src/androidTest")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "pets.int8.tflite"
    path.write_bytes(tflite_model(spec=SPEC))
    return path


@pytest.fixture
def folder(model, tmp_path):
    return Path(write_android(read_artifact(model), out=tmp_path / "android").folder)


def test_the_folder_has_the_shape_of_an_app(model, folder):
    assert (folder / ASSETS / "pets.int8.tflite").read_bytes() == model.read_bytes()
    assert (folder / ASSETS / "labels.txt").read_text().splitlines() == list(SPEC.labels)
    record = from_json(AndroidModel, (folder / "edgecls.json").read_bytes(), name="edgecls.json")
    assert record.spec == SPEC
    for path in folder.rglob("*.kt"):
        assert path.read_text().startswith("package edgecls\n")
    assert (folder / TEST / "java" / "edgecls" / "GoldenSamplesTest.kt").is_file()


def test_the_model_s_rule_is_written_in_kotlin(folder):
    text = (folder / KOTLIN / "Model.kt").read_text()
    assert 'const val FILE = "pets.int8.tflite"' in text
    assert "const val CLASSES = 3" in text
    assert "const val TEMPERATURE = 1.5" in text
    assert "const val UNKNOWN_THRESHOLD = 0.55" in text
    assert 'Rule(8, 8, "crop", 0.875, "bilinear")' in text
    assert 'Group("wa\\"rm \\$price", intArrayOf(0, 1))' in text
    assert "[{" not in text
    assert "{{" not in text


def test_the_golden_pictures_are_the_model_s_inputs(folder):
    golden = folder / TEST / "assets" / "golden"
    said = json.loads((golden / "golden.json").read_text())
    assert said == {"tolerance": 0.01, "scores": [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]}
    for place, wanted in enumerate(golden_inputs(3, 8, 8, count=2)):
        picture = read_image(golden / f"{place}.png")
        assert (cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) == wanted).all()
        assert picture.dtype == np.uint8


def test_the_readme_says_what_this_model_is(folder):
    text = (folder / "README.md").read_text()
    assert not re.search(r"@[A-Z_]+@", text)
    for words in (
        "pets.int8.tflite",
        "8 x 8, crop",
        "unknown below 55%",
        "have not run on a phone",
    ):
        assert words in text


def test_a_model_that_is_never_unknown_is_told_so(tmp_path):
    path = tmp_path / "pets.tflite"
    path.write_bytes(tflite_model(spec=tiny_spec()))
    folder = Path(write_android(read_artifact(path), out=tmp_path / "android").folder)
    assert "temperature 1, never unknown" in (folder / "README.md").read_text()
    assert "listOf<Group>()" in (folder / KOTLIN / "Model.kt").read_text()
    assert not (folder / TEST).exists()  # a test without samples could not fail


def test_other_models_are_refused(tmp_path):
    refused = {
        "pets.onnx": (onnx_model(spec=tiny_spec()), "which is onnx"),
        "plain.tflite": (tflite_model(), "of elsewhere"),
        "int8.tflite": (
            tflite_model(spec=tiny_spec(input=InputTensor(dtype="int8"))),
            "of elsewhere",
        ),
    }
    for name, (content, message) in refused.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match=message) as caught:
            write_android(read_artifact(path), out=tmp_path / "android")
        assert "edgecls export RUN --format tflite" in caught.value.hint
    assert not (tmp_path / "android").exists()
