"""Normalization that subtracts first keeps every level of a pixel, also through TFLite's 8 bits."""

import numpy as np
import pytest
from edgecls_export.frozen import freeze
from edgecls_export.pixel_scaling import subtracting_first
from edgecls_export.tflite_exporters import to_int8

pytestmark = pytest.mark.slow

SIDE = 3


def small_model(scale, offset):
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(scale, offset)(image)
    x = keras.layers.Conv2D(4, 3, padding="same")(x)  # so the offset cannot go into its bias
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(3)(x)
    return keras.Model(image, keras.layers.Softmax(name="scores")(x))


def flat_images():
    levels = np.arange(256, dtype=np.uint8)
    colors = np.stack([levels, levels[::-1], levels], axis=-1)
    return np.broadcast_to(colors[:, np.newaxis, np.newaxis], (256, SIDE, SIDE, 3)).copy()


@pytest.mark.parametrize(("scale", "offset"), [(1 / 128, -127 / 128), (1 / 127.5, -1.0)])
def test_the_model_computes_what_it_did(scale, offset):
    model = small_model(scale, offset)
    pixels = flat_images().astype(np.float32)
    exchanged = subtracting_first(model)
    assert exchanged is not model
    np.testing.assert_allclose(exchanged(pixels), model(pixels), atol=1e-6)


def test_a_model_without_an_offset_is_left_alone():
    model = small_model(1 / 255, 0.0)
    assert subtracting_first(model) is model


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
def test_int8_tells_neighbouring_grey_levels_apart():
    from ai_edge_litert.interpreter import Interpreter

    images = flat_images()
    body = to_int8(freeze(small_model(1 / 128, -127 / 128)), images)
    interpreter = Interpreter(
        model_content=body.data, num_threads=1, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    scaled = [
        detail["index"]
        for detail in interpreter.get_tensor_details()
        if list(detail["shape"]) == [1, SIDE, SIDE, 3]
    ]
    assert len(scaled) > 1, "the normalization is gone"
    seen = {index: set() for index in scaled}
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
        interpreter.invoke()
        for index, values in seen.items():
            values.add(int(interpreter.get_tensor(index).ravel()[0]))
    assert [len(values) for values in seen.values()] == [256] * len(seen)
