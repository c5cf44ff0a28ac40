"""train: a folder of photos becomes a finished run."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.postprocessing import apply_temperature
from edgecls_device.spec import ModelSpec, Provenance
from edgecls_device.stamps import installed_versions, now
from edgecls_export.confidence import MIN_VAL_PHOTOS, fit_temperature, fit_unknown_threshold

from edgecls.data.folders import find_photos
from edgecls.data.load import PhotoSet, load_photos
from edgecls.data.parallel import cores
from edgecls.data.split import read_split, split_photos
from edgecls.data.split_record import Split
from edgecls.distributed.group import ALONE, Group
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory
from edgecls.scale.extracting import OpenExecutor
from edgecls.training.agreement import agree_on_photos, agree_on_weights
from edgecls.training.backbones import DEFAULT_BACKBONE, build
from edgecls.training.confidence import evaluate
from edgecls.training.end_to_end import unfreeze
from edgecls.training.extractor import weights_fingerprint
from edgecls.training.feature_cache import default_cache
from edgecls.training.features import PhotoFeatures
from edgecls.training.head import Head
from edgecls.training.keras_classifier import classifier, golden_samples
from edgecls.training.outputs import PACKAGES, PACKAGES_OF_JAX, open_run, write_run
from edgecls.training.pictures import Pictures
from edgecls.training.quiet_keras import import_keras, keras_backend
from edgecls.training.record import TrainingRecord
from edgecls.training.settings import ResizeRule, TrainingSettings
from edgecls.training.sharing import say_once, the_first_makes
from edgecls.training.stages import (
    Trained,
    features_of,
    train_on_features,
    train_through,
    unreadable,
)

__all__ = ["train"]

_NO_FEATURES = PhotoFeatures(vectors={}, undecodable={}, cached=0, computed=0)


def train(
    data: Path | str,
    *,
    out: Path | str,
    backbone: str = DEFAULT_BACKBONE,
    epochs: int | None = None,
    fine_tune: int = 0,
    seed: int = 0,
    resume: bool = False,
    resize: ResizeRule = "crop",
    size: int | None = None,
    batch_size: int = 32,
    cache: Path | str | None = None,
    group: Group = ALONE,
    executor: OpenExecutor | None = None,
) -> TrainingRecord:
    """Train a classifier on a folder of class folders, and leave a finished run.

    It writes ``model.keras``, ``spec.json``, ``split.json`` and ``training.json``. Repeated on the same photos
    with the same options it gives the same model; exports and measurements of another model that was in
    ``out`` are moved to ``out/previous``.

    Args:
        data: The folder of photos.
        out: The run directory, such as ``runs/pets``.
        backbone: Name of the backbone.
        epochs: Most passes over the photos in the last stage; by default 60 for the head, 5 for fine-tuning,
            30 from scratch.
        fine_tune: How many of the top blocks to train end to end, with augmentation; 0 for none.
        seed: What every random choice is drawn from.
        resume: Whether to go on from the checkpoint of a stopped ``fine_tune`` or training from scratch.
        resize: How a photo becomes the input size: ``crop``, ``stretch`` or ``letterbox``.
        size: Input height and width in pixels; by default the backbone's own.
        batch_size: Photos per step on each device.
        cache: Directory of cached features; by default ``$XDG_CACHE_HOME/edgecls/features``.
        group: The processes that train together. All call this with the same options and photos; process 0
            alone writes the run, and reads it with ``resume``.
        executor: Opens workers that compute the features which are not cached, such as
            ``lambda: open_executor("ray", address="10.0.0.1:6379")``; by default threads of this process do.

    Raises:
        DataError: If the photos cannot be trained on, or are other ones in another process.
        DistributedError: If another process is lost, or begins with another backbone.
        InterruptedRunError: If Ctrl-C stops training end to end; ``resume`` goes on.
        MissingDependencyError: If a package is not installed.
        NetworkError: If the backbone's weights cannot be downloaded.
        OptionError: If an option cannot be honoured.
        StorageError: If a file cannot be read or written.
        TrainingError: If training cannot go on.
    """
    settings = TrainingSettings(
        backbone=backbone,
        epochs=epochs,
        fine_tune=fine_tune,
        seed=seed,
        resize=resize,
        size=size,
        batch_size=batch_size,
        devices=group.devices,
    )
    _check_executor(executor, settings, group)
    data, clock = Path(data), _Clock()
    with clock("photos"):
        total = len(find_photos(data).photos)  # there is such a folder, so a run may be created
    with _opened(out, data, group) as run:
        return _train(
            run, data, total, settings, clock, group, executor, cache=cache, resume=resume
        )


def _check_executor(
    executor: OpenExecutor | None, settings: TrainingSettings, group: Group
) -> None:
    """Refuse workers that would have nothing to do."""
    if executor is not None and group.size > 1:
        message = (
            f"Expected an executor or a group of processes, got both ({group.size} processes)."
        )
        hint = "leave --executor out: features are shared out among the processes already"
        raise OptionError(message, hint=hint)
    if executor is not None and not settings.entry.is_pretrained:
        message = f"Expected an executor with a pretrained backbone, got {settings.backbone}."
        hint = f"leave --executor out: {settings.backbone} is trained end to end, without features"
        raise OptionError(message, hint=hint)


def _opened(out: Path | str, data: Path, group: Group) -> AbstractContextManager[RunDirectory]:
    return open_run(out, data=data) if group.rank == 0 else nullcontext(RunDirectory(Path(out)))


def _train(
    run: RunDirectory,
    data: Path,
    total: int,
    settings: TrainingSettings,
    clock: "_Clock",
    group: Group,
    executor: OpenExecutor | None,
    *,
    cache: Path | str | None,
    resume: bool,
) -> TrainingRecord:
    with clock("photos"):
        photo_set = _read(data, total, group)
        agree_on_photos(photo_set, group)
    with clock("backbone"):
        import_keras()
        network = build(settings.entry, size=settings.preprocessing.height, seed=settings.seed)
        agree_on_weights(network, group)
    pictures = Pictures(settings.preprocessing, threads=cores())
    with clock("features"):
        features = _NO_FEATURES
        if settings.entry.is_pretrained:
            store = default_cache() if cache is None else Path(cache)
            features = features_of(
                photo_set, network, settings, store, group=group, executor=executor
            )
            broken = features.undecodable
        else:
            broken = unreadable(photo_set, pictures, group=group)
        photo_set = _without_broken(photo_set, broken, group)
    split = _split(photo_set, run, group)
    trained = _learn(network, features, pictures, split, settings, run, clock, group, resume=resume)

    def finish() -> TrainingRecord:
        with clock("evaluation"):
            spec = _spec(run, trained, photo_set, split, settings, group)
        record = _record(spec, trained, photo_set, split, features, clock)
        write_run(run, trained.model, spec, split=split, record=record)
        run.checkpoint.unlink(missing_ok=True)
        return record

    return the_first_makes(TrainingRecord, finish, group)


class _Clock:
    """Seconds per stage, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - start, 2)


