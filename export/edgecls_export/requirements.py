"""What must hold before any slow work begins."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import ExportError, OptionError
from edgecls_device.files import make_directory, storage_errors
from edgecls_device.spec import InputTensor, ModelSpec

from edgecls_export.exported import Images
from edgecls_export.frozen import OUTPUT_NAME, FrozenModel

__all__ = ["check_class_ids", "check_destination", "check_images", "check_model"]

SMALL_INTEGERS = {"int4", "uint4", "int8", "uint8"}
"""Types of quantized weights; counters and random seeds of layers are wider."""


def check_model(frozen: FrozenModel, spec: ModelSpec) -> None:
    """Check that a Keras model is what its spec says, and ends as exporters need it.

    Raises:
        ExportError: If it does not.
    """
    model = frozen.model
    _expect_float(model)
    height, width = spec.preprocessing.height, spec.preprocessing.width
    _expect("one input and one output", _ends(model), (1, 1))
    _expect("input shape", _shape(model.input_shape), (None, height, width, 3))
    _expect("input dtype", str(model.inputs[0].dtype), "float32")
    _expect("output shape", _shape(model.output_shape), (None, len(spec.labels)))
    _expect("output dtype", str(model.outputs[0].dtype), "float32")
    _expect("last layer", _last_layer(model), f"Softmax {OUTPUT_NAME!r}")
    _expect("input of the spec", spec.input, InputTensor())
    _expect("output of the spec", spec.output, "probabilities")


def check_images(images: Images, spec: ModelSpec, *, name: str, at_least: int = 0) -> None:
    """Check that images are prepared as the spec says.

    Raises:
        OptionError: If they have another shape or dtype, or are too few.
    """
    shape = (spec.preprocessing.height, spec.preprocessing.width, 3)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape:
        got = f"{images.dtype} {images.shape}"
        message = f"Expected {name} images of uint8 (N, {shape[0]}, {shape[1]}, 3), got {got}."
        raise OptionError(
            message, hint="prepare each with edgecls_device.preprocessing.resize and the same spec"
        )
    if len(images) < at_least:
        message = f"Expected at least {at_least} {name} image, got {len(images)}."
        raise OptionError(message, hint="int8 measures value ranges on photos; give about 100")


def check_class_ids(class_ids: Sequence[int] | None, photos: Images, spec: ModelSpec) -> None:
    """Check that there is a class of the model for each photo, if any are given.

    Raises:
        OptionError: If there are more or fewer, or a class that the model does not have.
    """
    if class_ids is None:
        return
    hint = (
        "class ids count the labels of the spec from 0; leave them out for photos without classes"
    )
    if len(class_ids) != len(photos):
        message = (
            f"Expected one class id for each of {len(photos)} check images, got {len(class_ids)}."
        )
        raise OptionError(message, hint=hint)
    wrong = [class_id for class_id in class_ids if not 0 <= class_id < len(spec.labels)]
    if wrong:
        message = f"Expected class ids below {len(spec.labels)}, got {wrong[0]}."
        raise OptionError(message, hint=hint)


def check_destination(path: Path, file_format: str) -> None:
    """Check that a file of this format can be written there and run here.

    Raises:
        MissingDependencyError: If no runtime that could check it is installed.
        OptionError: If the name has another suffix.
        StorageError: If the directory cannot be written.
    """
    if path.suffix != f".{file_format}":
        message = f"Expected a destination that ends in .{file_format}, got {str(path)!r}."
        raise OptionError(message, hint=f"name it {path.stem}.{file_format}")
    choose_backend(file_format)
    make_directory(path.parent)
    with storage_errors("write in", path.parent):
        handle, name = tempfile.mkstemp(prefix=".edgecls-", dir=path.parent)
        os.close(handle)
        Path(name).unlink()


def _expect_float(model: Any) -> None:
    """Refuse a model that was quantized in Keras: exporters quantize a float one.

    Quantized layers are those with a dtype policy such as ``int8_from_float32``, which ``model.quantize``
    gives them, those with weights of 8 bits or fewer, and those that only quantize.
    """
    layers = list(model._flatten_layers(include_self=False))  # noqa: SLF001 - there is no other walk
    quantized = [layer.name for layer in layers if _is_quantized(layer)]
    if quantized:
        more = f" and {len(quantized) - 1} more" if len(quantized) > 1 else ""
        message = (
            f"Expected a Keras model of floats, got a quantized layer {quantized[0]!r}{more}: the model is "
            f"already quantized."
        )
        hint = (
            "export the float model it was made from; to keep what quantization-aware training taught, "
            "use --recipe int8-qat"
        )
        raise ExportError(message, hint=hint)


def _is_quantized(layer: Any) -> bool:
    policy = getattr(layer, "dtype_policy", None)
    return (
        getattr(policy, "quantization_mode", None) is not None
        or type(layer).__name__.startswith(("Quantize", "FakeQuant"))
        or any(str(variable.dtype) in SMALL_INTEGERS for variable in layer.weights)
    )


def _ends(model: Any) -> tuple[int, int]:
    return len(model.inputs), len(model.outputs)


def _shape(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, tuple | list) else shape


def _last_layer(model: Any) -> str:
    last = model.layers[-1]
    kind = type(last).__name__
    if kind == "Softmax" and getattr(last, "axis", -1) not in {-1, 1}:
        return f"Softmax over axis {last.axis}"
    return f"{kind} {last.name!r}"


def _expect(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        message = f"Expected a Keras model and spec with {what} {wanted}, got {got}."
        hint = "export the model.keras and spec.json that 'edgecls train' wrote together"
        raise ExportError(message, hint=hint)
