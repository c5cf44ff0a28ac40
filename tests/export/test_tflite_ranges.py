"""Ranges of what goes into a sum are those of its own values, not of the sum."""

import numpy as np
import pytest
from edgecls_export.frozen import freeze
from edgecls_export.tflite_exporters import to_int8
from edgecls_export.tflite_graph import TfliteGraph

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs"),
]

SIDE = 8


def residual_model():
    """Two convolutions added up, the second of a tenth of the first's range."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 128, -127 / 128)(image)
    wide = keras.layers.Conv2D(8, 3, padding="same", name="wide")(x)
    narrow = keras.layers.Conv2D(8, 3, padding="same", name="narrow")(wide)
    both = keras.layers.Add(name="both")([narrow, wide])
    both = keras.layers.Conv2D(4, 3, name="last")(both)
    pooled = keras.layers.GlobalAveragePooling2D()(both)
    logits = keras.layers.Dense(3, name="logits")(pooled)
    model = keras.Model(image, keras.layers.Softmax(name="scores")(logits))
    kernel, bias = model.get_layer("narrow").get_weights()
    model.get_layer("narrow").set_weights([kernel / 10, bias])
    return model


def scales(body):
    graph = TfliteGraph(body.data)
    found = {}
    for tensor in graph.model.subgraphs[0].tensors:
        scale = None if tensor.quantization is None else tensor.quantization.scale
        if scale is not None and len(scale) == 1 and len(tensor.shape) == 4:
            found["/".join(tensor.name.decode().split("/")[1:2])] = float(scale[0])
    return found


def test_a_narrow_summand_has_a_finer_scale_than_the_sum():
    images = np.random.default_rng(1).integers(0, 256, (20, SIDE, SIDE, 3)).astype(np.uint8)
    frozen = freeze(residual_model())
    found = scales(to_int8(frozen, images))
    narrow = next(scale for name, scale in found.items() if name.startswith("narrow"))
    both = next(scale for name, scale in found.items() if name.startswith("both"))
    assert narrow < both / 3


def test_a_graph_without_sums_is_left_alone():
    import keras

    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3)(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Softmax(name="scores")(keras.layers.Dense(3)(x)))
    images = np.random.default_rng(1).integers(0, 256, (5, SIDE, SIDE, 3)).astype(np.uint8)
    body = to_int8(freeze(model), images)
    assert TfliteGraph(body.data).inputs_with_range_of_output() == []
