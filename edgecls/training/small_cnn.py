"""A small network that is trained from scratch: for tests, tiny inputs and pictures unlike photos."""

from typing import Any

__all__ = ["FEATURES", "small_cnn"]

FEATURES = 96
_CHANNELS = (16, 32, 64, FEATURES)


def small_cnn(*, size: int, seed: int) -> Any:
    """Build the network as a functional Keras model, about 84,000 parameters.

    Only convolutions, batch norm and ReLU6, which every runtime quantizes well.

    Input shape: ``(None, size, size, 3)``, float32, RGB 0..255.
    Output shape: ``(None, 96)`` pooled features.

    Args:
        size: Input height and width in pixels, at least 16.
        seed: What the weights are drawn from.
    """
    from keras import Input, Model, initializers, layers

    inputs = Input((size, size, 3), dtype="float32", name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalize")(inputs)
    for index, channels in enumerate(_CHANNELS):
        name = f"block{index}"
        x = layers.Conv2D(
            channels,
            3,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=initializers.HeNormal(seed=seed + index),
            name=f"{name}_conv",
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
        x = layers.ReLU(6.0, name=f"{name}_relu6")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return Model(inputs, x, name="small_cnn")
