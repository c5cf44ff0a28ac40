"""Model files that are cut off, damaged or something else: typed errors, whatever stands in them."""

import contextlib
import random

import pytest
from edgecls_device import tflite_file
from edgecls_device.artifact import read_artifact
from edgecls_device.errors import ArtifactError, SpecError
from edgecls_device.onnx_file import read_onnx
from edgecls_device.tflite_file import check_tflite
from edgecls_device.tflite_metadata import read_tflite_metadata

from tests.device.tiny_models import (
    external_onnx_model,
    flatbuffer,
    onnx_model,
    tflite_metadata,
    tflite_model,
    tiny_spec,
)


def with_metadata():
    return tflite_model(metadata=tflite_metadata(), files={"labels.txt": b"red\ngreen\nblue"})


def damaged(data, count, seed=0):
    """Yield ``count`` copies with a few bytes changed, most of them to the extremes."""
    rng = random.Random(seed)
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            copy[rng.randrange(len(copy))] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
        yield bytes(copy)


def test_metadata_is_read_without_the_flatbuffers_package():
    found = read_tflite_metadata(with_metadata())
    assert (found.name, found.color, found.labels_file) == ("A model", "rgb", b"red\ngreen\nblue")
    assert (found.mean, found.std) == ((127.5,), (127.5,))


def test_a_model_without_metadata_says_nothing():
    assert read_tflite_metadata(tflite_model()).labels_file is None


def test_a_whole_model_passes():
    check_tflite(tflite_model())


def test_a_model_cut_off_at_any_byte_is_refused():
    data = tflite_model()
    for cut in range(len(data) - 1):
        with pytest.raises(ArtifactError):
            check_tflite(data[:cut])


def test_damaged_models_give_typed_errors_only():
    refused = 0
    for data in damaged(with_metadata(), 3000):
        try:
            check_tflite(data)
            read_tflite_metadata(data)
        except ArtifactError:
            refused += 1
    assert 300 < refused < 3000


def test_damaged_onnx_files_give_typed_errors_only(tmp_path):
    path = tmp_path / "x.onnx"
    for data in damaged(onnx_model(spec=tiny_spec()), 1000):
        path.write_bytes(data)
        with contextlib.suppress(ArtifactError, SpecError):
            read_artifact(path)


def test_an_index_outside_of_the_model_is_refused():
    with pytest.raises(ArtifactError, match="index below 5"):
        check_tflite(tflite_model(outputs=(5,)))


def test_a_model_without_a_graph_is_refused():
    with pytest.raises(ArtifactError, match="with a graph"):
        check_tflite(flatbuffer({0: ("I", 3)}))


def test_a_model_of_endlessly_many_tables_is_refused(monkeypatch):
    monkeypatch.setattr(tflite_file, "MOST_TABLES", 10)
    with pytest.raises(ArtifactError, match="at most 10 tables"):
        check_tflite(tflite_model())


def test_weights_in_another_file_are_refused(tmp_path):
    assert read_onnx(external_onnx_model()).has_external_data
    path = tmp_path / "x.onnx"
    path.write_bytes(external_onnx_model())
    with pytest.raises(ArtifactError, match="in other files"):
        read_artifact(path)


def test_a_directory_names_the_models_in_it(tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.tflite").write_bytes(tflite_model())
    with pytest.raises(ArtifactError, match="got the directory") as caught:
        read_artifact(tmp_path)
    assert "a.tflite" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x89HDF\r\n", b"\0\0\0\0TFL3", b"\x08\x08"])
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / "model"
    path.write_bytes(data)
    with pytest.raises(ArtifactError):
        read_artifact(path)
