"""Rows 32, 33 and 34: model files that want to run code or read other files."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from edgecls_device.artifact import read_artifact
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError

from tests.device.bundles.installed import FORMAT, model
from tests.device.tiny_models import external_onnx_model

LOCKS = Path(__file__).parents[2] / "export/edgecls_export/bundles/locks"


class Touch:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def marker(tmp_path):
    """A file that exists once foreign code ran."""
    return tmp_path / "it-ran"


@pytest.fixture
def load(tmp_path, marker):
    """Expect that a file is refused and that none of its code ran."""
    pytest.importorskip("keras")
    from edgecls_export.keras_model import load_keras_model

    def expect(path, match="Expected a Keras model"):
        with pytest.raises(ArtifactError, match=match) as error:
            load_keras_model(path, log=tmp_path / "log")
        assert error.value.hint
        assert not marker.exists()

    return expect


@pytest.fixture
def saved(tmp_path):
    """A small model as Keras saves it."""
    keras = pytest.importorskip("keras")
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")]).save(path)
    return path


def rewritten(path, **members):
    """Write a .keras file again with some members changed by a function of their bytes, or left out."""
    other = path.with_name("crafted.keras")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            change = members.pop(name.replace(".", "_"), lambda data: data)
            data = change(source.read(name))
            if data is not None:
                target.writestr(name, data)
    assert not members
    return other


def test_a_lambda_in_a_keras_file_does_not_run(load, tmp_path, marker):
    keras = pytest.importorskip("keras")
    inputs = keras.Input((4,))
    path = str(marker)
    evil = keras.layers.Lambda(lambda x: (open(path, "w").close(), x)[1])  # noqa: PTH123
    keras.Model(inputs, evil(inputs)).save(tmp_path / "lambda.keras")
    marker.unlink()  # it ran when the model was made
    load(tmp_path / "lambda.keras")


@pytest.mark.parametrize(
    ("module", "name"), [("subprocess", "Popen"), ("os", "system"), ("builtins", "exec")]
)
def test_a_layer_that_is_a_program_is_not_started(load, saved, marker, module, name):
    def change(data):
        config = json.loads(data)
        arguments = {"args": ["touch", str(marker)], "command": f"touch {marker}", "name": "dense"}
        layer = {"module": module, "class_name": name, "config": arguments}
        config["config"]["layers"][1] = {**layer, "registered_name": name, "build_config": {}}
        return json.dumps(config)

    load(rewritten(saved, config_json=change))


def test_a_pickle_among_the_weights_is_not_unpickled(load, saved, marker):
    other = rewritten(saved, model_weights_h5=lambda data: None)
    stream = io.BytesIO()
    np.savez(stream, **{"layers/dense/vars": np.array([Touch(marker)], dtype=object)})
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("model.weights.npz", stream.getvalue())
    load(other)


def test_a_pickle_that_is_called_a_keras_file_is_not_unpickled(load, tmp_path, marker):
    path = tmp_path / "pickle.keras"
    path.write_bytes(pickle.dumps(Touch(marker)))
    load(path)


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_weights_that_lie_in_another_file_are_not_read(load, saved, tmp_path, kind):
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((4, 2), np.float32)

    def change(data):
        place = tmp_path / "weights.h5"
        place.write_bytes(data)
        with h5py.File(place, "r+") as file:
            group = file["layers/dense/vars"]
            del group["0"]
            if kind == "external":
                group["0"] = h5py.ExternalLink(str(secret), "/x")
            else:
                layout = h5py.VirtualLayout((4, 2), np.float32)
                layout[...] = h5py.VirtualSource(str(secret), "x", (4, 2))
                group.create_virtual_dataset("0", layout)
        return place.read_bytes()

    load(rewritten(saved, model_weights_h5=change))


def test_the_old_format_that_may_hold_links_and_code_is_refused_by_its_name(load, tmp_path):
    for name in ("model.h5", "model.hdf5", "model.pkl", "saved_model.pb"):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n")
        load(tmp_path / name, match=r"Expected a \.keras file")


def test_no_bundle_brings_what_could_load_such_files():
    locks = [path for path in LOCKS.glob("*.txt") if not path.stem.endswith("excludes")]
    assert len(locks) >= 3
    for lock in locks:
        names = {
            line.split("==")[0].lower() for line in lock.read_text().splitlines() if "==" in line
        }
        assert "click" in names
        assert not names & {"keras", "tensorflow", "tensorflow-cpu", "h5py", "onnx", "torch"}


def test_weights_of_an_onnx_file_in_another_file_are_not_read(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(external_onnx_model())
    with pytest.raises(ArtifactError, match="in other files"), Classifier.open(path):
        pass


def test_a_model_runs_from_the_bytes_that_were_read_and_its_file_is_not_opened_again(tmp_path):
    path = tmp_path / f"model.{FORMAT}"
    path.write_bytes(model())
    artifact = read_artifact(path)
    path.write_bytes(b"something else")
    with Classifier.from_artifact(artifact) as classifier:
        scores = classifier.raw_scores(np.zeros((1, 8, 8, 3), np.uint8))
    assert scores == pytest.approx([1 / 3] * 3, abs=0.01)
