"""Tuning a model for int8, on tiny models that rounding breaks."""

import numpy as np
import pytest
from edgecls_device.errors import ExportError
from edgecls_export import EXPORTERS, freeze
from edgecls_export.fidelity import measure
from edgecls_export.native_log import output_to_log

from tests.export.tiny import build_model, pictures

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

QUICK = {"steps": 40, "batch_size": 8, "range_photos": 20}
IMAGES = pictures(60, seed=11)


def _trained_by(model, *, teacher=None, images=IMAGES, **changes):
    from edgecls_export.tuning import Tuning, tune

    return tune(model, images, Tuning(**{**QUICK, **changes}), teacher=teacher)


def _quantized(model):
    from edgecls_export.fake_quantization import FakeQuantized

    return FakeQuantized(keras.Model(model.inputs, model.get_layer("scores").input))


def _value_of(variable):
    return variable.value


def _ranges(quantized, images):
    _, channels = quantized.observed(images.astype(np.float32), _value_of)
    least = [min(0.0, float(np.min(both[0]))) for both in channels]
    most = [float(np.max(both[1])) for both in channels]
    return np.stack([least, most], axis=1).astype(np.float32)


def _rounded_scores(model, images):
    quantized = _quantized(model)
    logits = quantized.rounded(images.astype(np.float32), _value_of, _ranges(quantized, images))
    return np.asarray(keras.ops.softmax(logits))


def _scores(model, images):
    return np.asarray(model(images.astype(np.float32), training=False))


def _int8_scores(model, file_format, images, log):
    from edgecls_device.backends.protocol import BackendOptions
    from edgecls_export.operators import open_converted

    frozen = freeze(model)
    frozen.is_fitted_to_int8 = True  # nothing but rounding
    with output_to_log(log, file_format):
        body = EXPORTERS[file_format, "int8"].load()(frozen, images)
    backend = open_converted(file_format, body.data, BackendOptions(threads=1))
    scores = np.concatenate([backend.run(image[np.newaxis]) for image in images])
    backend.close()
    return body, scores


def unequal_model():
    """Return a network without batch norm whose channels differ by factors up to 16, as its ranges do."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    image = keras.Input((32, 48, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128)(image)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(5, name="logits")(x)
    model = keras.Model(image, layers.Softmax(name="scores")(x))
    first, second, logits = (model.get_layer(name) for name in ("first", "second", "logits"))
    factors = np.geomspace(1 / 16, 16, 8).astype(np.float32)
    kernel, bias = first.get_weights()
    first.set_weights([kernel * factors, bias * factors])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / factors[:, np.newaxis], bias])
    logits.set_weights([20 * logits.get_weights()[0], logits.get_weights()[1]])
    return model


def test_weights_are_rounded_as_the_converter_rounds_them(tmp_path):
    """A convolution with its batch norm folded in, a scale for each channel."""
    from edgecls_export.fake_quantization import fake_quantize_weights
    from edgecls_export.tflite_graph import TfliteGraph

    model = build_model()
    body, _ = _int8_scores(model, "tflite", pictures(10), tmp_path / "log")
    graph = TfliteGraph(body.data).model
    kernel = model.layers[2].get_weights()[0]
    gamma, _, _, variance = model.layers[3].get_weights()
    folded = kernel * gamma / np.sqrt(variance + 1e-3)
    want = np.asarray(fake_quantize_weights(folded)).transpose(3, 0, 1, 2)
    got = [
        tensor
        for tensor in graph.subgraphs[0].tensors
        if tensor.shape is not None and list(tensor.shape) == [8, 3, 3, 3]
    ]
    data = np.frombuffer(bytes(graph.buffers[got[0].buffer].data), np.int8).reshape(8, 3, 3, 3)
    scales = np.asarray(got[0].quantization.scale)[:, np.newaxis, np.newaxis, np.newaxis]
    scales = scales * 128  # the converter folds the last factor of the pixels into the weights
    assert want == pytest.approx(data * scales, abs=float(scales.max()) / 100)


def test_without_rounding_it_is_the_model():
    model = build_model()
    logits, _ = _quantized(model).observed(IMAGES[:8].astype(np.float32), _value_of)
    assert np.asarray(keras.ops.softmax(logits)) == pytest.approx(
        _scores(model, IMAGES[:8]), abs=1e-5
    )


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_with_rounding_it_is_nearer_to_the_int8_file_than_to_the_model(file_format, tmp_path):
    if file_format == "onnx":
        pytest.importorskip("onnxruntime")
    model = unequal_model()
    _, int8 = _int8_scores(model, file_format, IMAGES, tmp_path / "log")
    rounded, exact = _rounded_scores(model, IMAGES), _scores(model, IMAGES)
    assert np.abs(rounded - int8).mean() < 0.5 * np.abs(exact - int8).mean()


def test_tuning_brings_a_broken_model_nearer_to_its_float_scores(tmp_path):
    model = unequal_model()
    held_back = pictures(60, seed=12)
    wanted = _scores(model, held_back)
    weights = [array.copy() for array in model.get_weights()]
    _, before = _int8_scores(model, "tflite", held_back, tmp_path / "log")
    tuned = _trained_by(model, steps=120, learning_rate=3e-4)
    _, after = _int8_scores(tuned, "tflite", held_back, tmp_path / "log")
    assert measure(after, wanted).mean_error < 0.8 * measure(before, wanted).mean_error
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))


def test_the_seed_decides_the_weights():
    first, again, other = (
        _trained_by(unequal_model(), steps=3, seed=seed).get_weights() for seed in (0, 0, 1)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_nested_models_shared_layers_and_unknown_layers_pass_through(capsys):
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    block = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(3, 3, padding="same"), layers.ReLU()], name="block"
    )
    branch_in = keras.Input((16, 16, 3))
    branch = keras.Model(
        branch_in, layers.SeparableConv2D(3, 3, padding="same", name="apart")(branch_in)
    )
    x = block(block(layers.Rescaling(1 / 255)(image)))
    x = keras.ops.add(branch(x), x)
    x = layers.Conv2D(4, 3, activation="sigmoid")(layers.ZeroPadding2D()(x))
    x = layers.Dense(3)(layers.Flatten()(x))
    model = keras.Model(image, layers.Softmax(name="scores")(x))
    images = IMAGES[:, :16, :16]
    logits, _ = _quantized(model).observed(images.astype(np.float32), _value_of)
    exact = _scores(model, images)
    assert np.asarray(keras.ops.softmax(logits)) == pytest.approx(exact, abs=1e-5)
    tuned = _trained_by(model, images=images, steps=2)
    assert np.abs(_scores(tuned, images) - exact).max() < 0.1
    assert "apart" in capsys.readouterr().err


def test_a_model_without_kernels_is_refused():
    image = keras.Input((16, 16, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Softmax(name="scores")(x))
    with pytest.raises(ExportError, match="Conv2D, DepthwiseConv2D or Dense"):
        _trained_by(model, images=IMAGES[:, :16, :16])


def test_a_loss_that_is_no_number_ends_it():
    model = unequal_model()
    layer = model.get_layer("logits")
    layer.set_weights([np.full_like(array, np.nan) for array in layer.get_weights()])
    with pytest.raises(ExportError, match="a loss that is a number"):
        _trained_by(model, steps=1)
