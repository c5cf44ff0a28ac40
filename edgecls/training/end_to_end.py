"""Training through the network itself, with augmentation: the top blocks of a backbone, or all from scratch.

After every epoch a checkpoint is written. The order of photos and their augmentation depend only on the
seed, the epoch and the place in its order, so a training that was stopped goes on as if it had not been, and
several processes train as one would with the same number of photos per step.
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

from edgecls.distributed.group import ALONE, Group
from edgecls.progress import Advance
from edgecls.training.augmentation import augmentation
from edgecls.training.backbones import Backbone, blocks_of
from edgecls.training.checkpoint import (
    Checkpoint,
    CheckpointState,
    read_checkpoint,
    write_checkpoint,
)
from edgecls.training.epoch_order import epoch_order, steps_of
from edgecls.training.head import class_weights
from edgecls.training.learner import Learner
from edgecls.training.pictures import Pictures
from edgecls.training.quiet_keras import import_keras
from edgecls.training.record import Epoch
from edgecls.training.sharing import shared_scores

__all__ = ["EndToEndOptions", "LabelledPaths", "train_end_to_end", "unfreeze"]

FINE_TUNE_RATE, SCRATCH_RATE = 1e-4, 3e-3


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
        batch_size: Photos per step, of all devices together.
        seed: What order and augmentation are drawn from.
        learning_rate: Highest one; it rises first and falls to 0.
        keeps_start: Whether the weights it starts from may turn out to be the best.
        checkpoint: Where process 0 keeps the state after each epoch.
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
    group: Group = ALONE,
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
        group: The processes that train together; all of them call this, and all get the same weights.
        on_epoch: Called after each epoch, when its checkpoint is written.
        show_epoch: Gives the progress of an epoch, by its number; it counts photos.

    Raises:
        DistributedError: If another process is lost.
        OptionError: If a checkpoint to go on from is of another training.
        StorageError: If a checkpoint cannot be written or read.
        TrainingError: If the loss is no longer a number, or the checkpoint is damaged.
    """
    session = _Session(model, pictures, train, val, options, group)
    if options.is_resumed:
        session.restore(read_checkpoint(options.checkpoint, options.key, group))
    for number in range(len(session.state.history) + 1, options.epochs + 1):
        with show_epoch(number) if show_epoch else nullcontext() as advance:
            epoch = session.run_epoch(number, advance)
        if on_epoch is not None:
            on_epoch(epoch)
    model.set_weights(session.best)
    return session.state


class _Session:
    """A training under way: the model, the copy of it that learns, and the best weights so far."""

    def __init__(
        self,
        model: Any,
        pictures: Pictures,
        train: LabelledPaths,
        val: LabelledPaths,
        options: EndToEndOptions,
        group: Group,
    ) -> None:
        self.model, self.pictures, self.group = model, pictures, group
        self.train, self.val, self.options = train, val, options
        self.weights = class_weights(train.class_ids, model.output_shape[-1])
        self.learner = Learner(
            model,
            group,
            learning_rate=options.learning_rate,
            steps=options.epochs * steps_of(len(train.paths), options.batch_size),
        )
        self.best: Sequence[NDArray[Any]] = model.get_weights()
        accuracy, loss = -1.0, math.inf
        if options.keeps_start and not options.is_resumed:
            accuracy, loss = self._validate()
        self.state = CheckpointState(key=options.key, best_accuracy=accuracy, best_loss=loss)

    def restore(self, checkpoint: Checkpoint) -> None:
        try:
            self.learner.restore(checkpoint.weights, checkpoint.optimizer)
        except ValueError as error:
            message = "Expected a checkpoint that fits the model, got another one."
            raise TrainingError(message, hint="repeat the command without --resume") from error
        self.best, self.state = checkpoint.best, checkpoint.state

    def run_epoch(self, number: int, advance: Advance | None) -> Epoch:
        loss, accuracy = self._pass_over(number, advance)
        weights = self.learner.weights()
        self.model.set_weights(weights)
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
            self.best = weights
            state = replace(
                state, best_epoch=number, best_accuracy=val_accuracy, best_loss=val_loss
            )
        self.state = state
        optimizer = self.learner.optimizer_state()
        if self.group.rank == 0:
            checkpoint = Checkpoint(
                state=state, weights=weights, optimizer=optimizer, best=self.best
            )
            write_checkpoint(self.options.checkpoint, checkpoint)
        return epoch

    def _pass_over(self, number: int, advance: Advance | None) -> tuple[float, float]:
        """Return mean loss and accuracy of an epoch; photos that fill its last batch count once more."""
        options, total = self.options, len(self.train.paths)
        seed = (options.seed, number)
        order = epoch_order(total, options.batch_size, self.group, seed)
        change = augmentation(options.seed, number)
        batches = self.pictures.batches(
            [self.train.paths[i] for i in order.photos],
            order.part,
            change=lambda pixels, i: change(pixels, int(order.places[i])),
        )
        class_ids = self.train.class_ids[order.photos]
        self.learner.begin(seed)
        loss = accuracy = 0.0
        for step, pixels in enumerate(batches):
            ids = class_ids[step * order.part :][: order.part]
            loss, accuracy = self.learner.step(pixels, ids, self.weights[ids])
            if not math.isfinite(loss):
                message = f"Expected a loss that is a number, got {loss} in epoch {number}."
                raise TrainingError(message, hint="train with a larger --batch-size")
            if advance is not None:
                advance(min(options.batch_size, total - step * options.batch_size))
        return loss, accuracy

    def _validate(self) -> tuple[float, float]:
        """Return accuracy and loss on the validation photos."""
        size = len(self.group.share(self.options.batch_size))
        scores = shared_scores(self.model, self.pictures, self.val.paths, size, self.group)
        accuracy = float((scores.argmax(axis=1) == self.val.class_ids).mean())
        return accuracy, cross_entropy(scores, self.val.class_ids)
