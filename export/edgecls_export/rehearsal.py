"""Rehearse a recipe on a tiny model: whether the packages installed here can make it and run it.

A table of versions would have to know every converter, quantizer and runtime; the tiny model finds out in
about a second, before minutes are spent on a real one. Recipes that are made by default are not rehearsed:
every supported version can make them.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import EdgeclsError, ExportError, MissingDependencyError
from edgecls_device.golden import golden_inputs

from edgecls_export.frozen import OUTPUT_NAME, freeze
from edgecls_export.native_log import output_to_log
from edgecls_export.operators import open_converted
from edgecls_export.table import find_exporter

__all__ = ["rehearse"]

SIDE_PX = 8
CLASSES = 5  # more than the few that get other dense layers


def rehearse(file_format: str, recipe: str, *, log: Path) -> None:
    """Make and run a tiny model by a recipe, once in a process.

    Args:
        file_format: ``tflite`` or ``onnx``.
        recipe: A recipe of the format.
        log: What the converters print is appended to it.

    Raises:
        ExportError: If it cannot be made or run here; the message says why.
        MissingDependencyError: If a package is not installed.
    """
    entry = find_exporter(file_format, recipe)
    entry.check_packages()
    if entry.is_default or entry.training_photos:  # tuning takes longer than what it would find out
        return
    reason = _outcome(file_format, recipe, log)
    if reason:
        what = f"{file_format} {recipe}"
        message = f"Expected packages that can make and run {what}, got on a tiny model: {reason}"
        hint = f"choose another --recipe, or: pip install --upgrade 'edgecls[{entry.extra}]'"
        raise ExportError(message, hint=hint)


@cache
def _outcome(file_format: str, recipe: str, log: Path) -> str:
    """Return why a recipe fails on a tiny model; empty if it does not."""
    images = golden_inputs(0, SIDE_PX, SIDE_PX)
    try:
        with output_to_log(log, f"rehearsal of {file_format} {recipe}"):
            convert = find_exporter(file_format, recipe).load()
            data = convert(freeze(_tiny_model()), images).data
            backend = open_converted(file_format, data, BackendOptions(threads=1))
            scores = backend.run(images[:1])
            backend.close()
    except MissingDependencyError:
        raise
    except EdgeclsError as error:
        return error.message
    except Exception as error:  # converters raise nearly anything
        return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    if scores.shape != (1, CLASSES) or not np.isfinite(scores.astype(np.float32)).all():
        return f"scores of {choose_backend(file_format)} that are none"
    return ""


def _tiny_model() -> Any:
    """Return a classifier of the layers that most backbones are made of; its weights are always the same."""
    import keras

    layers, seeded = keras.layers, keras.initializers.GlorotUniform
    image = keras.Input((SIDE_PX, SIDE_PX, 3), name="rehearsal")
    x = layers.Rescaling(1 / 128, -127 / 128, name="rehearsal_normalize")(image)
    x = layers.Conv2D(8, 3, kernel_initializer=seeded(1), name="rehearsal_conv")(x)
    x = layers.ReLU(6.0, name="rehearsal_relu")(x)
    x = layers.DepthwiseConv2D(3, depthwise_initializer=seeded(2), name="rehearsal_depthwise")(x)
    x = layers.GlobalAveragePooling2D(name="rehearsal_pool")(x)
    x = layers.Dense(CLASSES, kernel_initializer=seeded(3), name="rehearsal_logits")(x)
    return keras.Model(image, layers.Softmax(name=OUTPUT_NAME)(x), name="rehearsal")
