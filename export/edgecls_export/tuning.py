"""Quantization-aware fine-tuning: weights that bear rounding to int8, learned from the float model itself.

No labels are needed: the rounded model is taught to give the float model's own logits, on photos seen a
little differently each time (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015). What is
tuned is a copy; ordinary int8 exporters then take it.

Each weight moves in units of the largest that read the same channel or make the same one, whichever is less;
each bias in units of what its channel gives. So one learning rate fits layers and channels of very different
size, and those are the ones that rounding breaks.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecls_device.errors import ExportError
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls_export.exported import Images
from edgecls_export.fake_quantization import FakeQuantized, Tunable
from edgecls_export.frozen import OUTPUT_NAME

__all__ = ["Tuning", "copy_of", "tune"]

WARMUP = 0.05  # share of the steps in which the learning rate rises
MEASURE_BATCH = 20
LEAST_RANGE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """How a model is tuned.

    Attributes:
        steps: Number of batches.
        batch_size: Photos in each.
        learning_rate: The highest, in units of each weight's range.
        range_photos: Photos that value ranges are measured on, the first ones.
        range_updates: How often they are measured.
        temperature: Logits are divided by it before their distributions are compared.
        least_side: Share of a photo's sides that a crop keeps at least.
        seed: What batches and crops are drawn from.
        pairwise: Whether weights are rounded as for ONNX, see :mod:`edgecls_export.pair_sums`.
    """

    steps: int = 300
    batch_size: int = 16
    learning_rate: float = 1e-4
    range_photos: int = 100
    range_updates: int = 4
    temperature: float = 2.0
    least_side: float = 0.7
    seed: int = 0
    pairwise: bool = False


def copy_of(model: Any) -> Any:
    """Return a Keras model of the same layers and weights that shares nothing with the first."""
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def tune(
    model: Any,
    images: Images,
    tuning: Tuning,
    *,
    teacher: Any = None,
    on_step: Callable[[int], None] | None = None,
) -> Any:
    """Return a copy of a classifier whose weights are tuned for int8.

    Args:
        model: Where tuning begins: float32 RGB 0..255 in, a Softmax layer ``scores`` at its end.
        images: Photos, ``(N, H, W, 3)`` uint8; no labels are needed.
        tuning: How.
        teacher: The float model whose logits are wanted; by default ``model`` itself.
        on_step: Called with 1 after every step.

    Raises:
        ExportError: If nothing in the model can be tuned, or the loss is not a number.
    """
    session = _Session(model, model if teacher is None else teacher, images, tuning)
    for number in range(tuning.steps):
        session.step(number)
        if on_step is not None:
            on_step(1)
    return session.finish()


class _Moves:
    """How far each tunable variable has moved from where it was."""

    def __init__(self, tunables: tuple[Tunable, ...]) -> None:
        import keras
        import tensorflow as tf

        self._tunables = tunables
        self._index = {id(tunable.variable): i for i, tunable in enumerate(tunables)}
        starts = [tunable.variable.numpy() for tunable in tunables]
        self._starts = [tf.constant(start) for start in starts]
        self._units = [tf.Variable(tf.ones_like(start)) for start in self._starts]
        self.variables = [keras.Variable(np.zeros_like(start)) for start in starts]

    def set_units(self, ranges: Sequence[NDArray[np.float32]]) -> None:
        """Say what one is: the largest weight of a channel, or the range of its output.

        Args:
            ranges: Least and greatest values, ``(2, channels)`` at each point.
        """
        for tunable, unit in zip(self._tunables, self._units, strict=True):
            unit.assign(np.broadcast_to(_unit(tunable, ranges), unit.shape))

    def value_of(self, variable: Any) -> Any:
        """Return a variable's value now, as a tensor that depends on the moves."""
        import tensorflow as tf

        index = self._index.get(id(variable))
        if index is None:
            return tf.convert_to_tensor(variable.value)
        return self._starts[index] + self.variables[index].value * self._units[index]

    def apply(self) -> None:
        """Move the variables themselves."""
        for tunable in self._tunables:
            tunable.variable.assign(self.value_of(tunable.variable))


