"""A Keras model made ready for converters: traced once, its variables turned into constants.

Both converters are fast on a graph of constants and several times slower on one with variables; and a file
converted with its variables left in reads them as resources on every inference. So the graphs are frozen
here, and shared by all exporters.
"""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from edgecls_device.errors import ExportError
from numpy.typing import NDArray

from edgecls_export.exported import Images
from edgecls_export.pixel_scaling import subtracting_first

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "FrozenModel", "fingerprint", "freeze"]

INPUT_NAME = "image"
OUTPUT_NAME = "scores"


def freeze(model: Any) -> "FrozenModel":
    """Return a Keras model as exporters want it; one that is frozen already is returned as it is."""
    return model if isinstance(model, FrozenModel) else FrozenModel(model)


def fingerprint(images: Images) -> str:
    """Return the SHA-256 over images and their shape, as hex; empty for no images."""
    if not len(images):
        return ""
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


class FrozenModel:
    """A Keras classifier and what is made of it on the way, each made once.

    Attributes:
        model: The Keras model: float32 RGB 0..255 in, probabilities out of its softmax layer ``scores``.
        tuned: What was tuned from it for int8, by the fingerprint of the photos it was tuned on.
        corrected: What was made of it by correcting biases for int8, by the fingerprint of the photos.
        equalized: What was made of it by equalizing the ranges of channels, likewise.
        is_equalized: Whether that was done to it.
        is_fitted_to_int8: Whether its weights or biases make up for rounding already.
        on_tuning_step: Called with 1 after every step of tuning, which takes minutes.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._scores: dict[str, NDArray[np.float32]] = {}
        self.shared: dict[
            str, bytes
        ] = {}  # what one exporter leaves for another, such as the float ONNX
        self.tuned: dict[str, FrozenModel] = {}
        self.corrected: dict[str, FrozenModel] = {}
        self.equalized: dict[str, FrozenModel] = {}
        self.is_fitted_to_int8 = False
        self.is_equalized = False
        self.on_tuning_step: Callable[[int], None] | None = None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input, such as ``(None, 224, 224, 3)``."""
        return tuple(self.model.input_shape)

    @cached_property
    def pixels_to_scores(self) -> Any:
        """Concrete function: ``image`` uint8 ``(1, H, W, 3)`` -> probabilities ``(1, C)``, float32."""
        import tensorflow as tf

        def call(image: Any) -> Any:
            return self.model(tf.cast(image, tf.float32), training=False)

        return self._trace(call, tf.uint8)

    @cached_property
    def floats_to_logits(self) -> Any:
        """Concrete function: ``image`` float32 ``(1, H, W, 3)`` -> logits ``(1, C)``, float32."""
        import keras
        import tensorflow as tf

        model = subtracting_first(self.model)
        body = keras.Model(model.inputs, model.get_layer(OUTPUT_NAME).input)

        def call(image: Any) -> Any:
            return body(image, training=False)

        return self._trace(call, tf.float32)

    @cached_property
    def floats_to_scores(self) -> Any:
        """Concrete function: ``image`` float32 ``(1, H, W, 3)`` -> probabilities ``(1, C)``, float32."""
        import tensorflow as tf

        model = subtracting_first(self.model)

        def call(image: Any) -> Any:
            return model(image, training=False)

        return self._trace(call, tf.float32)

    def keras_scores(self, images: Images) -> NDArray[np.float32]:
        """Return what Keras gives: shape ``(count, num_classes)``, float32. Computed once per set of images."""
        key = fingerprint(images)
        if key not in self._scores:
            batches = [images[i : i + 16].astype(np.float32) for i in range(0, len(images), 16)]
            rows = [np.asarray(self.model.predict_on_batch(batch)) for batch in batches]
            empty = np.zeros((0, self.model.output_shape[-1]), np.float32)
            self._scores[key] = np.concatenate([empty, *rows])
        return self._scores[key]

    def _trace(self, call: Any, dtype: Any) -> Any:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import (
            convert_variables_to_constants_v2,
        )

        shape = (1, *self.input_shape[1:])
        signature = [tf.TensorSpec(shape, dtype, name=INPUT_NAME)]
        traced = tf.function(call, input_signature=signature).get_concrete_function()
        frozen = convert_variables_to_constants_v2(traced)
        if len(frozen.inputs) != 1 or len(frozen.outputs) != 1:
            message = (
                f"Expected a graph of one input and one output, got {len(frozen.inputs)} and "
                f"{len(frozen.outputs)}."
            )
            raise ExportError(message, hint="give a functional Keras model without lookup tables")
        return frozen
