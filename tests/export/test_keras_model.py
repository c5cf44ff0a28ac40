import pytest
from edgecls_device.errors import ArtifactError, DataError
from edgecls_export import load_keras_model

from tests.export.tiny import pictures

pytest.importorskip("keras")


@pytest.fixture
def saved(tiny_model, tmp_path):
    path = tmp_path / "model.keras"
    tiny_model.save(path)
    return path


def test_a_saved_model_scores_as_before(saved, tiny_model, tmp_path):
    loaded = load_keras_model(saved, log=tmp_path / "export.log")
    images = pictures(4).astype("float32")
    assert loaded.predict_on_batch(images) == pytest.approx(tiny_model.predict_on_batch(images))


def test_loading_prints_nothing(saved, tmp_path, capfd):
    load_keras_model(saved, log=tmp_path / "export.log")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


@pytest.mark.parametrize("damage", ["empty", "text", "cut off", "flipped"])
def test_a_damaged_model_is_a_typed_error(saved, tmp_path, damage):
    data = saved.read_bytes()
    middle = len(data) // 2
    flipped = data[:60] + bytes(byte ^ 0xFF for byte in data[60:400]) + data[400:]
    saved.write_bytes(
        {"empty": b"", "text": b"not a model", "cut off": data[:middle], "flipped": flipped}[damage]
    )
    with pytest.raises(ArtifactError, match=r"model\.keras") as error:
        load_keras_model(saved, log=tmp_path / "export.log")
    assert "edgecls train" in error.value.hint
    assert "Traceback" in (tmp_path / "export.log").read_text()


def test_a_model_with_code_of_its_own_is_refused(tmp_path):
    keras = pytest.importorskip("keras")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2, output_shape=(4,))(inputs))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ArtifactError, match="Keras model"):
        load_keras_model(tmp_path / "model.keras", log=tmp_path / "export.log")


def test_another_file_format_is_refused(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    with pytest.raises(ArtifactError, match=r"\.keras file"):
        load_keras_model(tmp_path / "model.h5", log=tmp_path / "export.log")


def test_no_model_says_how_to_train_one(tmp_path):
    with pytest.raises(DataError) as error:
        load_keras_model(tmp_path / "model.keras", log=tmp_path / "export.log")
    assert "edgecls train" in error.value.hint
