"""The Keras model of a run: backbone, linear layer ``logits``, softmax ``scores``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.errors import TrainingError
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import GoldenSamples
from numpy.typing import NDArray

from edgecls.training.head import Head
from edgecls.training.quiet_keras import import_keras

__all__ = [
    "GOLDEN_TOLERANCE",
    "classifier",
    "golden_samples",
    "predict",
    "save_model",
    "with_scores",
]

GOLDEN_TOLERANCE = 1e-3


def classifier(backbone: Any, head: Head) -> Any:
    """Return the backbone with a linear layer and a softmax on it, as one functional Keras model.

    Input shape: ``(None, height, width, 3)``, float32, RGB 0..255, named ``image``.
    Output shape: ``(None, classes)``, float32 probabilities.
    """
    keras = import_keras()
    dense = keras.layers.Dense(len(head.bias), dtype="float32", name="logits")
    logits = dense(backbone.output)
    dense.set_weights([head.kernel, head.bias])
    return _with_softmax(backbone.input, logits)


def with_scores(model: Any) -> Any:
    """Return a Keras model that ends in logits with a softmax on it."""
    return _with_softmax(model.input, model.output)


def predict(model: Any, batches: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return the model's probabilities for pictures, shape ``(pictures, classes)``, float32.

    A last batch that is smaller is filled up first, as every size of a batch is compiled by itself.

    Args:
        model: The classifier.
        batches: Each ``(batch, height, width, 3)``, uint8, RGB; at least one.
    """
    rows: list[NDArray[np.float32]] = []
    for batch in batches:
        full = np.resize(batch, (max(len(batch), len(rows[0]) if rows else 0), *batch.shape[1:]))
        rows.append(np.asarray(model.predict_on_batch(full.astype(np.float32)))[: len(batch)])
    return np.concatenate(rows)


def golden_samples(model: Any, *, seed: int = 0) -> GoldenSamples:
    """Return golden inputs' seed and the scores that Keras gives for them.

    Raises:
        TrainingError: If a score is not a number.
    """
    pixels = golden_inputs(seed, *model.input_shape[1:3])
    scores = np.asarray(model(pixels.astype(np.float32), training=False))
    if not np.isfinite(scores).all():
        message = "Expected a model whose scores are numbers, got NaN or infinity."
        raise TrainingError(message, hint="train again with fewer --epochs, or without --fine-tune")
    rows = tuple(tuple(round(float(score), 7) for score in row) for row in scores)
    return GoldenSamples(seed=seed, scores=rows, tolerance=GOLDEN_TOLERANCE)


def save_model(model: Any, path: Path) -> None:
    """Write a model as ``.keras``, without the state of an optimizer.

    Raises:
        OSError: If it cannot be written.
    """
    model.save(path, include_optimizer=False)


def _with_softmax(inputs: Any, logits: Any) -> Any:
    keras = import_keras()
    scores = keras.layers.Softmax(dtype="float32", name="scores")(logits)
    return keras.Model(inputs, scores, name="classifier")
