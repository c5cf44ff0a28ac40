"""The head: a linear layer on frozen features, trained in NumPy in seconds and the same every time.

For training, features are centred and all divided by one number; the result is folded back, so that the
layer takes plain features. (A number of its own for each feature costs 14 points with 3 photos a class, where
it is mostly noise, and gains nothing with 400.) With few photos training starts at the class prototypes:
96.5 % instead of 94.0 % with 3 photos of cats and of dogs each, 97.7 % instead of 97.3 % with 10.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from edgecls_device.postprocessing import softmax
from edgecls_export.confidence import cross_entropy
from numpy.typing import NDArray

from edgecls.training.record import Epoch

__all__ = ["Examples", "Head", "HeadOptions", "class_weights", "train_head"]

FEW_PHOTOS = 20
"""Below this many training photos in the median class, training starts at the prototypes."""

BALANCED_RATIO = 1.5
"""Classes whose sizes differ by no more than this factor all weigh 1."""

_LEARNING_RATE = 1e-2
_WEIGHT_DECAY = 1e-4
_ADAM = (0.9, 0.999, 1e-8)
_LEAST_SCALE = 1e-6  # features that never move must not be blown up
_PATIENCE = 10

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Features and the classes they stand for.

    Attributes:
        features: Shape ``(photos, features)``, float32.
        class_ids: Shape ``(photos,)``, int64.
    """

    features: Floats
    class_ids: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A linear layer: ``logits = features @ kernel + bias``.

    Attributes:
        kernel: Shape ``(features, classes)``, float32.
        bias: Shape ``(classes,)``, float32.
    """

    kernel: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Return logits, shape ``(photos, classes)``, float32."""
        return np.asarray(features @ self.kernel + self.bias, np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadOptions:
    """How the head is trained.

    Attributes:
        epochs: Most passes over the training photos.
        batch_size: Photos per step.
        seed: What the order of the photos is drawn from.
    """

    epochs: int
    batch_size: int
    seed: int


def class_weights(class_ids: NDArray[np.int64], classes: int) -> Floats:
    """Return one weight per class: 1 if they are balanced, else the inverse of the share, mean 1 per photo.

    Returns:
        Shape ``(classes,)``, float32.
    """
    counts = np.maximum(np.bincount(class_ids, minlength=classes), 1)
    if counts.max() <= BALANCED_RATIO * counts.min():
        return np.ones(classes, np.float32)
    return np.asarray(len(class_ids) / (classes * counts), np.float32)


def train_head(
    train: Examples,
    val: Examples,
    classes: int,
    options: HeadOptions,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Head, tuple[Epoch, ...]]:
    """Train until the validation loss stops falling, and return the best head with its history.

    Args:
        train: At least one photo.
        val: At least one photo.
        classes: Number of classes.
        options: How.
        on_epoch: Called after each epoch.
    """
    center, scale = _scaling(train.features)
    scaled = Examples(features=(train.features - center) / scale, class_ids=train.class_ids)
    checked = Examples(features=(val.features - center) / scale, class_ids=val.class_ids)
    head = _start(scaled, classes)
    best, best_loss, best_epoch = head, cross_entropy(_scores(head, checked), val.class_ids), 0
    optimizer = _Adam(head, class_weights(train.class_ids, classes), options)
    history: list[Epoch] = []
    for number in range(1, options.epochs + 1):
        head = optimizer.pass_over(scaled, head, progress=(number - 1) / options.epochs)
        history.append(_epoch(number, head, scaled, checked))
        if on_epoch is not None:
            on_epoch(history[-1])
        if history[-1].val_loss < best_loss:
            best, best_loss, best_epoch = head, history[-1].val_loss, number
        if number - best_epoch >= _PATIENCE:
            break
    kernel = best.kernel / scale
    return Head(kernel=kernel, bias=best.bias - center @ kernel), tuple(history)


def _scaling(features: Floats) -> tuple[Floats, Floats]:
    """Return the mean, and the length of a typical feature vector once that is taken away."""
    center = features.mean(axis=0)
    length = np.sqrt(((features - center) ** 2).sum(axis=1).mean())
    return center, np.asarray(max(length, _LEAST_SCALE), np.float32)


def _start(train: Examples, classes: int) -> Head:
    length = train.features.shape[1]
    counts = np.bincount(train.class_ids, minlength=classes)
    if np.median(counts) >= FEW_PHOTOS:
        return Head(
            kernel=np.zeros((length, classes), np.float32), bias=np.zeros(classes, np.float32)
        )
    return _prototypes(train, classes)


def _prototypes(train: Examples, classes: int) -> Head:
    """Return the head whose best class is that of the nearest class mean by cosine of centred features.

    The length of a photo's own features scales all of its logits alike, so no division by it is needed. The
    scale of the kernel is the one of a few that fits the training photos best.
    """
    means = np.zeros((classes, train.features.shape[1]), np.float32)
    for class_id in range(classes):
        members = train.features[train.class_ids == class_id]
        means[class_id] = members.mean(axis=0) if len(members) else 0
    directions = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    bias = np.zeros(classes, np.float32)
    heads = [
        Head(kernel=np.asarray(directions.T * s, np.float32), bias=bias) for s in (2, 4, 8, 16)
    ]
    return min(heads, key=lambda head: cross_entropy(_scores(head, train), train.class_ids))


class _Adam:
    """Adam (Kingma and Ba 2015) with decoupled weight decay and a cosine fall of the learning rate."""

    def __init__(self, head: Head, weights: Floats, options: HeadOptions) -> None:
        self._weights, self._options = weights, options
        self._random = np.random.default_rng(options.seed)
        self._kernel, self._bias = _Moments(head.kernel), _Moments(head.bias)

    def pass_over(self, train: Examples, head: Head, *, progress: float) -> Head:
        rate = _LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * progress))
        kernel, bias = head.kernel.copy(), head.bias.copy()
        order = self._random.permutation(len(train.class_ids))
        for start in range(0, len(order), self._options.batch_size):
            chosen = order[start : start + self._options.batch_size]
            features, class_ids = train.features[chosen], train.class_ids[chosen]
            weight = self._weights[class_ids] / len(chosen)
            error = softmax(features @ kernel + bias)
            error[np.arange(len(chosen)), class_ids] -= 1
            error *= weight[:, np.newaxis]
            kernel *= np.float32(1 - rate * _WEIGHT_DECAY)
            self._kernel.step(kernel, features.T @ error, rate)
            self._bias.step(bias, error.sum(axis=0), rate)
        return Head(kernel=kernel, bias=bias)


