"""Small networks exported in the ways that a profile tells apart."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest

from tests.export.tiny import HEIGHT, WIDTH, build_model, pictures


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("profiled")


@pytest.fixture(scope="session")
def frozen():
    pytest.importorskip("tensorflow")
    from edgecls_export import freeze

    return freeze(build_model())


@pytest.fixture(scope="session")
def hard_swish(folder):
    """An int8 TFLite model with an activation that XNNPACK has in float only, and a shape that is computed."""
    tf = pytest.importorskip("tensorflow")
    keras = pytest.importorskip("keras")
    layers = keras.layers
    inputs = x = layers.Input((HEIGHT, WIDTH, 3), name="image")
    for number in range(2):
        x = layers.Conv2D(8, 3, padding="same", name=f"block{number}_conv")(x)
        x = layers.Activation("hard_swish", name=f"block{number}_act")(x)
    x = layers.GlobalAveragePooling2D(name="features", keepdims=True)(x)
    x = layers.Flatten(name="flatten")(x)
    model = keras.Model(inputs, layers.Dense(4, name="logits")(x))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [picture[np.newaxis].astype(np.float32) / 255] for picture in pictures(4)
    )
    with _quiet():
        return _written(folder / "hard_swish.int8.tflite", converter.convert())


@pytest.fixture(scope="session")
def float16_weights(folder, frozen):
    from edgecls_export import EXPORTERS

    body = EXPORTERS["tflite", "float16"].load()(frozen, pictures(4))
    return _written(folder / "tiny.float16.tflite", body.data)


@pytest.fixture(scope="session")
def mixed_tflite(folder, frozen):
    """An int8 model with one layer left in float."""
    pytest.importorskip("litert_quantizer")
    from edgecls_export.litert_exporter import quantized
    from edgecls_export.tflite_exporters import float_logits
    from edgecls_export.tflite_graph import TfliteGraph

    nodes = TfliteGraph(float_logits(frozen)).nodes()
    logits = [node.name for node in nodes if node.kernel is not None][-1]
    with _quiet():
        graph = quantized(frozen, pictures(4), operators_in_float=[logits])
    return _written(folder / "mixed.tflite", graph.pack())


@pytest.fixture(scope="session")
def mixed_onnx(folder, frozen):
    """An int8 model with one convolution left in float, in the middle."""
    onnx = pytest.importorskip("onnx")
    from edgecls_export.onnx_exporters import clean_model, quantize
    from edgecls_export.onnx_mixed import shield

    nodes = onnx.load_from_string(clean_model(frozen)).graph.node
    middle = [node.name for node in nodes if node.op_type == "Conv"][1]
    model = onnx.load_from_string(quantize(frozen, pictures(4), nodes_in_float=[middle]).data)
    shield(model)
    return _written(folder / "mixed.onnx", model.SerializeToString())


@pytest.fixture(scope="session")
def plain_onnx(folder, frozen):
    from edgecls_export.onnx_exporters import quantize

    return _written(folder / "plain.onnx", quantize(frozen, pictures(4)).data)


@contextmanager
def _quiet():
    """Ignore warnings of converters, of what a caller cannot change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _written(path, data):
    path.write_bytes(data)
    return path
