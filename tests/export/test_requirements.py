"""Models that cannot be exported because they are quantized already."""

import warnings

import pytest
from edgecls_device.errors import ExportError
from edgecls_export import freeze
from edgecls_export.requirements import check_model

from edgecls.cli import main
from tests.export.tiny import SPEC, build_model


def test_a_model_that_keras_quantized_is_refused_by_layer():
    model = build_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for layers that Keras cannot quantize
        model.quantize("int8")
    with pytest.raises(
        ExportError, match="quantized layer 'logits': the model is already"
    ) as error:
        check_model(freeze(model), SPEC)
    assert "float model" in error.value.hint


def test_a_model_with_a_layer_that_only_quantizes_is_refused():
    keras = pytest.importorskip("keras")

    class QuantizeWrapper(keras.layers.Layer):
        def call(self, x):
            return x

    model = build_model()
    image = keras.Input(model.input_shape[1:])
    wrapped = keras.Model(image, model(QuantizeWrapper(name="quantize")(image)))
    with pytest.raises(ExportError, match="quantized layer 'quantize'"):
        check_model(freeze(wrapped), SPEC)


def test_counters_and_random_seeds_are_no_quantized_weights(tiny_model):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    flipped = layers.Normalization()(layers.RandomFlip()(tiny_model.inputs[0]))
    model = keras.Model(tiny_model.inputs, tiny_model(flipped))
    with pytest.raises(ExportError, match="last layer"):
        check_model(freeze(model), SPEC)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("pets.int8.tflite", "was exported already", "edgecls inspect"),
        ("pets.int8.onnx", "was exported already", "edgecls inspect"),
        ("model.keras", "run directory", "directory that holds it"),
        ("photo.jpg", "run directory", "edgecls train"),
    ],
)
def test_a_file_in_place_of_a_run_is_refused(tmp_path, capsys, name, message, hint):
    path = tmp_path / name
    path.write_bytes(b"anything")
    with pytest.raises(SystemExit) as exit_:
        main(["export", str(path)])
    assert exit_.value.code == 3
    error = capsys.readouterr().err
    assert message in error
    assert hint in error
    assert [file.name for file in tmp_path.iterdir()] == [name]