class _Moments:
    """Running means of one parameter's gradient and of its square."""

    def __init__(self, value: Floats) -> None:
        self._first, self._second = np.zeros_like(value), np.zeros_like(value)
        self._steps = 0

    def step(self, value: Floats, gradient: Floats, rate: float) -> None:
        """Change ``value`` in place."""
        beta1, beta2, epsilon = _ADAM
        self._steps += 1
        self._first += np.float32(1 - beta1) * (gradient - self._first)
        self._second += np.float32(1 - beta2) * (gradient * gradient - self._second)
        rate *= np.sqrt(1 - beta2**self._steps) / (1 - beta1**self._steps)
        value -= np.float32(rate) * self._first / (np.sqrt(self._second) + np.float32(epsilon))


def _scores(head: Head, examples: Examples) -> Floats:
    return softmax(head.logits(examples.features))


def _epoch(number: int, head: Head, train: Examples, val: Examples) -> Epoch:
    scores, val_scores = _scores(head, train), _scores(head, val)
    return Epoch(
        stage="head",
        epoch=number,
        loss=cross_entropy(scores, train.class_ids),
        accuracy=float((scores.argmax(axis=1) == train.class_ids).mean()),
        val_loss=cross_entropy(val_scores, val.class_ids),
        val_accuracy=float((val_scores.argmax(axis=1) == val.class_ids).mean()),
    )
