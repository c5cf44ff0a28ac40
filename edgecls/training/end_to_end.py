"""Training through the network itself, with augmentation: the top blocks of a backbone, or all from scratch.

After every epoch a checkpoint is written. The order of photos and their augmentation depend only on the
seed and the epoch, so a training that was stopped goes on as if it had not been.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.errors import OptionError, TrainingError
from edgecls_export.confidence import cross_entropy
from numpy.typing import NDArray

from edgecls.progress import Advance
from edgecls.training.augmentation import augmentation
from edgecls.training.backbones import Backbone, blocks_of
from edgecls.training.checkpoint import (
    Checkpoint,
    CheckpointState,
    read_checkpoint,
    write_checkpoint,
)
from edgecls.training.head import class_weights
from edgecls.training.keras_classifier import predict
from edgecls.training.pictures import Pictures
from edgecls.training.quiet_keras import import_keras, import_tensorflow
from edgecls.training.record import Epoch

__all__ = ["EndToEndOptions", "LabelledPaths", "train_end_to_end", "unfreeze"]

FINE_TUNE_RATE, SCRATCH_RATE = 1e-4, 3e-3
_WARMUP = 0.1  # share of all steps in which the learning rate rises


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPaths:
    """Photos of one split.

    Attributes:
        paths: Where they lie.
        class_ids: Shape ``(photos,)``, int64.
    """

    paths: Sequence[Path]
    class_ids: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class EndToEndOptions:
    """How it is trained.

    Attributes:
        epochs: Passes over the training photos.
        batch_size: Photos per step.
        seed: What order and augmentation are drawn from.
        learning_rate: Highest one; it rises first and falls to 0.
        keeps_start: Whether the weights it starts from may turn out to be the best.
        checkpoint: Where to keep the state after each epoch.
        key: Of this training; see :class:`~edgecls.training.checkpoint.CheckpointState`.
        is_resumed: Whether to go on from the checkpoint.
    """

    epochs: int
    batch_size: int
    seed: int
    learning_rate: float
    keeps_start: bool
    checkpoint: Path
    key: str
    is_resumed: bool = False


def unfreeze(model: Any, backbone: Backbone, blocks: int) -> None:
    """Let the top ``blocks`` blocks and all above them learn; batch norm keeps its statistics.

    Raises:
        OptionError: If the backbone has fewer blocks.
    """
    keras = import_keras()
    names = blocks_of(model, backbone)
    if blocks > len(names):
        message = f"Expected --fine-tune of at most {len(names)} blocks for {backbone.name}, got {blocks}."
        raise OptionError(message, hint=f"--fine-tune {min(3, len(names))}")
    first = next(
        i for i, layer in enumerate(model.layers) if layer.name.startswith(f"{names[-blocks]}_")
    )
    for i, layer in enumerate(model.layers):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = i >= first and not is_norm


def train_end_to_end(
    model: Any,
    pictures: Pictures,
    train: LabelledPaths,
    val: LabelledPaths,
    options: EndToEndOptions,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
    show_epoch: Callable[[int], AbstractContextManager[Advance]] | None = None,
) -> CheckpointState:
    """Train the layers that may learn, and leave the best weights in ``model``.

    The best are those with the highest accuracy on the validation photos and, among equals, the least loss.

    Args:
        model: The classifier: pixels in, probabilities out of ``scores``.
        pictures: Reads the photos.
        train: Photos to learn from.
        val: Photos to choose the best epoch with.
        options: How.
        on_epoch: Called after each epoch, when its checkpoint is written.
        show_epoch: Gives the progress of an epoch, by its number; it counts photos.

    Raises:
        OptionError: If a checkpoint to go on from is of another training.
        StorageError: If a checkpoint cannot be written or read.
        TrainingError: If the loss is no longer a number, or the checkpoint is damaged.
    """
    session = _Session(model, pictures, train, val, options)
    if options.is_resumed:
        session.restore(read_checkpoint(options.checkpoint, options.key))
    for number in range(len(session.state.history) + 1, options.epochs + 1):
        with show_epoch(number) if show_epoch else nullcontext() as advance:
            epoch = session.run_epoch(number, advance)
        if on_epoch is not None:
            on_epoch(epoch)
    model.set_weights(session.best)
    return session.state


class _Session:
    """A training under way: the model, its optimizer, and the best weights so far."""

    def __init__(
        self,
        model: Any,
        pictures: Pictures,
        train: LabelledPaths,
        val: LabelledPaths,
        options: EndToEndOptions,
    ) -> None:
        keras = import_keras()
        self.model, self.pictures = model, pictures
        self.train, self.val, self.options = train, val, options
        self.weights = class_weights(train.class_ids, model.output_shape[-1])
        self.optimizer = keras.optimizers.Adam(options.learning_rate, clipnorm=1.0)
        self.optimizer.build(model.trainable_variables)
        self.best: Sequence[NDArray[Any]] = model.get_weights()
        accuracy, loss = -1.0, math.inf
        if options.keeps_start and not options.is_resumed:
            accuracy, loss = self._validate()
        self.state = CheckpointState(key=options.key, best_accuracy=accuracy, best_loss=loss)
        self._step = _compiled_step(model, self.optimizer)

    def restore(self, checkpoint: Checkpoint) -> None:
        try:
            self.model.set_weights(checkpoint.weights)
            for variable, value in zip(self.optimizer.variables, checkpoint.optimizer, strict=True):
                variable.assign(value)
        except ValueError as error:
            message = "Expected a checkpoint that fits the model, got another one."
            raise TrainingError(message, hint="repeat the command without --resume") from error
        self.best, self.state = checkpoint.best, checkpoint.state

    def run_epoch(self, number: int, advance: Advance | None) -> Epoch:
        loss, accuracy = self._pass_over(number, advance)
        val_accuracy, val_loss = self._validate()
        epoch = Epoch(
            stage="fine-tune",
            epoch=number,
            loss=loss,
            accuracy=accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
        )
        state = replace(self.state, history=(*self.state.history, epoch))
        if (val_accuracy, -val_loss) > (state.best_accuracy, -state.best_loss):
            self.best = self.model.get_weights()
            state = replace(
                state, best_epoch=number, best_accuracy=val_accuracy, best_loss=val_loss
            )
        self.state = state
        write_checkpoint(
            self.options.checkpoint,
            Checkpoint(
                state=state,
                weights=self.model.get_weights(),
                optimizer=[np.asarray(variable) for variable in self.optimizer.variables],
                best=self.best,
            ),
        )
        return epoch

    def _pass_over(self, number: int, advance: Advance | None) -> tuple[float, float]:
        size, total = self.options.batch_size, len(self.train.paths)
        order = np.random.default_rng([self.options.seed, number]).permutation(total)
        paths = [self.train.paths[i] for i in order]
        change = augmentation(self.options.seed, number)
        loss_sum, right = 0.0, 0
        steps = math.ceil(total / size)
        batches = self.pictures.batches(paths, size, change=change)
        for step, pixels in enumerate(batches):
            class_ids = self.train.class_ids[order[step * size : step * size + len(pixels)]]
            done = ((number - 1) * steps + step) / (self.options.epochs * steps)
            self.optimizer.learning_rate = _rate(self.options.learning_rate, done)
            loss, hits = self._step(pixels.astype(np.float32), class_ids, self.weights[class_ids])
            loss_sum, right = loss_sum + float(loss) * len(pixels), right + int(hits)
            if not math.isfinite(loss_sum):
                message = f"Expected a loss that is a number, got {float(loss)} in epoch {number}."
                raise TrainingError(message, hint="train with a larger --batch-size")
            if advance is not None:
                advance(len(pixels))
        return loss_sum / total, right / total

    def _validate(self) -> tuple[float, float]:
        """Return accuracy and loss on the validation photos."""
        batches = self.pictures.batches(self.val.paths, self.options.batch_size)
        scores = predict(self.model, batches)
        accuracy = float((scores.argmax(axis=1) == self.val.class_ids).mean())
        return accuracy, cross_entropy(scores, self.val.class_ids)


def _rate(highest: float, done: float) -> float:
    """Return the learning rate when a share ``done`` of all steps is done: a short rise, a cosine fall."""
    if done < _WARMUP:
        return highest * (0.1 + 0.9 * done / _WARMUP)
    return highest * 0.5 * (1 + math.cos(math.pi * (done - _WARMUP) / (1 - _WARMUP)))


def _compiled_step(model: Any, optimizer: Any) -> Any:
    tf, keras = import_tensorflow(), import_keras()
    body = keras.Model(model.input, model.get_layer("scores").input)
    signature = [
        tf.TensorSpec((None, *model.input_shape[1:]), tf.float32),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None,), tf.float32),
    ]

    def step(pixels: Any, class_ids: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = body(pixels, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(class_ids, logits)
            loss = tf.reduce_mean(losses * weights)
        optimizer.apply(tape.gradient(loss, body.trainable_variables), body.trainable_variables)
        hits = tf.math.count_nonzero(tf.argmax(logits, axis=1) == class_ids)
        return loss, hits

    return tf.function(step, input_signature=signature)
