"""Backbones that Keras brings: their weights are downloaded on first use and kept in ``~/.keras``."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from edgecls_device.errors import NetworkError, StorageError

__all__ = ["efficientnetv2_b0", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]


def mobilenet_v2(*, size: int, include_top: bool = False, pretrained: bool = True) -> Any:
    """Build MobileNetV2 (Sandler et al. 2018); see :func:`_build` for shapes and errors."""
    from keras.applications import MobileNetV2

    return _build(
        MobileNetV2, "mobilenet_v2", size, include_top, pretrained, scale=1 / 127.5, offset=-1.0
    )


def mobilenet_v3_small(*, size: int, include_top: bool = False, pretrained: bool = True) -> Any:
    """Build MobileNetV3 small, minimalistic: no hard-swish and no SE, which int8 runtimes are slow at."""
    from keras.applications import MobileNetV3Small

    return _build(
        MobileNetV3Small, "mobilenet_v3_small", size, include_top, pretrained, minimalistic=True
    )


def mobilenet_v3_large(*, size: int, include_top: bool = False, pretrained: bool = True) -> Any:
    """Build MobileNetV3 large (Howard et al. 2019); see :func:`_build` for shapes and errors."""
    from keras.applications import MobileNetV3Large

    return _build(MobileNetV3Large, "mobilenet_v3_large", size, include_top, pretrained)


def efficientnetv2_b0(*, size: int, include_top: bool = False, pretrained: bool = True) -> Any:
    """Build EfficientNetV2-B0 (Tan and Le 2021); see :func:`_build` for shapes and errors."""
    from keras.applications import EfficientNetV2B0

    return _build(EfficientNetV2B0, "efficientnetv2_b0", size, include_top, pretrained)


def _build(
    application: Any,
    name: str,
    size: int,
    include_top: bool,
    pretrained: bool,
    *,
    scale: float | None = None,
    offset: float = 0.0,
    **options: Any,
) -> Any:
    """Build one of ``keras.applications`` as a functional model that takes pixels 0..255.

    Input shape: ``(None, size, size, 3)``, float32, RGB 0..255.
    Output shape: ``(None, features)`` pooled, or with ``include_top`` ``(None, 1000)`` logits.

    Args:
        application: The function of Keras.
        name: Name of the model.
        size: Input height and width in pixels.
        include_top: Whether to end in the 1000 ImageNet logits.
        pretrained: Whether to load the ImageNet weights.
        scale: For those without a normalization inside: pixels are multiplied by it.
        offset: Then added.
        options: Passed on.

    Raises:
        NetworkError: If the weights are not in the cache and cannot be downloaded.
        StorageError: If they cannot be stored.
    """
    from keras import Input, Model, layers

    inputs = Input((size, size, 3), dtype="float32", name="image")
    x = inputs
    if scale is not None:
        x = layers.Rescaling(scale, offset, name="normalize")(x)
    if include_top:
        options["classifier_activation"] = None
    else:
        options["pooling"] = "avg"
    weights = "imagenet" if pretrained else None
    with _download_errors(name), redirect_stdout(sys.stderr), warnings.catch_warnings():
        # the weights of 224x224 serve every size, which Keras warns of; its download bar is progress
        warnings.simplefilter("ignore", UserWarning)
        inner = application(input_tensor=x, include_top=include_top, weights=weights, **options)
    return Model(inputs, inner.output, name=name)


@contextmanager
def _download_errors(name: str) -> Iterator[None]:
    """Turn what Keras raises for a failed download into an error that says what to do."""
    try:
        yield
    except PermissionError as error:
        message = f"Cannot store the weights of {name}: {error}."
        raise StorageError(message, hint="set KERAS_HOME to a directory you can write") from error
    except Exception as error:
        # keras.utils.get_file raises a bare Exception("URL fetch failure on ...")
        if not isinstance(error, OSError) and "URL fetch failure" not in str(error):
            raise
        reason = str(error).rpartition(" -- ")[2] or "no answer"
        message = f"Cannot download the ImageNet weights of {name}: {reason}."
        home = os.environ.get("KERAS_HOME", "~/.keras")
        hint = (
            f"connect to the network once (they are kept in {home}/models), "
            "or take the backbone that needs none: --backbone efficientnet_lite0"
        )
        raise NetworkError(message, hint=hint) from error
