"""The frozen backbone as a function from pixels to features, on the fastest runtime at hand.

A float TFLite copy of the backbone is twice as fast as TensorFlow here (see benchmarks/NOTES.md) and is
kept beside the features. It must give what Keras gives, or Keras is used; so it is on JAX, which makes no copy.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from edgecls_device.backends.protocol import Backend, BackendOptions
from edgecls_device.backends.table import choose_backend, installed_backends, open_backend
from edgecls_device.errors import ArtifactError, EdgeclsError, ExportError, StorageError
from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.golden import golden_inputs
from edgecls_device.native_output import captured_stderr
from edgecls_device.opencv import cv2
from edgecls_device.preprocessing import resize
from edgecls_device.records import encode
from edgecls_device.spec import Preprocessing
from numpy.typing import NDArray

from edgecls.progress import say
from edgecls.training.quiet_keras import import_tensorflow, keras_backend

__all__ = [
    "Extractor",
    "extractor_fingerprint",
    "open_extractor",
    "portable_copy",
    "weights_fingerprint",
]

Extractor: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""``(height, width, 3)`` uint8 RGB -> ``(features,)`` float32; callable from several threads."""

TOLERANCE = 1e-4  # of the largest feature
_VERSION = 1  # of what a feature is: change it when decoding or a network changes
_MAX_BYTES = 2**31 - 1


def weights_fingerprint(model: Any) -> str:
    """Return the SHA-256 over a Keras model's weights and their shapes, in order, as hex."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(f"{array.shape} {array.dtype};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def extractor_fingerprint(name: str, model: Any, preprocessing: Preprocessing) -> str:
    """Return a hash that is another one whenever the features of a photo could be other ones.

    Args:
        name: Of the backbone.
        model: The backbone, with its weights.
        preprocessing: How photos become its input.
    """
    picture = golden_inputs(0, 333, 500, count=2)[1]  # shows any change of the resize rule itself
    pixels = hashlib.sha256(resize(picture, preprocessing).tobytes()).hexdigest()
    weights = weights_fingerprint(model)
    parts = [_VERSION, name, encode(preprocessing), pixels, cv2.__version__, weights]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def open_extractor(model: Any, copy: Path, *, threads: int) -> Extractor:
    """Return the fastest extractor that gives the features of ``model``.

    Args:
        model: The Keras backbone: ``(None, height, width, 3)`` float32 RGB 0..255 in, features out.
        copy: Where its TFLite copy is kept, made if it is not there.
        threads: How many threads will call it at once.

    Raises:
        StorageError: If the copy cannot be written.
    """
    slow = _keras_extractor(model)
    runtimes = installed_backends("tflite") if keras_backend() == "tensorflow" else ()
    if not runtimes:
        return slow
    try:
        fast = _tflite_extractor(_tflite_copy(model, copy), runtimes[0], threads)
        if _agree(fast, model):
            return fast
        reason = "it gives other features than Keras"
    except StorageError:
        raise  # nor could the features be stored
    except EdgeclsError as error:
        reason = error.message
    copy.unlink(missing_ok=True)
    say(f"note: the fast copy of the backbone is not used, since {reason}")
    return slow


def portable_copy(model: Any, copy: Path) -> tuple[str, bytes]:
    """Return a runtime and the float TFLite file on which it gives the features of ``model``.

    Args:
        model: The Keras backbone, as for :func:`open_extractor`.
        copy: Where the file is kept, made if it is not there, or not the backbone.

    Raises:
        ExportError: If it gives other features than Keras.
        MissingDependencyError: If no runtime for it is installed.
        StorageError: If it cannot be written.
    """
    runtime = choose_backend("tflite")
    for _ in range(2):  # what was kept, and a new one
        data = _tflite_copy(model, copy)
        with suppress(ArtifactError):
            if _agree(_tflite_extractor(data, runtime, 1), model):
                return runtime, data
        copy.unlink(missing_ok=True)
    message = f"Expected a copy of the backbone with its features, got other ones on {runtime}."
    raise ExportError(message, hint="choose another --backbone")


def _tflite_extractor(data: bytes, runtime: str, threads: int) -> Extractor:
    idle: SimpleQueue[Backend] = SimpleQueue()
    for _ in range(threads):  # an interpreter is for one thread at a time
        idle.put(open_backend(runtime, data, BackendOptions(threads=1)))

    def extract(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        backend = idle.get()
        try:
            batch = pixels[np.newaxis].astype(np.float32)
            return np.asarray(backend.run(batch), np.float32).reshape(-1)
        finally:
            idle.put(backend)

    return extract


def _keras_extractor(model: Any) -> Extractor:
    alone = Lock()  # Keras is for one thread at a time; it uses all cores by itself

    def extract(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = pixels[np.newaxis].astype(np.float32)
        with alone:
            return np.asarray(model.predict_on_batch(batch), np.float32).reshape(-1)

    return extract


def _tflite_copy(model: Any, copy: Path) -> bytes:
    if copy.is_file():
        return read_bytes(copy, max_bytes=_MAX_BYTES)
    data = _convert(model)
    write_atomically(copy, data)
    return data


def _convert(model: Any) -> bytes:
    """Return the model as float32 TFLite. Freezing first makes both conversion and file fast."""
    tf = import_tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)]
    with captured_stderr():
        traced = tf.function(lambda x: model(x, training=False), input_signature=signature)
        frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        return bytes(converter.convert())


def _agree(extract: Extractor, model: Any) -> bool:
    pixels = golden_inputs(0, *model.input_shape[1:3], count=2)  # hard edges, and smooth
    wanted = np.asarray(model(pixels.astype(np.float32), training=False))
    got = np.stack([extract(picture) for picture in pixels])
    return bool(np.abs(got - wanted).max() <= TOLERANCE * np.abs(wanted).max())
