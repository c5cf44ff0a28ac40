"""A tiny Keras classifier with the parts of a real one, its spec, and pictures for it."""

import numpy as np
import pytest
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import ModelSpec, Preprocessing

HEIGHT, WIDTH = 32, 48  # not a square, so that swapped sides show
LABELS = ("circle", "square", "tri angle", "Ärger")
SPEC = ModelSpec(
    name="tiny",
    labels=LABELS,
    preprocessing=Preprocessing(height=HEIGHT, width=WIDTH, resize="stretch"),
    temperature=1.7,
    unknown_threshold=0.4,
)


def pictures(count, *, seed=7):
    return golden_inputs(seed, HEIGHT, WIDTH, count=count)


def build_model(*, classes=4, size=(HEIGHT, WIDTH), last="scores"):
    """Return a network with convolutions, batch norms, a shortcut and sure answers, from fixed weights."""
    keras = pytest.importorskip("keras")
    layers = keras.layers
    inputs = keras.Input((*size, 3), dtype="float32", name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalize")(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=1e-3)(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=1e-3)(y))
    x = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(classes, name="logits")(x)
    model = keras.Model(inputs, layers.Softmax(name=last)(x), name="tiny")
    _set_weights(model)
    return model


def _set_weights(model):
    rng = np.random.default_rng(3)
    for layer in model.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        if type(layer).__name__ == "BatchNormalization":
            _, _, mean, variance = weights
            shape = mean.shape
            weights = [rng.uniform(0.5, 2, shape), rng.normal(0.3, 0.5, shape), mean, variance]
        else:
            scale = 3.0 if layer.name == "logits" else 0.6
            weights = [rng.normal(0, scale, array.shape) for array in weights]
        layer.set_weights(weights)
