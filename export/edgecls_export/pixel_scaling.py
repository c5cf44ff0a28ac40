"""Normalization in an order that 8 bits bear: first subtract, then multiply.

``Rescaling`` multiplies first. TFLite gives the product and the sum one range that holds both, so of pixels
0..255 scaled to -1..1 a third of the levels are lost before the first convolution. Pixels minus a constant have
the steps they had, and a product alone has a scale of its own (or is folded into the weights): nothing is lost.
"""

from typing import Any

__all__ = ["subtracting_first"]


def subtracting_first(model: Any) -> Any:
    """Return a model that computes the same, its ``Rescaling`` layers subtracting first.

    Args:
        model: A Keras model; it is not changed, and returned itself if it has no such layer.
    """
    import keras

    class SubtractingFirst(keras.layers.Rescaling):  # type: ignore[misc]
        def call(self, pixels: Any) -> Any:
            return (
                keras.ops.cast(pixels, self.compute_dtype) + self.offset / self.scale
            ) * self.scale

    def exchanged(layer: Any) -> Any:
        kind = SubtractingFirst if _can_subtract_first(layer) else type(layer)
        return kind.from_config(layer.get_config())

    if not any(_can_subtract_first(layer) for layer in model.layers):
        return model
    copy = keras.models.clone_model(model, clone_function=exchanged)
    copy.set_weights(model.get_weights())
    return copy


def _can_subtract_first(layer: Any) -> bool:
    from keras import layers

    if type(layer) is not layers.Rescaling:
        return False
    numbers = (layer.scale, layer.offset)
    return all(isinstance(number, int | float) for number in numbers) and all(numbers)