def _read(data: Path, total: int, group: Group) -> PhotoSet:
    with progress("Hashing photos", total, is_shown=group.rank == 0) as advance:
        photo_set = load_photos(data, on_progress=advance)
    if photo_set.merged:
        names = ", ".join(photo_set.merged)
        say_once(f"note: the classes in {names} are put together and split anew", group)
    return photo_set


def _without_broken(photo_set: PhotoSet, broken: Any, group: Group) -> PhotoSet:
    if broken:
        say_once(
            f"note: photos left out because they do not decode: {len(broken)}; see: edgecls data check",
            group,
        )
        photo_set = photo_set.without(broken, "undecodable", details=broken)
    return photo_set


def _split(photo_set: PhotoSet, run: RunDirectory, group: Group) -> Split:
    """Return the split of process 0, which knows that of the run before, with the paths of this one."""

    def make() -> Split:
        return split_photos(photo_set, previous=_previous_split(run))

    return replace(the_first_makes(Split, make, group), root=str(photo_set.root))


def _previous_split(run: RunDirectory) -> Split | None:
    if not run.split.is_file():
        return None
    try:
        return read_split(run.split)
    except EdgeclsError as error:
        say(f"note: the split before is not used: {error.message}")
        return None


def _learn(
    network: Any,
    features: PhotoFeatures,
    pictures: Pictures,
    split: Split,
    settings: TrainingSettings,
    run: RunDirectory,
    clock: _Clock,
    group: Group,
    *,
    resume: bool,
) -> Trained:
    if run.checkpoint.is_file() and not resume:
        say_once("note: a stopped training is here; this starts over (--resume would go on)", group)
    if not settings.entry.is_pretrained:
        start = Trained(model=_untrained(network, len(split.labels)), history=(), scores={})
        with clock("from scratch"):
            return train_through(
                start, pictures, split, settings, run, is_resumed=resume, group=group
            )
    with clock("head"):
        trained = train_on_features(network, features, split, settings, group=group)
    if settings.fine_tune:
        with clock("fine-tune"):
            unfreeze(trained.model, settings.entry, settings.fine_tune)
            trained = train_through(
                trained, pictures, split, settings, run, is_resumed=resume, group=group
            )
    return trained