class _Session:
    """A copy being tuned.

    Attributes:
        losses: Of every step so far.
    """

    def __init__(self, model: Any, teacher: Any, images: Images, tuning: Tuning) -> None:
        import keras
        import tensorflow as tf

        self._tuned = copy_of(model)
        quantized = FakeQuantized(_body(self._tuned), pairwise=tuning.pairwise)
        for name in quantized.unknown:
            sys.stderr.write(f"Tuning takes layer {name} as it is: its weights are not rounded.\n")
        if not any(tunable.is_kernel for tunable in quantized.tunables):
            message = "Expected a model with Conv2D, DepthwiseConv2D or Dense layers, got none."
            raise ExportError(message, hint="use --recipe int8 or float16 for this model")
        self._quantized, self._images, self._tuning = quantized, images, tuning
        wanted = _body(teacher)
        self._teach = tf.function(lambda pixels: wanted(pixels, training=False))
        self._moves = _Moves(quantized.tunables)
        self._observe = tf.function(lambda pixels: quantized.observed(pixels, self._moves.value_of))
        self._ranges = tf.Variable(tf.zeros((quantized.points, 2)))
        self._moves.set_units(self._measure())
        self._optimizer = keras.optimizers.Adam(tuning.learning_rate)
        self._optimizer.build(self._moves.variables)
        self._train = tf.function(self._train_step)
        self.losses: list[float] = []

    def step(self, number: int) -> None:
        """Tune on one batch."""
        tuning = self._tuning
        if number and number % max(1, tuning.steps // tuning.range_updates) == 0:
            self._measure()
        self._optimizer.learning_rate = _rate(tuning.learning_rate, number / tuning.steps)
        pixels = batch(self._images, number, tuning).astype(np.float32)
        loss = float(self._train(pixels, self._teach(pixels)))
        self.losses.append(loss)
        if not math.isfinite(loss):
            message = f"Expected a loss that is a number while tuning, got {loss}."
            raise ExportError(message, hint="check the model's weights, or use --recipe float16")

    def finish(self) -> Any:
        """Return the tuned model."""
        self._moves.apply()
        return self._tuned

    def _measure(self) -> list[NDArray[np.float32]]:
        """Measure the ranges of all activations as they are now, and how far logits spread."""
        images = self._images[: self._tuning.range_photos]
        found, logits = [], []
        for start in range(0, len(images), MEASURE_BATCH):
            pixels = images[start : start + MEASURE_BATCH].astype(np.float32)
            output, ranges = self._observe(pixels)
            found.append([both.numpy() for both in ranges])
            logits.append(output.numpy())
        channels = [
            np.stack([np.min(least, axis=0), np.max(most, axis=0)])
            for least, most in ([*zip(*point, strict=True)] for point in zip(*found, strict=True))
        ]
        least = [min(0.0, float(both[0].min())) for both in channels]
        most = [max(LEAST_RANGE, float(both[1].max())) for both in channels]
        self._ranges.assign(np.stack([least, most], axis=1))
        self._logit_scale = float(np.concatenate(logits).std()) + LEAST_RANGE
        return channels

    def _train_step(self, pixels: Any, wanted: Any) -> Any:
        import tensorflow as tf

        moves = self._moves.variables
        with tf.GradientTape() as tape:
            logits = self._quantized.rounded(pixels, self._moves.value_of, self._ranges)
            loss = _loss(logits, wanted, self._tuning.temperature, self._logit_scale)
        sources = [move.value for move in moves]
        zero = tf.UnconnectedGradients.ZERO
        self._optimizer.apply(tape.gradient(loss, sources, unconnected_gradients=zero), moves)
        return loss


def batch(images: Images, number: int, tuning: Tuning) -> Images:
    """Return the photos of one step, cropped and mirrored at random: the same ones every time."""
    size = tuning.batch_size
    epoch, place = divmod(number * size, len(images))
    order = np.concatenate(
        [
            np.random.default_rng([tuning.seed, epoch + i]).permutation(len(images))
            for i in range(2 + size // len(images))
        ]
    )
    random = np.random.default_rng([tuning.seed, 1, number])
    chosen = images[order[place : place + size]]
    return np.stack([_seen_anew(image, random, tuning.least_side) for image in chosen])


def _seen_anew(image: Images, random: np.random.Generator, least_side: float) -> Images:
    height, width = image.shape[:2]
    side = random.uniform(least_side, 1)
    box = (max(1, round(height * side)), max(1, round(width * side)))
    top, left = random.integers(height - box[0] + 1), random.integers(width - box[1] + 1)
    cut = image[top : top + box[0], left : left + box[1]]
    if random.random() < 0.5:
        cut = cut[:, ::-1]
    cut = np.ascontiguousarray(cut)
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _body(model: Any) -> Any:
    """Return the model up to its logits."""
    import keras

    return keras.Model(model.inputs, model.get_layer(OUTPUT_NAME).input)


def _unit(tunable: Tunable, ranges: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    if not tunable.is_kernel:
        return np.asarray(ranges[tunable.point][1] - ranges[tunable.point][0])
    kernel = np.abs(tunable.variable.numpy())
    if tunable.is_depthwise or kernel.ndim < 2:
        return np.asarray(kernel.max(axis=(0, 1)[: kernel.ndim], keepdims=True))
    axes = tuple(range(kernel.ndim))
    outputs = kernel.max(axis=axes[:-1], keepdims=True)
    inputs = kernel.max(axis=(*axes[:-2], axes[-1]), keepdims=True)
    return np.asarray(np.minimum(inputs, outputs))


def _loss(logits: Any, wanted: Any, temperature: float, logit_scale: float) -> Any:
    """Return how far logits are from those wanted: as distributions, and one by one."""
    import tensorflow as tf

    target = tf.nn.log_softmax(wanted / temperature)
    got = tf.nn.log_softmax(logits / temperature)
    divergence = tf.reduce_sum(tf.exp(target) * (target - got), axis=-1) * temperature**2
    return tf.reduce_mean(divergence) + tf.reduce_mean(tf.square((logits - wanted) / logit_scale))


def _rate(highest: float, done: float) -> float:
    """Return the learning rate when a share ``done`` of all steps is done: a short rise, a cosine fall."""
    if done < WARMUP:
        return highest * (0.1 + 0.9 * done / WARMUP)
    return highest * 0.5 * (1 + math.cos(math.pi * (done - WARMUP) / (1 - WARMUP)))
