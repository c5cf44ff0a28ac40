"""Channels of similar range."""

import numpy as np
import pytest

from tests.export.tiny import build_model, pictures

pytest.importorskip("tensorflow")


def uneven(*, relu=None):
    """Return a model with a shortcut around a depthwise layer, and channels of ranges 1 to 1000."""
    from keras import Input, Model, layers, utils

    utils.set_random_seed(5)
    inputs = Input((32, 48, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128)(inputs)
    x = layers.Conv2D(8, 3, name="first", use_bias=False)(x)
    x = layers.BatchNormalization(name="norm")(x)
    if relu is not None:
        x = layers.ReLU(relu or None, name="relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Add(name="sum")([x, y])
    x = layers.Conv2D(6, 1, name="last")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4, name="logits")(x)
    model = Model(inputs, layers.Softmax(name="scores")(x))
    gamma, *others = model.get_layer("norm").get_weights()
    ranges = np.logspace(0, 3, len(gamma)).astype(np.float32)
    model.get_layer("norm").set_weights([gamma * ranges, *others])
    kernel, bias = model.get_layer("last").get_weights()
    model.get_layer("last").set_weights([kernel / ranges[:, np.newaxis], bias])
    return model


def _spread(model, name):
    import keras

    values = keras.Model(model.inputs, model.get_layer(name).output)(
        [pictures(4).astype(np.float32)]
    )
    reach = np.abs(np.asarray(values)).max(axis=(0, 1, 2))
    return reach.max() / reach.min()


@pytest.mark.parametrize("relu", [None, 0])
def test_channels_get_similar_and_the_scores_stay(relu):
    from edgecls_export.equalization import equalize

    model = uneven(relu=relu)
    got = equalize(model, pictures(4))
    for name in ("norm", "sum"):
        assert _spread(model, name) > 300
        assert _spread(got, name) < 30
    images = pictures(4, seed=9).astype(np.float32)
    assert np.allclose(got(images), model(images), atol=1e-5)


def test_factors_do_not_pass_a_cap():
    from edgecls_export.equalization import equalize

    model = uneven(relu=6.0)
    got = equalize(model, pictures(4))
    images = pictures(4, seed=9).astype(np.float32)
    assert np.allclose(got(images), model(images), atol=1e-5)
    assert np.array_equal(got.get_layer("norm").gamma, model.get_layer("norm").gamma)


def test_a_model_without_uneven_channels_computes_the_same():
    from edgecls_export.equalization import equalize

    model = build_model()
    got = equalize(model, pictures(4))
    images = pictures(4, seed=9).astype(np.float32)
    assert np.allclose(got(images), model(images), atol=1e-5)
