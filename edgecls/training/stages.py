"""The stages of a training: features, the head on them, and training through the network."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_device.errors import InterruptedRunError
from edgecls_device.postprocessing import softmax
from numpy.typing import NDArray

from edgecls.data.load import Photo, PhotoSet
from edgecls.data.parallel import cores
from edgecls.data.split_record import Split, SplitName
from edgecls.distributed.group import ALONE, Group
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory
from edgecls.scale.extracting import OpenExecutor, features_over, features_task
from edgecls.training.checkpoint import checkpoint_key
from edgecls.training.end_to_end import (
    FINE_TUNE_RATE,
    SCRATCH_RATE,
    EndToEndOptions,
    LabelledPaths,
    train_end_to_end,
)
from edgecls.training.extractor import extractor_fingerprint, open_extractor
from edgecls.training.feature_cache import FeatureCache
from edgecls.training.features import PhotoFeatures, compute_features
from edgecls.training.head import Examples, Head, HeadOptions, train_head
from edgecls.training.keras_classifier import classifier, predict
from edgecls.training.pictures import Pictures
from edgecls.training.quiet_keras import keras_backend
from edgecls.training.record import Epoch
from edgecls.training.settings import TrainingSettings
from edgecls.training.sharing import say_once, shared_features, shared_undecodable

__all__ = ["Trained", "features_of", "train_on_features", "train_through", "unreadable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A classifier and what it says about the photos it has not learnt from.

    Attributes:
        model: The Keras model.
        history: Every epoch, in order.
        scores: Split -> its probabilities, shape ``(photos, classes)``, in the split's order.
        is_fine_tuned: Whether a pretrained backbone was changed.
    """

    model: Any
    history: tuple[Epoch, ...]
    scores: Mapping[SplitName, Scores]
    is_fine_tuned: bool = False


def features_of(
    photo_set: PhotoSet,
    backbone: Any,
    settings: TrainingSettings,
    cache: Path,
    *,
    group: Group = ALONE,
    executor: OpenExecutor | None = None,
) -> PhotoFeatures:
    """Return the features of all photos, from the cache where they are known.

    Args:
        photo_set: The photos.
        backbone: The Keras backbone, with its weights.
        settings: Of the training.
        cache: The directory of cached features.
        group: The processes; each computes its part, and all get all.
        executor: Opens workers that compute what is missing; by default threads of this process do.

    Raises:
        DistributedError: If another process is lost.
        ExecutorError: If the workers cannot be reached, or cannot read the photos.
        StorageError: If the cache cannot be written.
    """
    rule = settings.preprocessing
    name = f"{settings.backbone}-{extractor_fingerprint(settings.backbone, backbone, rule)}"
    copy = cache / f"{name}.tflite"

    def compute(photos: Sequence[Photo]) -> PhotoFeatures:
        with (
            FeatureCache(cache / f"{name}.sqlite", length=backbone.output_shape[-1]) as store,
            progress("Computing features", len(photos), is_shown=group.rank == 0) as advance,
        ):
            if executor is not None:
                return features_over(
                    executor,
                    photos,
                    photo_set.root,
                    store,
                    lambda: features_task(backbone, rule, extractor=name, copy=copy),
                    on_progress=advance,
                )
            return compute_features(
                photos,
                store,
                rule,
                lambda: open_extractor(backbone, copy, threads=cores()),
                threads=cores(),
                on_progress=advance,
            )

    return shared_features(photo_set, compute, group)


def unreadable(photo_set: PhotoSet, pictures: Pictures, *, group: Group = ALONE) -> dict[Path, str]:
    """Read every photo once, and return what is wrong with those that do not decode.

    Raises:
        DistributedError: If another process of the group, which reads its part, is lost.
    """

    def check(photos: Sequence[Photo]) -> dict[Path, str]:
        found: dict[Path, str] = {}
        with progress("Reading photos", len(photos), is_shown=group.rank == 0) as advance:
            for photo, error in pictures.check([photo.path for photo in photos]):
                if error:
                    found[photo] = error
                advance()
        return found

    return shared_undecodable(photo_set, check, group)


def train_on_features(
    backbone: Any,
    features: PhotoFeatures,
    split: Split,
    settings: TrainingSettings,
    *,
    group: Group = ALONE,
) -> Trained:
    """Train the head on features, and put it on the backbone; process 0 trains it for all.

    Args:
        backbone: The Keras backbone.
        features: Of every photo of the split.
        split: The photos.
        settings: Of the training.
        group: The processes; process 0 alone has the history.

    Raises:
        DistributedError: If another process is lost.
    """
    examples = {name: _examples(split, features, name) for name in ("train", "val", "test")}
    options = HeadOptions(
        epochs=settings.head_epochs, batch_size=settings.global_batch_size, seed=settings.seed
    )
    arrays: list[NDArray[np.float32]] = []
    history: tuple[Epoch, ...] = ()
    if group.rank == 0:
        best, history = train_head(examples["train"], examples["val"], len(split.labels), options)
        arrays = [best.kernel, best.bias]
        say(f"Head: {len(history)} epochs, best {_percent(history)} on validation photos")
    kernel, bias = group.broadcast(arrays)
    head = Head(kernel=kernel, bias=bias)
    return Trained(
        model=classifier(backbone, head),
        history=history,
        scores={
            "val": softmax(head.logits(examples["val"].features)),
            "test": softmax(head.logits(examples["test"].features)),
        },
    )


