"""Models broken on purpose, in the ways that a diagnosis must tell apart. Needs the extra ``export``."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np
from edgecls_device.spec import ModelSpec
from edgecls_export import freeze
from edgecls_export.table import find_exporter

__all__ = ["FAULTS", "Breaker"]

FAULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dark calibration": ("calibration pixels", "calibration range"),
        "bright calibration": ("calibration pixels", "input range"),
        "bgr calibration": ("calibration pixels",),
        "identical photos": ("calibration photos",),
        "per-tensor weights": ("per-tensor weights",),
        "permuted labels": ("labels",),
        "normalized twice": ("pixels",),
        "stretched": ("spec",),
        "saturated softmax": ("scores",),
    }
)
"""Each way, and the kinds of finding that name it rightly."""

_EMBED = {"tflite": "edgecls_export.tflite_metadata", "onnx": "edgecls_export.onnx_graph"}
_STEEP = 30.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Breaker:
    """One model, to be exported well or badly.

    Attributes:
        model: The Keras model.
        spec: Its spec.
        images: Prepared calibration photos, uint8 ``(N, H, W, 3)`` RGB.
    """

    model: Any
    spec: ModelSpec
    images: Any

    def make(self, fault: str, file_format: str) -> bytes:
        """Return an int8 file with a fault; a name of a recipe gives a good one of that recipe."""
        recipe = "int8" if fault in FAULTS else fault
        convert = find_exporter(file_format, recipe).load()
        frozen = freeze(_changed_model(self.model, fault))
        images = _changed_images(self.images, fault)
        is_per_tensor = fault == "per-tensor weights"
        with (
            warnings.catch_warnings(),
            _per_tensor(file_format) if is_per_tensor else nullcontext(),
        ):
            warnings.simplefilter("ignore")  # converters warn of what their caller cannot change
            body = convert(frozen, images)
        spec = _changed_spec(self.spec, fault)
        spec = replace(spec, provenance=replace(spec.provenance, recipe=recipe))
        embedded: bytes = import_module(_EMBED[file_format]).embed_spec(body.data, spec)
        return embedded


def _changed_images(images: Any, fault: str) -> Any:
    if fault == "dark calibration":
        return np.rint(images / 255).astype(np.uint8)
    if fault == "bright calibration":
        return np.clip(images * 3.0, 0, 255).astype(np.uint8)
    if fault == "bgr calibration":
        return images[..., ::-1].copy()
    return np.repeat(images[3:4], 5, axis=0) if fault == "identical photos" else images


def _changed_model(model: Any, fault: str) -> Any:
    if fault == "normalized twice":
        return _normalized_twice(model)
    return _steep(model) if fault == "saturated softmax" else model


def _changed_spec(spec: ModelSpec, fault: str) -> ModelSpec:
    if fault == "permuted labels":
        return replace(spec, labels=(*spec.labels[1:], spec.labels[0]))
    if fault == "stretched":
        rule = replace(spec.preprocessing, resize="stretch", crop_fraction=1.0)
        return replace(spec, preprocessing=rule)
    return spec


def _normalized_twice(model: Any) -> Any:
    import keras

    return _wrapped(model, before=keras.layers.Rescaling(1 / 127.5, -1))


def _steep(model: Any) -> Any:
    import keras

    return _wrapped(model, behind=keras.layers.Rescaling(_STEEP))


def _wrapped(model: Any, *, before: Any = None, behind: Any = None) -> Any:
    import keras

    body = keras.Model(model.inputs, model.get_layer("scores").input)
    inputs = keras.Input(model.input_shape[1:], name="image")
    logits = body(inputs if before is None else before(inputs))
    logits = logits if behind is None else behind(logits)
    return keras.Model(inputs, keras.layers.Softmax(name="scores")(logits))


@contextmanager
def _per_tensor(file_format: str) -> Iterator[None]:
    """Let the exporters give each weight one scale, while it lasts."""
    if file_format == "tflite":
        import tensorflow as tf

        place, name = tf.lite.TFLiteConverter, "from_concrete_functions"
    else:
        place, name = import_module("onnxruntime.quantization"), "quantize_static"
    kept, old = place.__dict__[name], getattr(place, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        if file_format == "onnx":
            options = {**kwargs["extra_options"], "TensorQuantOverrides": {}}  # for channels too
            return old(*args, **{**kwargs, "per_channel": False, "extra_options": options})
        converter = old(*args, **kwargs)
        converter._experimental_disable_per_channel = True  # noqa: SLF001 - there is no public way
        return converter

    setattr(place, name, changed)
    try:
        yield
    finally:
        setattr(place, name, kept)