def _untrained(network: Any, classes: int) -> Any:
    shape = (network.output_shape[-1], classes)
    return classifier(
        network, Head(kernel=np.zeros(shape, np.float32), bias=np.zeros(classes, np.float32))
    )


def _spec(
    run: RunDirectory,
    trained: Trained,
    photo_set: PhotoSet,
    split: Split,
    settings: TrainingSettings,
    group: Group,
) -> ModelSpec:
    class_ids = np.array([photo.class_id for photo in split.subset("val")], np.int64)
    if len(class_ids) < MIN_VAL_PHOTOS:
        say(
            f"note: {len(class_ids)} validation photos are too few (of {MIN_VAL_PHOTOS}) to fit "
            "temperature and unknown threshold"
        )
    temperature = fit_temperature(trained.scores["val"], class_ids)
    shown = apply_temperature(trained.scores["val"], temperature)
    packages = PACKAGES + (PACKAGES_OF_JAX if keras_backend() == "jax" else ())
    return ModelSpec(
        name=run.name,
        labels=split.labels,
        preprocessing=settings.preprocessing,
        temperature=temperature,
        unknown_threshold=fit_unknown_threshold(shown, class_ids),
        golden=golden_samples(trained.model),
        provenance=Provenance(
            backbone=settings.backbone,
            weights=settings.entry.weights or "none: trained from scratch",
            dataset=photo_set.root.name,
            dataset_fingerprint=photo_set.fingerprint,
            photos=dict(Counter(photo.split for photo in split.photos)),
            settings={
                **settings.as_text(),
                "keras_backend": keras_backend(),
                "processes": str(group.size),
                "devices": str(group.devices),
            },
            packages=installed_versions(packages),
            model_fingerprint=weights_fingerprint(trained.model),
        ),
    )


def _record(
    spec: ModelSpec,
    trained: Trained,
    photo_set: PhotoSet,
    split: Split,
    features: PhotoFeatures,
    clock: _Clock,
) -> TrainingRecord:
    evaluations = {}
    for name in ("val", "test"):
        class_ids = np.array([p.class_id for p in split.photos if p.split == name], np.int64)
        shown = apply_temperature(trained.scores[name], spec.temperature)
        evaluations[name] = evaluate(shown, class_ids)
    counts = Counter((photo.class_id, photo.split) for photo in split.photos)
    return TrainingRecord(
        created=now(),
        backbone=spec.provenance.backbone,
        weights=spec.provenance.weights,
        settings=spec.provenance.settings,
        photos={
            label: {name: counts[i, name] for name in ("train", "val", "test")}
            for i, label in enumerate(split.labels)
        },
        skipped=photo_set.skipped_counts,
        features_cached=features.cached,
        features_computed=features.computed,
        history=trained.history,
        is_fine_tuned=trained.is_fine_tuned,
        val=evaluations["val"],
        test=evaluations["test"],
        temperature=spec.temperature,
        unknown_threshold=spec.unknown_threshold,
        timings_s=clock.seconds,
        packages=spec.provenance.packages,
    )