def train_through(
    start: Trained,
    pictures: Pictures,
    split: Split,
    settings: TrainingSettings,
    run: RunDirectory,
    *,
    is_resumed: bool,
    group: Group = ALONE,
) -> Trained:
    """Train those layers of a model that may learn, and keep the result where it is better.

    Args:
        start: The model to begin with.
        pictures: Reads the photos.
        split: The photos.
        settings: Of the training.
        run: Where checkpoints are kept.
        is_resumed: Whether to go on from a checkpoint, if there is one.
        group: The processes; all get the same model, process 0 alone its scores.

    Raises:
        DistributedError: If another process is lost.
        InterruptedRunError: If the user stops it.
        OptionError: If the checkpoint is of another training.
        StorageError: If a checkpoint cannot be written.
        TrainingError: If the loss is no longer a number.
    """
    is_pretrained = settings.entry.is_pretrained
    options = EndToEndOptions(
        epochs=settings.end_to_end_epochs,
        batch_size=settings.global_batch_size,
        seed=settings.seed,
        learning_rate=FINE_TUNE_RATE if is_pretrained else SCRATCH_RATE,
        keeps_start=is_pretrained,
        checkpoint=run.checkpoint,
        key=_key(split, settings),
        is_resumed=is_resumed and _has_checkpoint(run, group),
    )
    train, val, test = (_labelled(split, name) for name in ("train", "val", "test"))
    try:
        state = train_end_to_end(
            start.model,
            pictures,
            train,
            val,
            options,
            group=group,
            on_epoch=lambda epoch: _say_epoch(epoch, group),
            show_epoch=lambda n: progress(
                f"Epoch {n}/{options.epochs}", len(train.paths), is_shown=group.rank == 0
            ),
        )
    except KeyboardInterrupt:
        message = "stopped by Ctrl-C; the epochs that were finished are kept"
        hint = "repeat the command with --resume to go on, or without it to start over"
        raise InterruptedRunError(message, hint=hint) from None
    history = start.history + state.history
    if state.best_epoch == 0:
        say_once(
            "note: fine-tuning did not measure better on validation photos, so it is not kept",
            group,
        )
        return replace(start, history=history)
    say_once(
        f"Best epoch: {state.best_epoch}, {state.best_accuracy:.1%} on validation photos", group
    )
    scores: dict[SplitName, Scores] = {}
    if group.rank == 0:
        size = settings.batch_size
        scores["val"] = predict(start.model, pictures.batches(val.paths, size))
        scores["test"] = predict(start.model, pictures.batches(test.paths, size))
    return Trained(model=start.model, history=history, scores=scores, is_fine_tuned=is_pretrained)


def _has_checkpoint(run: RunDirectory, group: Group) -> bool:
    (found,) = group.broadcast([np.array([run.checkpoint.is_file()])])
    exists = bool(found[0])
    if not exists:
        say_once("note: there is no checkpoint to go on from, so training starts at epoch 1", group)
    return exists


def _say_epoch(epoch: Epoch, group: Group) -> None:
    say_once(
        f"Epoch {epoch.epoch}: loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.1%}; "
        f"validation loss {epoch.val_loss:.3f}, accuracy {epoch.val_accuracy:.1%}",
        group,
    )


def _percent(history: tuple[Epoch, ...]) -> str:
    return f"{min(history, key=lambda epoch: epoch.val_loss).val_accuracy:.1%}"


def _examples(split: Split, features: PhotoFeatures, name: SplitName) -> Examples:
    photos = split.subset(name)
    return Examples(
        features=np.stack([features.vectors[photo.content_hash] for photo in photos]),
        class_ids=np.array([photo.class_id for photo in photos], np.int64),
    )


def _labelled(split: Split, name: SplitName) -> LabelledPaths:
    photos = split.subset(name)
    return LabelledPaths(
        paths=[split.path_of(photo) for photo in photos],
        class_ids=np.array([photo.class_id for photo in photos], np.int64),
    )


def _key(split: Split, settings: TrainingSettings) -> str:
    photos = sorted((photo.content_hash, photo.class_id, photo.split) for photo in split.photos)
    parts = [settings.as_text(), list(split.labels), photos]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return checkpoint_key(keras_backend(), digest)
