"""A small network that stands for a pretrained one: its weights are drawn, the same ones every time."""

from typing import Any

from edgecls.training.backbones import Backbone

NAME = "drawn"
ENTRY = Backbone(name=NAME, builder=f"{__name__}:drawn", weights="drawn from a seed", size=32)


def drawn(*, size: int, include_top: bool = False, pretrained: bool = True) -> Any:
    """Build three blocks; in the last there is dropout, which draws in every step."""
    from keras import Input, Model, initializers, layers

    inputs = x = Input((size, size, 3), dtype="float32", name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalize")(x)
    for index, channels in enumerate((4, 8, 8)):
        name = f"block{index}"
        draw = initializers.HeNormal(seed=index)
        x = layers.Conv2D(
            channels, 3, 2, padding="same", kernel_initializer=draw, name=f"{name}_conv"
        )(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(6.0, name=f"{name}_relu6")(x)
    x = layers.Dropout(0.1, name="block2_drop")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return Model(inputs, x, name=NAME)
